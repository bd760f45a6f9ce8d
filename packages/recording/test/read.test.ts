import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { eventsOf } from "./support/events.ts";

const HEADER = '{"version": 2, "width": 80, "height": 24}';

t.test("a recording of another's is read as well", async (t) => {
  const file = join(t.testdir(), "a.cast");
  await writeFile(file, `${HEADER}\n[0.5, "o", "a\\u001b\\ud83d\\ude00"]\n[1, "i", "b"]\n`);
  t.match(await eventsOf(file), [
    { kind: "header", columns: 80, rows: 24, startedAt: undefined, title: undefined, term: undefined },
    { kind: "output", at: 500, text: "a\u001b\u{1f600}" },
    { kind: "input", at: 1000, text: "b" },
  ]);
});

t.test("cut off anywhere, it reads up to its last whole line, and says that there was more", async (t) => {
  const file = join(t.testdir(), "a.cast");
  const whole = Buffer.from(`${HEADER}\n[0.5, "o", "ä"]\n[1.5, "m", "x"]\n`);
  for (let end = 0; end <= whole.length; end++) {
    await writeFile(file, whole.subarray(0, end));
    const events = await eventsOf(file);
    const lines = whole.subarray(0, end).toString("latin1").split("\n");
    const isTorn = lines.at(-1) !== "" || end === 0;
    t.equal(events.length, lines.length - 1 + (isTorn ? 1 : 0), `${end} bytes`);
    t.equal(events.at(-1)?.kind === "torn", isTorn, `${end} bytes`);
  }
});

t.test("what is no recording is refused, with its line and nothing of what it says", async (t) => {
  const file = join(t.testdir(), "a.cast");
  const wrong: readonly (readonly [string, number])[] = [
    ["hello\n", 1],
    ['{"version": 1, "width": 80, "height": 24}\n', 1],
    ['{"version": 2, "width": 0, "height": 24}\n', 1],
    [`${HEADER}\n{"o": "secret"}\n`, 2],
    [`${HEADER}\n[0, "o", "x"]\n[1, "o", 5]\n`, 3],
    [`${HEADER}\n["0", "o", "x"]\n`, 2],
    [`${HEADER}\n[0, "x", "x"]\n`, 2],
    [`${HEADER}\n[0, "r", "80x"]\n`, 2],
    [`${HEADER}\n[-1, "o", "x"]\n`, 2],
    [`${HEADER}\n[0, "o", "secret${"x".repeat(500_000)}\n`, 2],
    ["x".repeat(2_000_000), 1],
  ];
  for (const [text, line] of wrong) {
    await writeFile(file, text);
    const refused = await t.rejects(eventsOf(file), { code: "RECORDING_INVALID" });
    t.match(refused, { message: new RegExp(`line ${line} `) });
    t.notMatch(refused, { message: /secret/ });
  }
  await t.rejects(eventsOf(join(t.testdirName, "none.cast")), { code: "ENOENT" });
});
