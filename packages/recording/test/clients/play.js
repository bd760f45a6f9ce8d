// @ts-nocheck -- the player's types are not the repository's.
// Plays a recording by the player's core, and says on standard output what it would show: node play.js CORE FILE
import { readFileSync } from "node:fs";

const [core, file] = process.argv.slice(2);
const { C: Core } = await import(core);
const say = (...words) => process.stderr.write(`${words.join(" ")}\n`);
const logger = { debug: say, info: say, warn: say, error: say };
const player = new Core({ data: readFileSync(file, "utf8") }, { logger, speed: 10 });
for (const name of ["output", "input", "resize", "marker", "ended", "error"]) {
  player.addEventListener(name, (event) => process.stdout.write(`${JSON.stringify([name, event])}\n`));
}
player.terminalReady();
await player.init();
await player.play();
