import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { z } from "zod";
import { heldLevel, type Level } from "./levels.ts";
import type { PostgresPeer } from "./stage.ts";
import { Approver } from "./approver.ts";
import type { Site } from "./site.ts";

/** Sessions that log in at once. */
const AT_ONCE = 20;
const CLOSE_LIMIT = 30_000;

const told = z.tuple([z.object({ detail: z.string() })]);

/** A session of a driver's. */
export interface Session {
  readonly client: pg.Client;
  /** Changes a row that is no other session's. */
  change(): Promise<unknown>;
}

/** A command that waits for a person. */
export interface Waiting {
  readonly approval: string;
  readonly session: Session;
  /** Resolves when the client has its answer. */
  readonly done: Promise<unknown>;
}

/** Opens so many sessions at a peer while `use` runs. */
export async function withSessions<T>(
  site: Site,
  peer: PostgresPeer,
  { level, count }: { readonly level: Level; readonly count: number },
  use: (sessions: readonly Session[]) => Promise<T>,
): Promise<T> {
  const environment = peer.clientEnvironment(level);
  const ca = await readFile(site.tls.ca, "utf8");
  const sessions = Array.from({ length: count }, (_, at) => sessionOf(environment, ca, at + 1));
  try {
    for (let first = 0; first < count; first += AT_ONCE) {
      site.signal.throwIfAborted();
      await Promise.all(sessions.slice(first, first + AT_ONCE).map(({ client }) => client.connect()));
    }
    return await use(sessions);
  } finally {
    await Promise.all(sessions.map(({ client }) => client.end()));
  }
}

/**
 * Has so many commands wait, each of a session of its own, while `use` runs; and nothing any more when this resolves.
 * @param peer the gateway
 */
export async function withHeld<T>(
  site: Site,
  peer: PostgresPeer,
  count: number,
  use: (waiting: readonly Waiting[], approver: Approver) => Promise<T>,
): Promise<T> {
  const { controlPort: port } = peer;
  if (port === undefined) throw new Error(`Nothing can be approved at ${peer.name}.`);
  const ca = await readFile(site.tls.ca, "utf8");
  const approver = new Approver({ port, ca, token: site.approverToken });
  try {
    const level = { level: heldLevel, count } as const;
    const used = await withSessions(site, peer, level, async (sessions) =>
      use(await Promise.all(sessions.map(hold)), approver),
    );
    const deadline = Date.now() + CLOSE_LIMIT;
    while (await approver.sees()) {
      if (Date.now() > deadline) throw new Error("Commands of sessions that have ended still wait.");
      await pause(50, undefined, { signal: site.signal });
    }
    return used;
  } finally {
    approver.close();
  }
}

/** Asks for a change, and resolves when the client was told that it waits. */
export async function hold(session: Session): Promise<Waiting> {
  const notice = once(session.client, "notice");
  const done = session.change();
  const unheld = done.then(() => Promise.reject(new Error("A change did not wait.")));
  // A session that is closed while it waits has nobody who would hear of it.
  unheld.catch(() => undefined);
  const [{ detail }] = told.parse(await Promise.race([notice, unheld]));
  const approval = /^Approval (\w+):/.exec(detail)?.[1];
  if (approval === undefined) throw new Error("A notice without the approval's id.");
  return { approval, session, done };
}

function sessionOf(environment: Readonly<Record<string, string>>, ca: string, row: number): Session {
  const client = new pg.Client({
    host: environment["PGHOSTADDR"] ?? "",
    port: Number(environment["PGPORT"]),
    database: environment["PGDATABASE"] ?? "",
    user: environment["PGUSER"] ?? "",
    password: environment["PGPASSWORD"] ?? "",
    ssl: { ca },
  });
  // What goes wrong is seen where it is awaited; between two commands there is nobody to tell.
  client.on("error", () => undefined);
  return {
    client,
    change: () => client.query("update pgbench_accounts set abalance = abalance + 1 where aid = $1", [row]),
  };
}
