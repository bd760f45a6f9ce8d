import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { message, rawConnection, SSL_REQUEST } from "../raw.ts";
import { CountingSession, type Who } from "./raw-session.ts";
import type { Site } from "./site.ts";

/** A number at least 0 and below 1. */
export type Chance = () => number;

/** What a gateway must never do, whatever is killed around it. */
export class Wrong extends Error {}

/** Something that a client does, from its connection to its end. @throws Wrong, or any error of a connection that broke */
export type Deed = (site: Site, chance: Chance) => Promise<void>;

const READS = "select id, name, city from customers where id = $1";
/** An INSERT that the policy lets through, and a DELETE that it does not. */
const ALLOWED = "insert into marks values ($1)";
const REFUSED = "delete from orders where id = 1";
const POLICY = "42501";
const CANCELED = "57014";
const NO_CREDENTIAL = "28P01";

const query = (text: string) => message("Q", Buffer.from(`${text}\0`));

/** Parse, Bind, Execute of one text without parameters. */
function unit(text: string): Buffer {
  return Buffer.concat([
    message("P", Buffer.from(`\0${text}\0\0\0`)),
    message("B", Buffer.alloc(8)),
    message("E", Buffer.alloc(5)),
  ]);
}

const SYNC = message("S", Buffer.alloc(0));

async function connected({ demo, port }: Site, who: Who): Promise<pg.Client> {
  const client = new pg.Client({
    host: "localhost",
    port,
    database: "orders",
    ...who,
    ssl: { ca: await readFile(demo.variables["PGSSLROOTCERT"] ?? "", "utf8") },
    connectionTimeoutMillis: 10_000,
  });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** A client for as long as the work takes; afterwards it says goodbye. */
async function withClient(site: Site, who: Who, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = await connected(site, who);
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/** The same, with bytes; afterwards it is gone without a word. */
async function withSession(
  site: Site,
  who: Who,
  work: (session: CountingSession) => Promise<void>,
): Promise<void> {
  const session = await CountingSession.open(site.demo, site.port, who);
  try {
    await work(session);
  } finally {
    session.socket.destroy();
  }
}

/** @throws Wrong when it does not fail; and whatever else it fails by, which is that something was killed */
async function failsBy(sqlstate: string, attempt: Promise<unknown>): Promise<void> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === sqlstate) return;
    throw error;
  }
  throw new Wrong(`What had to fail by ${sqlstate} was let through.`);
}

export const deeds: Readonly<Record<string, Deed>> = {
  queries: (site, chance) =>
    withClient(site, site.reader, async (client) => {
      for (let times = 1 + chance() * 30; times > 0; times--) {
        const id = 1 + Math.floor(chance() * 10_000);
        const { rows } = await client.query<{ id: number }>(READS, [id]);
        if (rows[0]?.id !== id) throw new Wrong(`Customer ${id} was asked for, and ${rows[0]?.id} came.`);
      }
    }),
  "prepared statements": (site, chance) =>
    withClient(site, site.reader, async (client) => {
      for (let times = 1 + chance() * 50; times > 0; times--) {
        await client.query({ name: `by id ${Math.floor(chance() * 5)}`, text: READS, values: [7] });
      }
    }),
  transactions: (site, chance) =>
    withClient(site, site.writer, async (client) => {
      await client.query("begin");
      for (let times = 1 + chance() * 5; times > 0; times--) await client.query(ALLOWED, ["transaction"]);
      await client.query(chance() < 0.5 ? "commit" : "rollback");
    }),
  refusals: (site) =>
    withClient(site, site.writer, async (client) => {
      await failsBy(POLICY, client.query(REFUSED));
      await client.query("begin");
      await failsBy(POLICY, client.query(REFUSED));
      await client.query("rollback");
      await client.query(ALLOWED, ["after a refusal"]);
    }),
  pipelines: (site, chance) =>
    withSession(site, site.writer, async (session) => {
      const count = 1 + Math.floor(chance() * 200);
      const segment = Buffer.concat([unit("select 1"), SYNC, unit(REFUSED), unit("select 2"), SYNC]);
      session.socket.write(Buffer.concat(Array.from({ length: count }, () => segment)));
      await session.until("Z", 1 + 2 * count);
      if (session.count("C") !== count || session.errors.some((code) => code !== POLICY)) {
        throw new Wrong(`Of ${count} pipelined statements, ${session.count("C")} were answered.`);
      }
    }),
  "copy out": (site) =>
    withSession(site, site.reader, async (session) => {
      session.socket.write(query("copy (select * from customers) to stdout"));
      await session.until("Z", 2);
      if (session.count("d") !== 10_000)
        throw new Wrong(`${session.count("d")} of 10000 rows were copied out.`);
    }),
  "copy in": (site, chance) =>
    withSession(site, site.writer, async (session) => {
      session.socket.write(query("copy marks from stdin"));
      await session.until("G", 1);
      const rows = message("d", Buffer.from("copied\n".repeat(1000)));
      for (let times = chance() * 50; times > 0; times--) session.socket.write(rows);
      session.socket.write(
        chance() < 0.7 ? message("c", Buffer.alloc(0)) : message("f", Buffer.from("no\0")),
      );
      await session.until("Z", 2);
    }),
  cancels: (site) =>
    withClient(site, site.reader, async (client) => {
      const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
      const over = new AbortController();
      const sleeping = client.query("select pg_sleep(60)").finally(() => over.abort());
      const settled = sleeping.catch(() => undefined);
      const cancel = Buffer.alloc(16);
      for (const [index, word] of [16, 80_877_102, processID, secretKey].entries())
        cancel.writeInt32BE(word, 4 * index);
      // One that comes before its statement is lost, as PostgreSQL has it.
      while (!over.signal.aborted) {
        (await rawConnection(site.port, cancel)).resume();
        await Promise.race([settled, pause(200)]);
      }
      await failsBy(CANCELED, sleeping);
    }),
  "slow readers": (site, chance) =>
    withSession(site, site.reader, async (session) => {
      session.socket.pause();
      session.socket.write(query("select repeat('x', 1000) from generate_series(1, 20000)"));
      await pause(500 + chance() * 1000);
      if (chance() < 0.5) return;
      session.socket.resume();
      await session.until("Z", 2);
      if (session.count("D") !== 20_000) throw new Wrong(`${session.count("D")} of 20000 rows came.`);
    }),
  vanishing: (site, chance) =>
    withSession(site, site.writer, async (session) => {
      session.socket.write(query("begin"));
      await session.until("Z", 2);
      session.socket.write(Buffer.concat([unit("insert into marks values ('lost')"), SYNC]));
      if (chance() < 0.5) session.socket.write(query("select pg_sleep(60)"));
      await pause(chance() * 50);
    }),
  nonsense: (site, chance) =>
    withSession(site, site.reader, async (session) => {
      session.socket.write(randomBytes(1 + Math.floor(chance() * 2000)));
      await pause(chance() * 50);
    }),
  "half log-ins": async (site, chance) => {
    const socket = await rawConnection(site.port, chance() < 0.5 ? SSL_REQUEST : randomBytes(8));
    await pause(chance() * 200);
    socket.destroy();
  },
  "wrong tokens": (site) => failsBy(NO_CREDENTIAL, connected(site, { ...site.reader, password: "no token" })),
};
