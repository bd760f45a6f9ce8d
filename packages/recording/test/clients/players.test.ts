// The stock players: asciinema's own, and the one of the web, without its page. `npm run test:clients` runs this.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { glob } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { createMemoryLog } from "@gatehouse/testkit";
import t from "tap";
import { openRecordings } from "../../src/index.ts";
import { shell } from "../support/events.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..", "..", "..");
/** Where test/clients/install.sh has put them. */
const clients = resolve(process.env["CLIENTS"] ?? join(root, "node_modules", ".clients"));
const asciinema = join(clients, "python", "bin", "asciinema");

const LINES = ['\u001b[31mred "€" \u{1f600}\\\u001b[0m\r\n', "\ttab \u0001 \ud7ff\r\n", "end"];

async function recorded(folder: string): Promise<string> {
  let now = 0;
  const recordings = openRecordings({ folder, log: createMemoryLog(), monotonic: () => now });
  const recording = recordings.begin(shell);
  for (const line of LINES) {
    now += 10;
    recording.output(Buffer.from(line));
    recording.input(Buffer.from("x"));
    recording.resize(100, 30);
    recording.mark("held");
  }
  recording.output(Buffer.from([0xff]));
  const ended = await recording.end({ status: 0 });
  return join(folder, ended?.file ?? "");
}

t.test("asciinema", async (t) => {
  if (!existsSync(asciinema)) {
    t.fail(`not run: players (bash test/clients/install.sh ${clients})`);
    return;
  }
  const file = await recorded(t.testdir());
  const { stdout } = await run(asciinema, ["cat", file]);
  t.equal(stdout, `${LINES.join("")}\ufffd`);
  const played = await run(asciinema, ["play", "-s", "10", file]);
  t.equal(played.stdout.trimEnd(), `${LINES.join("")}\ufffd`);
});

t.test("asciinema-player", async (t) => {
  const found = glob(join(clients, "node", "node_modules", "asciinema-player", "dist", "core-*.js"));
  const { value: core } = await found.next();
  if (core === undefined) {
    t.fail(`not run: players (bash test/clients/install.sh ${clients})`);
    return;
  }
  const file = await recorded(t.testdir());
  const { stdout } = await run(process.execPath, [join(import.meta.dirname, "play.js"), core, file]);
  const events = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as readonly [name: string, event: unknown]);
  const all = (wanted: string) => events.flatMap(([name, event]) => (name === wanted ? [event] : []));
  t.equal(all("output").flat().join(""), `${LINES.join("")}\ufffd`);
  t.same(all("input"), [{ data: "x" }, { data: "x" }, { data: "x" }]);
  t.match(all("resize").at(-1), { cols: 100, rows: 30 });
  t.same(
    all("marker").map((marker) => (marker as { label: unknown }).label),
    ["held", "held", "held", "ended: status 0"],
  );
  t.equal(all("error").length, 0);
  t.equal(all("ended").length, 1);
});
