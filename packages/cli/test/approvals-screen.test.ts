import { EventEmitter } from "node:events";
import { stripVTControlCharacters } from "node:util";
import { approvalSchema } from "@gatehouse/api/bodies";
import { type FakeDesk, sampleApproval } from "@gatehouse/testkit";
import t from "tap";
import { Screen } from "../src/approvals-screen.ts";
import { controlPlane } from "./control-plane.ts";
import { gatehouse } from "./gatehouse.ts";

/** What a terminal was told to show, screen by screen. */
class Terminal extends EventEmitter {
  readonly written: string[] = [];
  columns = 90;
  rows = 12;

  write(text: string): boolean {
    this.written.push(text);
    return true;
  }

  get screen(): readonly string[] {
    return stripVTControlCharacters(this.written.at(-1) ?? "").split("\r\n");
  }
}

const id = (number: number) => `apr_${String(number).padStart(16, "0")}`;

/** An approval as the API gives it. */
async function bodies(t: Parameters<typeof controlPlane>[0], desk: (desk: FakeDesk) => void) {
  const { env, desk: own } = await controlPlane(t);
  desk(own);
  const { stdout } = await gatehouse(["approvals", "--state", "all", "--json"], env);
  return (JSON.parse(stdout) as { approvals: unknown[] }).approvals.map((one) => approvalSchema.parse(one));
}

t.test("a screen shows what waits, follows its changes, and gives the terminal back", async (t) => {
  const [denied, second, first] = await bodies(t, (desk) => {
    desk.put(sampleApproval({ id: id(1) }));
    desk.put(sampleApproval({ id: id(2) }));
    desk.put(sampleApproval({ id: id(2), state: "denied" }), "denied");
    desk.put(sampleApproval({ id: id(3) }));
  }).then(([third, second, first]) => [second, third, first]);
  if (!denied || !second || !first) throw new Error("There are three.");
  const terminal = new Terminal();
  const screen = new Screen("pending", terminal);
  t.teardown(() => screen.close());
  screen.listed([first]);
  t.match(terminal.screen[1], first.id);
  screen.changed("requested", second);
  t.match(terminal.screen[1], second.id, "the newest first");
  screen.changed("denied", { ...denied, id: second.id });
  t.match(terminal.screen[1], first.id);
  t.match(terminal.screen.join("\n"), new RegExp(`denied +${second.id}`));
  screen.lost("no route");
  t.match(terminal.screen.join("\n"), "connecting again: no route");
  screen.close();
  t.equal(terminal.written.at(-1), "\x1b[?25h\x1b[?1049l");
  t.equal(terminal.listenerCount("resize"), 0);
});

t.test("nothing is painted beyond the screen, or by what was asked for", async (t) => {
  const painter = "\x1b[2J\x1b[H\u202e\r\n漢字".repeat(20);
  const many = await bodies(t, (desk) => {
    const { command, requester } = sampleApproval();
    for (let number = 0; number < 30; number++)
      desk.put(
        sampleApproval({
          id: id(number),
          target: painter,
          requester: { ...requester, subject: painter },
          command: { ...command, verbs: [painter], resources: [painter] },
        }),
      );
  });
  const terminal = new Terminal();
  const screen = new Screen("pending", terminal);
  t.teardown(() => screen.close());
  screen.listed(many);
  for (const approval of many) screen.changed("requested", approval);
  for (const columns of [90, 200]) {
    terminal.columns = columns;
    terminal.emit("resize");
    const { screen: lines } = terminal;
    t.ok(lines.length <= terminal.rows);
    for (const line of lines) t.ok(line.length < columns, line);
    const frame = terminal.written.at(-1) ?? "";
    t.equal(frame.split("\x1b[H").length, 2, "home once, by the screen itself");
    for (const raw of ["\x1b[2J", "\u202e"]) t.notOk(frame.includes(raw));
    t.match(lines.join("\n"), /and \d+ more/);
  }
});
