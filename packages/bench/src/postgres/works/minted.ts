import { setTimeout as pause } from "node:timers/promises";
import { quantile } from "../../statistics.ts";
import type { Line } from "../../work.ts";
import type { Level, MintedLevel } from "../levels.ts";
import type { PostgresPeer, PostgresWork } from "../stage.ts";
import { withSessions } from "../held-sessions.ts";
import type { Server } from "../server.ts";
import { visit } from "../visits.ts";

/** Times that a session's user may make it take. */
const WANTED: Readonly<Record<MintedLevel, number>> = { ready: 1.3, cold: 3, shared: 1.3 };
const SAYS: Readonly<Record<MintedLevel, string>> = {
  ready: "a user made ahead",
  cold: "a user made on the way",
  shared: "the identity's user",
};

/** Sessions that begin in a second. */
const PACE = 50;
/** Users without a session that are too many. */
const BACKLOG = 100;
/** Milliseconds after the last session's end in which its user has to be gone. */
const PATIENCE = 60_000;
/** Seconds of sessions before those that count, at a gateway that has just started. */
const WARM_UP = 4;

export interface MintedOptions {
  /** Whether the server waits for its disk. */
  readonly fsync: boolean;
}

/** Connect, one query, disconnect, one session after the other. */
export function visits(level: MintedLevel, { fsync }: MintedOptions): PostgresWork {
  const name = `visit, ${SAYS[level]}${beside(fsync)}`;
  const line = (percentile: string, wanted: Pick<Line, "wanted"> = {}): Line => ({
    ...{ name: `${name} ${percentile}`, unit: "us", against: "standing" },
    ...wanted,
  });
  return {
    name,
    lines: [line("p50", { wanted: { atMost: WANTED[level] } }), line("p95")],
    peers: ["standing", "gateway"],
    transport: "tls",
    set: `minted${beside(fsync)}`,
    minting: true,
    around: (stage, _, measure) => inEarnest(stage.server, fsync, measure),
    async sample({ site }, peer, seconds) {
      const asked = { level: levelAt(peer, level), seconds };
      const all = () => visit(site, peer, asked);
      // What is shared is there while one session has it.
      const { times, failures } = await (level === "shared"
        ? withSessions(site, peer, { level: asked.level, count: 1 }, all)
        : all());
      const [failure] = failures;
      if (failure !== undefined) throw new Error(`${failures.length} sessions failed: ${failure}`);
      return { figures: percentiles(times), count: times.length };
    },
  };
}

/** As many sessions a second as the promise says, each with a user of its own, and what becomes of the users meanwhile. */
export function sessionsAtPace({
  fsync,
  seconds,
}: MintedOptions & { readonly seconds: number }): PostgresWork {
  const says = `${PACE} a second${beside(fsync)}`;
  const itself = { against: "itself" } as const;
  return {
    name: says,
    lines: [
      { name: `${says}: p50`, unit: "us", against: "standing" },
      { name: `${says}: p95`, unit: "us", against: "standing" },
      { name: `${says}: reached`, unit: "a second", ...itself, wanted: { atLeast: PACE * 0.99 } },
      { name: `${says}: failed`, unit: "sessions", ...itself, wanted: { atMost: 0 } },
      { name: `${says}: backlog at most`, unit: "users", ...itself, wanted: { atMost: BACKLOG - 1 } },
      { name: `${says}: end of last to gone`, unit: "s", ...itself },
      { name: `${says}: catalogs before`, unit: "KB", ...itself },
      { name: `${says}: catalogs after`, unit: "KB", ...itself },
      { name: `${says}: catalogs after a vacuum`, unit: "KB", ...itself },
    ],
    peers: ["standing", "gateway"],
    transport: "tls",
    set: says,
    minting: true,
    fresh: true,
    rounds: 1,
    around: (stage, _, measure) => inEarnest(stage.server, fsync, measure),
    async sample({ site, server }, peer) {
      const level = levelAt(peer, "ready");
      const warm = await visit(site, peer, { level, seconds: WARM_UP });
      const before = await catalogs(server);
      const going = visit(site, peer, { level, pace: PACE, seconds });
      const [{ times, failures, took }, most] = await Promise.all([going, mostWaiting(server, going)]);
      const [failure] = failures;
      if (times.length === 0) throw new Error(`No session had its answer: ${failure}`);
      const count = warm.times.length + times.length;
      const reached = Math.min(PACE, times.length / took);
      const sessions = [...percentiles(times), reached, failures.length];
      const remarks = counted(failures);
      if (peer.name === "standing") return { figures: sessions, count, remarks };
      const lastGone = await secondsUntilNone(server);
      const after = await catalogs(server);
      await server.admin(...CATALOGS.map((name) => `vacuum ${name}`));
      const vacuumed = await catalogs(server);
      return {
        figures: [
          ...[...sessions, most, lastGone],
          ...[before, after, vacuumed].map((bytes) => bytes / 1024),
        ],
        count,
        remarks,
      };
    },
  };
}

/** Why sessions failed, each reason once. */
function counted(failures: readonly string[]): string[] {
  const times = new Map<string, number>();
  for (const reason of failures) times.set(reason, (times.get(reason) ?? 0) + 1);
  return [...times].map(([reason, count]) => `${count} sessions failed: ${reason}`);
}

function beside(fsync: boolean): string {
  return fsync ? ", fsync on" : "";
}

/** The same rows, as a user of the config's own or as one that was made. */
function levelAt({ name }: PostgresPeer, level: MintedLevel): Level {
  return name === "standing" ? "reader" : level;
}

function percentiles(times: readonly number[]): number[] {
  return [0.5, 0.95].map((share) => quantile(times, share) * 1000);
}

/** What a server in earnest has on. Roles come and go by the thousand: their tables are what the autovacuum is for. */
const DURABLE = ["fsync", "synchronous_commit", "full_page_writes"] as const;

async function inEarnest<T>(server: Server, fsync: boolean, measure: () => Promise<T>): Promise<T> {
  const names = ["autovacuum", ...(fsync ? DURABLE : [])];
  const all = (what: (name: string) => string) =>
    server.admin(...names.map((name) => `alter system ${what(name)}`), "select pg_reload_conf()");
  await all((name) => `set ${name} = on`);
  try {
    return await measure();
  } finally {
    await all((name) => `reset ${name}`);
  }
}

/** Users that were made for a session and have none: it has ended, or not begun. Those that are ready wait for one. */
const WITHOUT_SESSION = `select count(*) from pg_roles r where r.rolname ~ '^gh_' and r.rolname !~ '^gh_[^_]+_ready_'
  and not exists (select from pg_stat_activity a where a.usesysid = r.oid)`;

async function backlog(server: Server): Promise<number> {
  return Number(await server.admin(WITHOUT_SESSION));
}

/** Looks each second, at the server itself, until something has ended. */
async function mostWaiting(server: Server, until: Promise<unknown>): Promise<number> {
  const ended = new AbortController();
  const end = () => ended.abort();
  until.then(end, end);
  let most = 0;
  while (!ended.signal.aborted) {
    most = Math.max(most, await backlog(server));
    await pause(1000, undefined, { signal: ended.signal }).catch(() => undefined);
  }
  return most;
}

async function secondsUntilNone(server: Server): Promise<number> {
  const begun = performance.now();
  while ((await backlog(server)) > 0) {
    if (performance.now() - begun > PATIENCE)
      throw new Error("Users of sessions that have ended are still there.");
    await pause(50);
  }
  return (performance.now() - begun) / 1000;
}

/** What the server keeps of its roles, in the database that all share. */
const CATALOGS = [
  ...["pg_authid", "pg_auth_members", "pg_db_role_setting"],
  ...["pg_shdepend", "pg_shdescription"],
] as const;

/** Bytes of them all, with their indexes. */
async function catalogs(server: Server): Promise<number> {
  const sizes = CATALOGS.map((name) => `pg_total_relation_size('${name}')`);
  return Number(await server.admin(`select ${sizes.join(" + ")}`));
}
