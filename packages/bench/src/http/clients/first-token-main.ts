import { Agent, get } from "node:https";
import { readEnvironment } from "./environment.ts";

/*
 * A client that asks for one stream after the other on one connection, and waits for the first token of each. Prints the milliseconds of
 * each, as JSON.
 *
 *   node first-token-main.ts SECONDS
 */

const seconds = Number(process.argv[2]);
const { url, options } = readEnvironment();
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
/** A token with something in it: an event whose text is kept back is none yet. */
const TOKEN = /"content":"[^"]/;

function firstToken(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const begun = performance.now();
  const request = get(url, { ...options, agent }, (response) => {
    if (response.statusCode !== 200) reject(new Error(`The answer is ${response.statusCode}.`));
    let text = "";
    let took: number | undefined;
    response.setEncoding("latin1").on("data", (piece: string) => {
      text += piece;
      if (took === undefined && TOKEN.test(text)) took = performance.now() - begun;
    });
    response.on("end", () =>
      took === undefined ? reject(new Error("A stream without a token.")) : resolve(took),
    );
    response.on("error", reject);
  });
  request.on("error", reject);
  return promise;
}

await firstToken();
const times: number[] = [];
const end = performance.now() + seconds * 1000;
do times.push(await firstToken());
while (performance.now() < end);
agent.destroy();
process.stdout.write(JSON.stringify(times));
