// `limits.keepalive` as the kernel has it, who is the one to notice that a peer is gone. `npm run test:clients` runs this.
import { readFile } from "node:fs/promises";
import t from "tap";
import { connected, demoFor, eventually, variantGateway } from "../environment.ts";
import { canRun } from "./world.ts";

const TABLES = ["/proc/net/tcp", "/proc/net/tcp6"];
if (!canRun(t, "keepalive", "/proc/net/tcp")) process.exit(1);

/** One end of a TCP connection of this machine (Linux, Documentation/networking/proc_net_tcp.rst). */
interface End {
  readonly local: number;
  readonly remote: number;
  /** Which timer runs: a number of the document's. */
  readonly timer: string;
  /** Milliseconds until it runs out. */
  readonly left: number;
}

const ESTABLISHED = "01";
const RETRANSMISSION = "01";
/** Neither retransmission nor a probe of a closed window: of a connection that is established, keepalive. */
const ANOTHER = "02";
/** Milliseconds in what the kernel counts the table's times in, whatever its own tick is (time(7), USER_HZ). */
const TICK = 10;
const MINUTE = 60_000;

async function ends(): Promise<End[]> {
  // A kernel without IPv6 has one table only.
  const tables = await Promise.all(TABLES.map((table) => readFile(table, "utf8").catch(() => "")));
  return tables
    .flatMap((table) => table.trim().split("\n").slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state]) => state === ESTABLISHED)
    .map(([, local = "", remote = "", , , running = ""]) => {
      const [timer = "", ticks = ""] = running.split(":");
      return { local: port(local), remote: port(remote), timer, left: Number.parseInt(ticks, 16) * TICK };
    });
}

/** `0100007F:1538` -> 5432. */
function port(address: string): number {
  return Number.parseInt(address.split(":")[1] ?? "", 16);
}

const demo = await demoFor(t);
const gateway = await variantGateway(t, demo, "keepalive", { limits: "{ keepalive: 50m }" });
await connected(t, demo, { port: gateway.port });

const sides: Readonly<Record<string, (end: End) => boolean>> = {
  client: ({ local }) => local === gateway.port,
  target: ({ remote }) => remote === demo.database.server.port,
};

for (const [peer, isOurs] of Object.entries(sides)) {
  t.test(`the connection with the ${peer} has the config's keepalive`, async (t) => {
    let found: End[] = [];
    // What the peer has not acknowledged yet comes first.
    await eventually(async () => {
      found = (await ends()).filter(isOurs);
      return found.every(({ timer }) => timer !== RETRANSMISSION);
    });
    // Beside the session's, gateways have a connection of their own with the target, which asks every half a minute.
    const sessions = found.filter(({ left }) => left > MINUTE);
    t.match(sessions, [{ timer: ANOTHER }]);
    t.equal(sessions.length, 1);
    for (const { left } of sessions) t.ok(left > 40 * MINUTE && left <= 50 * MINUTE, `${left} ms are left`);
  });
}
