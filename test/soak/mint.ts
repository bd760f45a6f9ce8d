import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { type Demo, startDemo } from "@gatehouse/demo";
import pg from "pg";
import { catalogSizes } from "../mint/support/state.ts";
import { say } from "./progress.ts";

/** Clients that come and go at the same time. */
const AT_ONCE = 8;
/** Sessions between two lines of progress. */
const PROGRESS = 1000;
/** The part of the sessions that come once more, behind the VACUUM: what that has freed has to be enough for them. */
const AGAIN = 0.1;
/** An index splits a page here and there, whatever room it has elsewhere. */
const SLACK = 1.1;
/** Users that wait for sessions: two of each level. */
const READY = 4;
/** How long the last users may take to be gone. */
const GONE = 60_000;

/**
 * Opens and closes so many sessions, each of which has a database user of its own, and looks what is left of them in the server's
 * catalogs: no user, and no more room than what a VACUUM gives back.
 * @returns what has gone wrong, in words
 */
export async function mintSessions(sessions: number, signal: AbortSignal): Promise<string[]> {
  const demo = await startDemo("auto", () => undefined);
  const admin = new pg.Client({ connectionString: demo.variables["ORDERS_ADMIN_URL"] ?? "" });
  try {
    await admin.connect();
    const sizes = async (when: string) => {
      const found = await catalogSizes(async (text) => (await admin.query<never>(text)).rows);
      const told = found.map(({ catalog, rows, bytes }) => `${catalog} ${rows} rows, ${bytes / 1024} KiB`);
      say(`${when}: ${told.join("; ")}`);
      return found;
    };
    const before = await sizes("before");
    const failures = await open(demo, sessions, signal);
    const wrong = [...failures, ...(await remaining(admin))];
    await sizes(`after ${sessions} sessions`);
    await admin.query("vacuum");
    const vacuumed = await sizes("after a VACUUM");
    const again = Math.ceil(sessions * AGAIN);
    wrong.push(...(await open(demo, again, signal)), ...(await remaining(admin)));
    for (const [at, { catalog, rows, bytes }] of (await sizes(`after ${again} more`)).entries()) {
      const room = vacuumed[at]?.bytes ?? 0;
      if (bytes > room * SLACK)
        wrong.push(`${catalog} has grown from ${room} to ${bytes} bytes, though it had room`);
      const kept = rows - (before[at]?.rows ?? 0);
      if (kept > READY * 5) wrong.push(`${catalog} has kept ${kept} rows`);
    }
    return wrong;
  } finally {
    await admin.end();
    await demo.stop();
  }
}

/** @returns the first of what went wrong, if anything did */
async function open(demo: Demo, sessions: number, signal: AbortSignal): Promise<string[]> {
  const { variables } = demo;
  const ca = await readFile(variables["PGSSLROOTCERT"] ?? "", "utf8");
  const people = [
    { user: "reader", password: variables["AGENT_TOKEN"] ?? "" },
    { user: "writer", password: variables["WRITER_TOKEN"] ?? "" },
  ];
  const wrong: string[] = [];
  let begun = 0;
  let done = 0;
  const comeAndGo = async () => {
    while (begun < sessions && wrong.length === 0 && !signal.aborted) {
      const person = people[begun++ % people.length];
      const way = { host: variables["PGHOST"] ?? "", port: Number(variables["PGPORT"]), database: "orders" };
      const client = new pg.Client({ ...way, ...person, ssl: { ca } });
      client.on("error", () => undefined);
      try {
        await client.connect();
        await client.query("select count(*) from products");
        await client.end();
      } catch (error) {
        wrong.push(`session ${begun}: ${String(error)}`);
      }
      done++;
      if (done % PROGRESS === 0) say(`${done} sessions`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, comeAndGo));
  return wrong.slice(0, 1);
}

/** Waits for the last users to be gone. @returns those that are not */
async function remaining(admin: pg.Client): Promise<string[]> {
  const deadline = Date.now() + GONE;
  for (;;) {
    const { rows } = await admin.query<{ rolname: string }>(
      "select rolname from pg_roles where rolname ~ '^gh_' and rolname !~ '_ready_'",
    );
    if (rows.length === 0) return [];
    if (Date.now() > deadline) return [`${rows.length} users are left: ${rows[0]?.rolname} ...`];
    await pause(200);
  }
}
