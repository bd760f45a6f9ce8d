import { Agent } from "node:https";
import { ask } from "./ask.ts";

/*
 * A client that asks for one stream after the other on one connection, and waits for the first token of each. Prints the milliseconds of
 * each, as JSON.
 *
 *   node first-token-main.ts SECONDS TOKENS    TOKENS of each stream
 */

const [seconds = 0, tokens = 0] = process.argv.slice(2).map(Number);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
/** A token with something in it: an event whose text is kept back is none yet. */
const TOKEN = /"content":"[^"]/;

async function firstToken(): Promise<number> {
  const begun = performance.now();
  let text = "";
  let took: number | undefined;
  await ask(tokens, agent, (piece) => {
    text += piece;
    if (took === undefined && TOKEN.test(text)) took = performance.now() - begun;
  });
  if (took === undefined) throw new Error("A stream without a token.");
  return took;
}

await firstToken();
const times: number[] = [];
const end = performance.now() + seconds * 1000;
do times.push(await firstToken());
while (performance.now() < end);
agent.destroy();
process.stdout.write(JSON.stringify(times));
