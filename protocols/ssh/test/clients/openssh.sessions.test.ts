import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import t from "tap";
import type { Front } from "../support/front.ts";
import { type Ended, endOf, optionsOf } from "../support/openssh.ts";
import { realTarget } from "../support/real-target.ts";

/*
 * Many of OpenSSH's own clients at once, through the adapter, to a real sshd. Needs openssh-client and openssh-server
 * (test/clients/install.sh).
 */

t.setTimeout(110_000);
const { front } = await realTarget(t);

const SESSIONS = 200;
/** Those that log in at once. */
const WAVE = 20;

/** What a session does with its own data once all are there, and how it must end. */
interface Part {
  readonly line: string;
  readonly expected: (data: Buffer) => Omit<Ended, "err">;
}

/** By turns; the fifth of each five is one that stalls. */
const parts: readonly Part[] = [
  { line: "cat", expected: (data) => ({ code: 0, out: data }) },
  {
    line: "sha256sum; exit 3",
    expected: (data) => ({
      code: 3,
      out: Buffer.from(`${createHash("sha256").update(data).digest("hex")}  -\n`),
    }),
  },
  { line: "wc -c >&2; kill -KILL $$", expected: () => ({ code: 255, out: Buffer.alloc(0) }) },
  { line: "tail -c 10; exec >&-; exit 7", expected: (data) => ({ code: 7, out: data.subarray(-10) }) },
];

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

function start(through: Front, { line }: Part): Running {
  const child = spawn("ssh", [...optionsOf(through), "deploy@web@127.0.0.1", line]);
  child.stdin.on("error", () => undefined);
  return { child, ended: endOf(child) };
}

/** One whose program writes without an end, for nobody who reads it. */
function startStalled(through: Front): ChildProcess {
  return spawn("ssh", [...optionsOf(through), "deploy@web@127.0.0.1", "yes"]);
}

t.test(
  "two hundred sessions at once: each has its own data and its own end, whatever becomes of others",
  async (t) => {
    const through = await front(t, { limits: { startup: 60_000 } });
    const stalled: ChildProcess[] = [];
    const others: (Running & { readonly part: Part; readonly data: Buffer })[] = [];
    for (let count = 0; count < SESSIONS; ) {
      const part = parts[count % 5];
      if (part) others.push({ ...start(through, part), part, data: randomBytes(50_000 + count) });
      else stalled.push(startStalled(through));
      if (++count % WAVE === 0) await decided(through, count);
    }
    t.equal(through.gate.open, SESSIONS, "all of them are there at the same time");
    const half = others.length / 2;
    for (const { child, data } of others.slice(0, half)) child.stdin?.end(data);
    const gone = Promise.all(stalled.map((child) => once(child, "exit")));
    for (const child of stalled) child.kill("SIGKILL");
    for (const { child, data } of others.slice(half)) child.stdin?.end(data);
    for (const { ended, part, data } of others) {
      const { code, out, err } = await ended;
      const expected = part.expected(data);
      t.ok(code === expected.code && out.equals(expected.out), part.line, { code, err });
    }
    await gone;
    await through.gate.until((events) => events.filter(({ type }) => type === "closed").length === SESSIONS);
    t.equal(through.gate.open, 0);
    t.equal(through.recordings.all.filter(({ exit }) => exit !== undefined).length, SESSIONS);
  },
);

/** Resolves when so many programs have been decided: their sessions are open, and what they run is on its way. */
function decided({ gate }: Front, count: number): Promise<void> {
  return gate.until((events) => events.filter(({ type }) => type === "decided").length === count);
}
