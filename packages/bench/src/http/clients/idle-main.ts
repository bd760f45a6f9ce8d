import { Agent, get } from "node:https";
import { readEnvironment } from "./environment.ts";

/*
 * Clients that keep a connection each open behind one request, and do nothing, until this is ended. Says `ready` when all are there, and
 * to each line that it is told, how many still are: `2000 open`.
 *
 *   node idle-main.ts CLIENTS
 */

/** Clients that connect at once. */
const AT_ONCE = 20;

const clients = Number(process.argv[2]);
const { url, ca, authorization } = readEnvironment();
let open = 0;

/** Resolves when the answer is there. */
function connect(): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // An agent each: one for all would have the next request go by a connection that is free.
  const agent = new Agent({ keepAlive: true });
  const request = get(url, { headers: { authorization }, ca, agent }, (response) => {
    if (response.statusCode !== 200) reject(new Error(`The answer is ${response.statusCode}.`));
    response.on("end", resolve).resume();
  });
  request.on("socket", (socket) => {
    open++;
    socket.on("close", () => open--);
  });
  request.on("error", reject);
  return promise;
}

for (let left = clients; left > 0; left -= AT_ONCE) {
  await Promise.all(Array.from({ length: Math.min(left, AT_ONCE) }, connect));
}
process.stdout.write("ready\n");
process.stdin.on("data", () => process.stdout.write(`${open} open\n`));
