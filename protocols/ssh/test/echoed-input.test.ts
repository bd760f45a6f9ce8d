import t from "tap";
import { EchoedInput } from "../src/echoed-input.ts";

/** What is recorded of what was typed (`<`) and shown (`>`), in turn. */
function recorded(...turns: readonly string[]): string[] {
  const lines: string[] = [];
  const input = new EchoedInput((line) => lines.push(line.toString()));
  for (const turn of turns) {
    const bytes = Buffer.from(turn.slice(1));
    if (turn.startsWith("<")) input.typed(bytes);
    else input.shown(bytes);
  }
  return lines;
}

t.test("a line that was typed and shown is recorded, however it came in pieces", async (t) => {
  t.same(recorded("<l", ">l", "<s", ">s", "<\r", ">\r\n"), ["ls\r"]);
  t.same(recorded("<ls\rpwd\r", ">ls\r\n", ">pwd\r\n"), ["ls\r", "pwd\r"]);
  t.same(recorded("<a\r", ">a\r", ">\n", "<b\r", ">b\r\n"), ["a\r", "b\r"]);
});

t.test("a password is typed and not shown", async (t) => {
  t.same(recorded("<hunter2\r", ">\r\n", ">hello\r\n"), []);
  t.same(
    recorded("<hunter2\r", ">\r\nhunter\r\n", "<ls\r", ">ls\r\n"),
    ["ls\r"],
    "nor what looks like its beginning",
  );
  t.same(recorded("<h", "<unter2\r", ">h", ">\r\n"), [], "nor one of which a part was shown");
});

t.test("a line that is painted in another way is left out, and those behind it are not", async (t) => {
  t.same(recorded("<ls\t\r", ">ls /tmp\r\n", "<pwd\r", ">pwd\r\n"), ["pwd\r"]);
});

t.test("what a program shows while somebody types is nobody's line", async (t) => {
  t.same(recorded("<se", ">se", ">cret\r\n", "<cret\r"), []);
});

t.test("a paste is no typing, and what is typed ahead has a bound", async (t) => {
  t.same(recorded(`<${"x".repeat(5000)}\r`, `>${"x".repeat(5000)}\r\n`), []);
  const ahead = Array.from({ length: 100 }, () => `<${"y".repeat(100)}`);
  t.same(recorded(...ahead, "<\r", ">z"), []);
});
