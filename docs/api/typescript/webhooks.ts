// Verifies what the fund sends to a webhook: HTTP Message Signatures (RFC 9421), Content-Digest (RFC 9530), Ed25519.
//
// Keep the keys of `GET /api/v1/webhook-keys` for an hour and read them again when a `keyid` is not among them.
import type { Forms } from "./kakehashi.ts";

const COVERED = '"@method" "@target-uri" "content-type" "content-digest"';
const INPUT = /(?:^|,)\s*fund=(\(([^)]*)\)((?:;[a-z]+=(?:"[^"\\]*"|[0-9]+))*))\s*(?:,|$)/;
const PARAMETER = /;([a-z]+)=(?:"([^"\\]*)"|([0-9]+))/g;
const SIGNATURE = /(?:^|,)\s*fund=:([A-Za-z0-9+/=]+):\s*(?:,|$)/;
const DIGEST = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):\s*(?:,|$)/;
const SKEW = 60; // seconds between the two clocks

/** The request is not signed by the fund, not for this address, not of this moment, or was changed. */
export class NotFromTheFund extends Error {}

type Received = { url: string; headers: Headers; body: Uint8Array<ArrayBuffer>; keys: Forms["KeySetForm"]; now?: number };

/**
 * What the fund tells. `url`: the address as it was registered, whatever a proxy made of it; a POST. Throws
 * NotFromTheFund. Afterwards drop an `id` that you have already, and answer a ping with `{"challenge": …}` only when
 * its `webhook` is one that you have registered.
 */
export async function verify({ url, headers, body, keys, now }: Received): Promise<Forms["EventForm"] | Forms["PingForm"]> {
  const signed = INPUT.exec(headers.get("signature-input") ?? "");
  const signature = SIGNATURE.exec(headers.get("signature") ?? "")?.[1];
  const digest = DIGEST.exec(headers.get("content-digest") ?? "")?.[1];
  if (!signed || !signature || !digest || signed[2] !== COVERED) {
    throw new NotFromTheFund("it is not signed as the fund signs");
  }
  const told = new Map([...(signed[3] ?? "").matchAll(PARAMETER)].map((one) => [one[1], one[2] ?? one[3] ?? ""]));
  if (told.get("alg") !== "ed25519" || told.get("tag") !== "kakehashi-webhook") {
    throw new NotFromTheFund("it is signed for something else");
  }
  const at = now ?? Date.now() / 1000;
  if (at < Number(told.get("created") ?? 0) - SKEW || at > Number(told.get("expires") ?? 0) + SKEW) {
    throw new NotFromTheFund("it has expired, or comes from the future");
  }
  if (digest !== toBase64(await crypto.subtle.digest("SHA-256", body))) throw new NotFromTheFund("the body was changed");
  const base = [
    '"@method": POST',
    `"@target-uri": ${url}`,
    `"content-type": ${headers.get("content-type") ?? ""}`,
    `"content-digest": ${headers.get("content-digest")}`,
    `"@signature-params": ${signed[1]}`,
  ].join("\n");
  const key = keys.keys.find((one) => one.kid === told.get("keyid"));
  if (!key) throw new NotFromTheFund("the key is not one of the fund's");
  const jwk = { kty: key.kty, crv: key.crv, x: key.x };
  const known = await crypto.subtle.importKey("jwk", jwk, "Ed25519", false, ["verify"]);
  const good = await crypto.subtle.verify("Ed25519", known, fromBase64(signature), new TextEncoder().encode(base));
  if (!good) throw new NotFromTheFund("the signature is wrong");
  return JSON.parse(new TextDecoder().decode(body));
}

function toBase64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
}
