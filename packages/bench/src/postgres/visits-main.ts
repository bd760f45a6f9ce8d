import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { createSecureContext } from "node:tls";
import { messageOf } from "@gatehouse/core";
import pg from "pg";

/*
 * Sessions that connect, ask for one row, and disconnect: one after the other, or so many a second, whether the ones before have ended
 * or not. A process of its own, so that what the clients take is nobody else's. Prints what `Visits` has, as JSON.
 *
 *   node visits-main.ts SECONDS PACE    PACE 0 for one after the other; the rest as libpq's environment has it
 */

/** Sessions under way at which those that come are turned away: nobody sustains that any more. */
const MOST = 400;

const [seconds = 0, pace = 0] = process.argv.slice(2).map(Number);
const environment = process.env;
// Read once: what a client takes is not what is looked at.
const secureContext = createSecureContext({ ca: readFileSync(environment["PGSSLROOTCERT"] ?? "", "utf8") });

const times: number[] = [];
const failures: string[] = [];

function client(): pg.Client {
  const made = new pg.Client({
    host: environment["PGHOSTADDR"] ?? "",
    port: Number(environment["PGPORT"]),
    database: environment["PGDATABASE"] ?? "",
    user: environment["PGUSER"] ?? "",
    password: environment["PGPASSWORD"] ?? "",
    ssl: { secureContext },
  });
  // What goes wrong is seen where it is awaited.
  made.on("error", () => undefined);
  return made;
}

async function visit(): Promise<void> {
  const begun = performance.now();
  const visitor = client();
  try {
    await visitor.connect();
    await visitor.query("select abalance from pgbench_accounts where aid = 1");
    await visitor.end();
    times.push(performance.now() - begun);
  } catch (error) {
    failures.push(messageOf(error));
    await visitor.end().catch(() => undefined);
  }
}

async function oneByOne(): Promise<void> {
  const end = performance.now() + seconds * 1000;
  do await visit();
  while (performance.now() < end);
}

async function atPace(): Promise<void> {
  const under = new Set<Promise<void>>();
  const begun = performance.now();
  for (let count = 0; count < seconds * pace; count++) {
    await pause(Math.max(0, begun + (count * 1000) / pace - performance.now()));
    if (under.size >= MOST) {
      failures.push("too many are under way");
      continue;
    }
    const going = visit().finally(() => under.delete(going));
    under.add(going);
  }
  await Promise.all(under);
}

const begun = performance.now();
await (pace === 0 ? oneByOne() : atPace());
const took = (performance.now() - begun) / 1000;
process.stdout.write(JSON.stringify({ times, failures, took }));
