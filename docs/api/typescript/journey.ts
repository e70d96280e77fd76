// The whole journey of a citizen: `node journey.ts plan.json`, from signing up to what is held. Needs Node 22.18 or newer.
//
// `plan.json`: base, language, email, password, answers, documents (kind → file), offering, value. The code from the
// mail is read from the keyboard. Every step is told as one line of JSON.
import { readFile } from "node:fs/promises";
import { argv, stdin, stdout } from "node:process";
import { createInterface } from "node:readline/promises";

import { Kakehashi, pause, Refused } from "./kakehashi.ts";
import type { Forms } from "./kakehashi.ts";

type Plan = {
  base: string;
  language: "en" | "ja";
  email: string;
  password: string;
  answers: Record<string, Record<string, unknown>>;
  documents: Record<Forms["EvidenceKind"], string>;
  offering: string;
  value: string;
};

const PATIENCE = 600; // seconds for an officer to decide, and for the money to come

function told(step: string, facts: object = {}): void {
  stdout.write(`${JSON.stringify({ step, ...facts })}\n`);
}

async function journey(plan: Plan): Promise<void> {
  const api = new Kakehashi(plan.base, plan.language);
  await api.signUp(plan.email, plan.password);
  told("signed up");
  const keyboard = createInterface({ input: stdin });
  await api.confirm((await keyboard.question("")).trim());
  keyboard.close();
  await api.setUpAuthenticator();

  await api.save(plan.answers);
  for (const [kind, file] of Object.entries(plan.documents) as [Forms["EvidenceKind"], string][]) {
    await api.give(kind, new Uint8Array(await readFile(file)));
  }
  if ((await api.application()).remaining.length > 0) throw new Error("something is missing still");
  told("submitted", { status: (await api.submit()).status });
  await until(async () => (await api.application()).decision !== null);
  told("decided", { outcome: (await api.application()).decision?.outcome });

  const offering = (await api.offerings()).find((one) => one.code === plan.offering);
  if (!offering) throw new Error("there is no such offering");
  try {
    await api.subscribe(offering, "1e5");
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    told("refused", { code: refused.problem.code, pointers: refused.problem.errors.map((one) => one.pointer) });
  }
  const receipt = await api.subscribe(offering, plan.value);
  told("ordered", { reference: receipt.reference, status: receipt.status, pay: receipt.payment });
  await until(async () => (await api.subscription(receipt.reference)).status === "funded");
  told("paid", { holdings: await api.holdings() });

  await api.signOut();
  told("signed out", { token: api.token });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error("this took too long");
    await pause(1);
  }
}

await journey(JSON.parse(await readFile(argv[2] ?? "plan.json", "utf8")));
