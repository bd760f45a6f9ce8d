import { startClient } from "../../processes.ts";
import { quantile } from "../../statistics.ts";
import type { Line, Sample } from "../../work.ts";
import type { PostgresPeer, PostgresWork } from "../stage.ts";
import { hold, withHeld, withSessions } from "../held-sessions.ts";
import type { Site } from "../site.ts";

/** Commands that wait while one of them is answered. */
export const HELD = 200;

/** Microseconds that 99 of 100 commands may take from somebody's yes to their end. */
const PROMISED = 50_000;

const SHARES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const;

export interface ApprovalsOptions {
  /** Answers in each turn, at the least: a percentile of few is none. */
  readonly least: number;
  /** Whether others work at the gateway meanwhile. */
  readonly busy: boolean;
}

/**
 * From a person's yes, by the API over TLS, to the command's own answer at its client, while others wait: as one is
 * answered, its session asks for the next. Beside it, what the same command takes where nobody is asked.
 */
export function approvals({ least, busy }: ApprovalsOptions): PostgresWork {
  const beside = busy ? `8 busy, ${HELD} held` : `${HELD} held`;
  // The promise is about those that wait, whatever a machine does that has others to serve as well.
  const promised = busy ? {} : { wanted: { atMost: PROMISED } };
  const of = (span: string, percentile: keyof typeof SHARES, wanted: Pick<Line, "wanted"> = {}): Line => ({
    ...{ name: `${span} ${percentile}, ${beside}`, unit: "us", against: "itself" },
    ...wanted,
  });
  const done = "approval to end of command";
  const answered = "approval to its own answer";
  return {
    name: `approvals, ${beside}`,
    lines: [
      ...([of(done, "p50"), of(done, "p95"), of(done, "p99", promised)] as const),
      ...[of(answered, "p50"), of(answered, "p95"), of(answered, "p99")],
      of("judged to end of command", "p99"),
    ],
    peers: ["direct", "unheld", "gateway"],
    transport: "tls",
    set: "approvals",
    async sample({ site }, peer, seconds) {
      const others = busy ? startOthers(site, peer) : undefined;
      try {
        const turn = { least, milliseconds: seconds * 1000 };
        const times = await (peer.name === "gateway" ? answering : changing)(site, peer, turn);
        if (others?.ended() !== undefined) throw new Error(`pgbench ended too early: ${others.ended()}`);
        return times;
      } finally {
        await others?.stop();
      }
    },
  };
}

interface Turn {
  readonly least: number;
  readonly milliseconds: number;
}

/** One yes after the other, each to what has waited for longest. */
function answering(site: Site, peer: PostgresPeer, { least, milliseconds }: Turn): Promise<Sample> {
  return withHeld(site, peer, HELD, async (held, approver) => {
    const waiting = [...held];
    const [toDone, toAnswer, judgedToDone]: [number[], number[], number[]] = [[], [], []];
    // Somebody always looks at the list.
    await approver.watch();
    const begun = performance.now();
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      await approver.prepare();
      const start = performance.now();
      const [judgedAt, doneAt] = await Promise.all([
        approver.approve(next.approval).finally(() => toAnswer.push(performance.now() - start)),
        next.done.then(() => Date.now()).finally(() => toDone.push(performance.now() - start)),
      ]);
      judgedToDone.push(doneAt - judgedAt);
      waiting.push(await hold(next.session));
      if (toDone.length >= least && performance.now() - begun > milliseconds) break;
    }
    return {
      figures: [
        ...Object.values(SHARES).map((share) => quantile(toDone, share)),
        ...Object.values(SHARES).map((share) => quantile(toAnswer, share)),
        quantile(judgedToDone, SHARES.p99),
      ].map((time) => time * 1000),
    };
  });
}

/** One change after the other, by as many sessions in turn, where nobody has to be asked. */
function changing(site: Site, peer: PostgresPeer, { least, milliseconds }: Turn): Promise<Sample> {
  return withSessions(site, peer, { level: "writer", count: HELD }, async (sessions) => {
    const times: number[] = [];
    const begun = performance.now();
    while (times.length < least || performance.now() - begun < milliseconds) {
      const start = performance.now();
      await sessions[times.length % HELD]?.change();
      times.push(performance.now() - start);
    }
    return { figures: Object.values(SHARES).map((share) => quantile(times, share) * 1000) };
  });
}

/** Others, who read one row after the other until they are stopped. */
function startOthers(site: Site, peer: PostgresPeer) {
  return startClient({
    program: site.programs.pgbench,
    args: ["-n", "-S", "-c", "8", "-j", "1", "-T", "3600"],
    env: peer.clientEnvironment("reader"),
    cwd: site.folder,
    signal: site.signal,
  });
}
