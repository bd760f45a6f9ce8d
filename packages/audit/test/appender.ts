// Appends events as fast as it can, and prints the name of each one that was acknowledged, until it is killed.
import { writeSync } from "node:fs";
import { event, openIn } from "./support.ts";

const [folder = "", run = ""] = process.argv.slice(2);
const log = await openIn(folder);
let next = 0;

async function appendForever(): Promise<never> {
  for (;;) {
    const name = `${run}.${next++}`;
    await log.append(event(name));
    writeSync(1, `${name}\n`);
  }
}

await Promise.all([appendForever(), appendForever(), appendForever(), appendForever()]);
