import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Client, run, startClient } from "../../processes.ts";
import { settled } from "../../settled.ts";
import type { PostgresPeer, PostgresWork } from "../stage.ts";
import type { Server } from "../server.ts";
import { DATABASE, type Site } from "../site.ts";

const CONNECT_LIMIT = 3 * 60_000;
/** Sessions that come and go before the first look. */
const WARM_UP = 20;

/** What a session keeps in RAM while it is idle, after its start-up and one query, with TLS on both sides. */
export function memory(sessions: number): PostgresWork {
  return {
    name: `memory ${sessions} tls`,
    lines: [{ name: `memory ${sessions} tls`, unit: "KB each", against: "relay", wanted: { atMost: 1.2 } }],
    peers: ["relay", "pgbouncer", "gateway"],
    transport: "tls",
    set: `memory ${sessions}`,
    fresh: true,
    rounds: 3,
    async sample({ site, server }, peer) {
      if (peer.pid === undefined) throw new Error(`${peer.name} has no process to look at.`);
      await checkOpenFiles(sessions);
      await comeAndGo(site, peer);
      const before = await settled(peer.pid);
      const client = startClient({
        program: site.programs.pgbench,
        args: ["-n", "-c", String(sessions), "-j", "2", "-t", "1", "-f", await idleScript(site)],
        env: peer.clientEnvironment("reader"),
        cwd: site.folder,
        signal: site.signal,
      });
      try {
        await allIdle(server, sessions, client, site.signal);
        return { figures: [((await settled(peer.pid)) - before) / sessions / 1024] };
      } finally {
        await client.stop();
        await noneLeft(server);
      }
    },
  };
}

/** A proxy has two sockets a session. Node has raised its own limit to the hard one, and its children begin with that. */
async function checkOpenFiles(sessions: number): Promise<void> {
  const needed = 2 * sessions + 100;
  const limit = /^Max open files +(\d+) /m.exec(await readFile("/proc/self/limits", "utf8"))?.[1];
  if (Number(limit) < needed)
    throw new Error(`It takes ${needed} open files (ulimit -n), and there may be ${limit}.`);
}

async function idleScript(site: Site): Promise<string> {
  const path = join(site.folder, "idle.sql");
  await writeFile(path, "select 1;\n\\sleep 1800 s\n");
  return path;
}

/** Has sessions come and go, so that what every process needs once is there. */
export async function comeAndGo(site: Site, peer: PostgresPeer): Promise<void> {
  await run(
    {
      program: site.programs.pgbench,
      args: ["-n", "-S", "-C", "-c", "1", "-t", String(WARM_UP)],
      env: peer.clientEnvironment("reader"),
      cwd: site.folder,
      signal: site.signal,
    },
    CONNECT_LIMIT,
  );
}

const OPEN = `select count(*) from pg_stat_activity where datname = '${DATABASE}' and usename = 'reader'`;

/** Waits until the server has so many sessions that have had their query. */
async function allIdle(
  server: Server,
  sessions: number,
  { ended }: Client,
  signal: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + CONNECT_LIMIT;
  while (Number(await server.admin(`${OPEN} and state = 'idle' and query = 'select 1;'`)) < sessions) {
    const failure = ended();
    if (failure !== undefined) throw new Error(`pgbench ended before all were connected: ${failure.trim()}`);
    if (Date.now() > deadline) throw new Error(`Not all of ${sessions} sessions were there in time.`);
    await pause(500, undefined, { signal });
  }
}

/** The next sample's sessions have to fit below the server's max_connections too. */
async function noneLeft(server: Server): Promise<void> {
  await server.admin(
    `select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '${DATABASE}' and usename = 'reader'`,
  );
}
