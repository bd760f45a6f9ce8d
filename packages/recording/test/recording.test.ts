import { createHash } from "node:crypto";
import { open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { createMemoryLog } from "@gatehouse/testkit";
import t from "tap";
import { type CastFile, openRecordings, type RecordingOptions } from "../src/index.ts";
import { eventsOf, shell, shownIn } from "./support/events.ts";

function recordings(folder: string, options: Partial<RecordingOptions> = {}) {
  return openRecordings({ folder, log: createMemoryLog(), ...options });
}

t.test(
  "a shell's recording is asciicast v2: its header, and what was shown, typed, resized, marked",
  async (t) => {
    const folder = join(t.testdir(), "recordings");
    let now = 5000;
    const recording = recordings(folder, { monotonic: () => now }).begin(shell);
    recording.output(Buffer.from('$ echo "\u001b[1mä\\"\r\n'));
    now += 1500;
    recording.input(Buffer.from("q"));
    recording.resize(100, 30);
    recording.resize(0, 0);
    now += 0.25;
    recording.mark("held: restart");
    const ended = await recording.end({ status: 3 });
    t.match(ended, { file: "2026-11-22/ses_1-0.cast" });
    const file = join(folder, ended?.file ?? "");
    const bytes = await readFile(file);
    t.equal(
      bytes.toString(),
      [
        '{"version":2,"width":80,"height":24,"timestamp":1795391999,"title":"dana on web as deploy","env":{"TERM":"xterm-256color"}}',
        String.raw`[0.000000, "o", "$ echo \"\u001b[1mä\\\"\r\n"]`,
        '[1.500000, "i", "q"]',
        '[1.500000, "r", "100x30"]',
        '[1.500250, "m", "held: restart"]',
        '[1.500250, "m", "ended: status 3"]',
        "",
      ].join("\n"),
    );
    t.same(ended, {
      file: "2026-11-22/ses_1-0.cast",
      bytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    });
    const [header, ...events] = await eventsOf(file);
    t.match(header, {
      kind: "header",
      columns: 80,
      rows: 24,
      startedAt: 1795391999000,
      term: "xterm-256color",
    });
    t.same(events.at(2), { kind: "resize", at: 1500, columns: 100, rows: 30 });
    t.equal((await stat(file)).mode & 0o777, 0o600, "nobody else may read it");
    t.equal((await stat(folder)).mode & 0o777, 0o700);
    t.equal((await stat(join(folder, "2026-11-22"))).mode & 0o777, 0o700);
  },
);

t.test("a command's recording has it, and a size where the client has no terminal", async (t) => {
  const folder = t.testdir();
  const recording = recordings(folder).begin({
    ...shell,
    kind: "exec",
    command: "uptime",
    columns: 0,
    rows: 0,
  });
  const ended = await recording.end({ signal: "TERM" });
  const events = await eventsOf(join(folder, ended?.file ?? ""));
  t.match(events, [
    { kind: "header", columns: 80, rows: 24, command: "uptime" },
    { kind: "mark", text: "ended: TERM" },
  ]);
});

t.test("characters are whole, wherever the bytes are cut; what is no UTF-8 is replaced", async (t) => {
  const folder = t.testdir();
  const all = recordings(folder);
  const bytes = Buffer.from("aé€\u{1f600}z");
  for (let at = 0; at <= bytes.length; at++) {
    const recording = all.begin({ ...shell, channel: at });
    recording.output(bytes.subarray(0, at));
    recording.output(bytes.subarray(at));
    const ended = await recording.end({});
    t.equal(shownIn(await eventsOf(join(folder, ended?.file ?? ""))), "aé€\u{1f600}z");
  }
  const recording = all.begin({ ...shell, session: "ses_2" });
  for (const byte of [...bytes, 0xff, 0x80, 0xed, 0xa0, 0x80, 0xf0, 0x9f])
    recording.output(Buffer.from([byte]));
  const ended = await recording.end({});
  const shown = shownIn(await eventsOf(join(folder, ended?.file ?? "")));
  t.match(shown, /^aé€\u{1f600}z\ufffd+$/u);
});

t.test("what is handed in may change afterwards", async (t) => {
  const folder = t.testdir();
  const recording = recordings(folder).begin(shell);
  const bytes = Buffer.from("first €").subarray(0, 8);
  recording.output(bytes);
  bytes.fill(0x78);
  recording.output(Buffer.from("€").subarray(2));
  const ended = await recording.end({});
  t.equal(shownIn(await eventsOf(join(folder, ended?.file ?? ""))), "first €");
});

t.test(
  "bulk output waits for the disk: there is no room, then there is, and nothing is left out",
  async (t) => {
    const folder = t.testdir();
    const recording = recordings(folder, { highWater: 100_000 }).begin(shell);
    const piece = Buffer.from("0123456789\r\n\u001b[0m".repeat(2000));
    let waited = 0;
    for (let count = 0; count < 100; count++) {
      recording.output(piece);
      if (!recording.room) continue;
      waited++;
      await recording.room;
    }
    t.ok(waited > 10, `waited ${waited} times`);
    const ended = await recording.end({ status: 0 });
    const shown = shownIn(await eventsOf(join(folder, ended?.file ?? "")));
    t.ok(shown === piece.toString().repeat(100));
  },
);

t.test("a flood is left out, which a mark says; what comes slowly afterwards is there", async (t) => {
  const folder = t.testdir();
  let now = 0;
  const recording = recordings(folder, { limit: 200_000, monotonic: () => now }).begin(shell);
  const piece = Buffer.from("y".repeat(10_000));
  for (let count = 0; count < 100; count++) recording.output(piece);
  recording.mark("held");
  now += 10_000;
  recording.output(Buffer.from("$ rm everything\r\n"));
  const ended = await recording.end({ status: 0 });
  t.ok((ended?.bytes ?? 0) < 210_000);
  const events = await eventsOf(join(folder, ended?.file ?? ""));
  t.match(events.slice(-4), [
    { kind: "mark", text: /^\d+ bytes are left out/ },
    { kind: "mark", text: "held" },
    { kind: "output", text: "$ rm everything\r\n" },
    { kind: "mark", text: "ended: status 0" },
  ]);
  const said = events.flatMap((event) =>
    event.kind === "mark" ? Number.parseInt(event.text, 10) || [] : [],
  );
  t.equal(shownIn(events).length + (said[0] ?? 0), 1_000_000 + 17, "what is not there was said");
});

t.test("a full disk is told once, and keeps nobody waiting", async (t) => {
  const folder = t.testdir();
  const log = createMemoryLog();
  // The system's own device that has no room.
  const full = openRecordings({ folder, log, highWater: 10, open: () => open("/dev/full", "w") });
  const recording = full.begin(shell);
  t.equal(recording.failed, undefined);
  recording.output(Buffer.from("shown"));
  await recording.room;
  t.match(recording.failed, { code: "RECORDING_FAILED", message: /ENOSPC/ });
  recording.output(Buffer.from("x".repeat(100)));
  t.equal(recording.room, undefined);
  t.equal(await recording.end({ status: 0 }), undefined);
  await full.settled();
  t.match(log.entries, [{ level: "error", fields: { code: "RECORDING_FAILED", session: "ses_1" } }]);
  t.equal(log.entries.length, 1);
});

t.test("a disk that fills up in the middle leaves what plays up to there", async (t) => {
  const folder = t.testdir();
  const path = join(folder, "full.cast");
  let room = 3000;
  const openSmall = async (): Promise<CastFile> => {
    const file = await open(path, "wx");
    return {
      appendFile: async (bytes) => {
        await file.appendFile(bytes.subarray(0, room));
        room -= bytes.length;
        if (room < 0) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
      },
      truncate: (length) => file.truncate(length),
      close: () => file.close(),
    };
  };
  const recording = recordings(folder, { open: openSmall, highWater: 1 }).begin(shell);
  for (let count = 0; count < 100 && !recording.failed; count++) {
    recording.output(Buffer.from(`line ${count} ${"x".repeat(80)}\r\n`));
    await recording.room;
  }
  t.match(recording.failed, { code: "RECORDING_FAILED" });
  t.equal((await eventsOf(path)).at(-1)?.kind, "torn", "as the disk has it");
  t.equal(await recording.end({ status: 0 }), undefined);
  const events = await eventsOf(path);
  t.equal(events.at(-1)?.kind, "output", "as it is left");
  t.match(shownIn(events), /^(line \d+ x{80}\r\n){20,}$/);
});

t.test("no recording takes the place of another", async (t) => {
  const folder = t.testdir();
  const all = recordings(folder);
  const first = await all.begin(shell).end({ status: 0 });
  const before = await readFile(join(folder, first?.file ?? ""));
  const second = all.begin(shell);
  t.equal(await second.end({ status: 0 }), undefined);
  t.match(second.failed, { code: "RECORDING_FAILED", message: /EEXIST/ });
  t.same(await readFile(join(folder, first?.file ?? "")), before);
});
