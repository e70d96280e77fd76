// A small client of the Kakehashi API: fetch and the types of its document (openapi-typescript), nothing else.
//
// Sign-in is django-allauth's headless *app* client; its session token opens the API. Every act carries a key of its
// own, so that it can be sent again after a lost answer and still has one effect.
import type { components } from "./schema.ts";

export type Forms = components["schemas"];
export type Problem = Forms["Problem"];
type Answers = Record<string, Record<string, unknown>>;
type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
type Sent = { status: number; answer: any; wait: number };

const AGAIN = new Set([
  "409 still_running", "429 too_many_requests", "429 waiting_room", "503 try_again", "503 unavailable",
]);
const ATTEMPTS = 8;

/** The API said no. `problem` is its problem document: `code` for programs, `detail` for people. */
export class Refused extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(`${problem.status} ${problem.code}: ${problem.detail}`);
    this.problem = problem;
  }
}

/** One person's session. `base` as `https://fund.example`. */
export class Kakehashi {
  readonly base: string;
  readonly language: "en" | "ja";
  token: string;

  constructor(base: string, language: "en" | "ja" = "en", token = "") {
    this.base = base.replace(/\/$/, "");
    this.language = language;
    this.token = token;
  }

  // ── signing in ───────────────────────────────────────────────────────────────────────────────────────────────
  /** Begin an account; a code is mailed to the address. */
  async signUp(email: string, password: string): Promise<void> {
    await this.auth("POST", "auth/signup", { email, password });
  }

  /** The code from the mail. */
  async confirm(code: string): Promise<void> {
    await this.auth("POST", "auth/email/verify", { key: code });
  }

  /** Connect an authenticator app, which an application needs; its secret, to be kept on the device. */
  async setUpAuthenticator(): Promise<string> {
    const secret: string = (await this.auth("GET", "account/authenticators/totp")).meta.secret;
    await this.auth("POST", "account/authenticators/totp", { code: await oneTimeCode(secret) });
    return secret;
  }

  /** End this session: its token opens nothing any more. */
  async signOut(): Promise<void> {
    await this.auth("DELETE", "auth/session");
    this.token = "";
  }

  /** Signing in answers 401 while another step is due, and 404 with the secret of an app to be connected. */
  private async auth(method: Method, path: string, body?: unknown): Promise<any> {
    const { status, answer } = await this.send(method, `/api/auth/app/v1/${path}`, body, {});
    this.token = answer.meta?.session_token ?? this.token;
    const due = answer.data?.flows !== undefined || answer.meta?.secret !== undefined;
    if (status >= 400 && !due) throw new Error(`${path}: ${JSON.stringify(answer.errors ?? answer)}`);
    return answer;
  }

  // ── what the API does ────────────────────────────────────────────────────────────────────────────────────────
  /** All offerings, page by page. */
  async offerings(): Promise<Forms["OfferingForm"][]> {
    const found: Forms["OfferingForm"][] = [];
    for (let address: string | null = "/offerings"; address; ) {
      const listed: Forms["OfferingList"] = await this.ask("GET", address.replace(`${this.base}/api/v1`, ""));
      found.push(...listed.results);
      address = listed.next;
    }
    return found;
  }

  application(): Promise<Forms["ApplicationForm"]> {
    return this.ask("GET", "/application");
  }

  /** Save steps of the application: all of them, or none. */
  save(answers: Answers): Promise<Forms["ApplicationForm"]> {
    return this.ask("PATCH", "/application", { answers } satisfies Forms["AnswersForm"]);
  }

  /** Add a picture of a document. */
  give(kind: Forms["EvidenceKind"], picture: Uint8Array<ArrayBuffer>): Promise<Forms["DocumentForm"]> {
    const form = new FormData();
    form.append("kind", kind);
    form.append("file", new Blob([picture]), "document");
    return this.ask("POST", "/application/documents", form);
  }

  submit(): Promise<Forms["SubmittedForm"]> {
    return this.ask("POST", "/application/submit", {});
  }

  /** Order for so much, having read and accepted the offering's agreements. */
  subscribe(offering: Forms["OfferingForm"], value: string): Promise<Forms["SubscriptionForm"]> {
    const amount = { currency: offering.currency, value } as Forms["Money"];
    const body: Forms["OrderForm"] = { offering: offering.code, amount, accepts: offering.agreements };
    return this.ask("POST", "/subscriptions", body);
  }

  subscription(reference: string): Promise<Forms["SubscriptionForm"]> {
    return this.ask("GET", `/subscriptions/${reference}`);
  }

  holdings(): Promise<Forms["HoldingList"]> {
    return this.ask("GET", "/holdings");
  }

  /** One operation; sent again, with the same key, while the API asks for it. Throws Refused. */
  async ask(method: Method, path: string, body?: unknown): Promise<any> {
    const key: Record<string, string> = method === "POST" ? { "Idempotency-Key": `"${crypto.randomUUID()}"` } : {};
    for (let attempt = 1; ; attempt++) {
      const sent = await this.send(method, `/api/v1${path}`, body, key).catch((lost: unknown) => {
        if (attempt === ATTEMPTS) throw lost; // the answer was lost; the key makes it safe to ask again
        return null;
      });
      if (sent && sent.status < 400) return sent.answer;
      if (sent && (!AGAIN.has(`${sent.status} ${sent.answer.code}`) || attempt === ATTEMPTS)) throw new Refused(sent.answer);
      await pause(sent ? sent.wait : 2 ** attempt / 8);
    }
  }

  private async send(method: Method, path: string, body: unknown, headers: Record<string, string>): Promise<Sent> {
    const form = body instanceof FormData;
    const all: Record<string, string> = {
      Accept: "application/json",
      "Accept-Language": this.language,
      ...(this.token ? { "X-Session-Token": this.token } : {}),
      ...(body === undefined || form ? {} : { "Content-Type": "application/json" }),
      ...headers,
    };
    const answer = await fetch(`${this.base}${path}`, {
      method,
      headers: all,
      signal: AbortSignal.timeout(30_000),
      ...(body === undefined ? {} : { body: form ? body : JSON.stringify(body) }),
    });
    return { status: answer.status, answer: await answer.json(), wait: Number(answer.headers.get("Retry-After") ?? 1) };
  }
}

export function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

/** What an authenticator app shows for a secret (RFC 6238). */
export async function oneTimeCode(secret: string, at = Date.now()): Promise<string> {
  const bits = [...secret.replace(/=+$/, "")].map((one) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(one));
  const bytes = new Uint8Array(Math.floor((bits.length * 5) / 8));
  const text = bits.map((five) => five.toString(2).padStart(5, "0")).join("");
  for (let place = 0; place < bytes.length; place++) bytes[place] = parseInt(text.slice(place * 8, place * 8 + 8), 2);
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);
  const counter = new DataView(new ArrayBuffer(8));
  counter.setBigUint64(0, BigInt(Math.floor(at / 30_000)));
  const digest = new DataView(await crypto.subtle.sign("HMAC", key, counter.buffer));
  const place = digest.getUint8(19) & 15;
  return String((digest.getUint32(place) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
