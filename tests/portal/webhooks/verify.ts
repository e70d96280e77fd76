// Reads received requests from standard input and says of each what the reference client makes of it.
import { NotFromTheFund, verify } from "../../../docs/api/typescript/webhooks.ts";

let text = "";
for await (const part of process.stdin) text += part;
for (const { url, headers, body, keys, now } of JSON.parse(text)) {
  try {
    const told = await verify({ url, headers: new Headers(headers), body: new TextEncoder().encode(body), keys, now });
    console.log(told.id);
  } catch (refused) {
    if (!(refused instanceof NotFromTheFund)) throw refused;
    console.log(refused.message);
  }
}
