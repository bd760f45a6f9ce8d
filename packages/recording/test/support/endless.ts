import { createMemoryLog } from "@gatehouse/testkit";
import { openRecordings } from "../../src/index.ts";
import { shell } from "./events.ts";

/** Records numbered lines until it is killed, and says up to which one there was room for all. */
const folder = process.argv[2] ?? "";
const recording = openRecordings({ folder, log: createMemoryLog(), highWater: 1 }).begin(shell);
for (let number = 0; ; number++) {
  recording.output(Buffer.from(`line ${number} €\r\n`));
  if (number % 50 !== 0) continue;
  await recording.room;
  process.stdout.write(`${number}\n`);
}
