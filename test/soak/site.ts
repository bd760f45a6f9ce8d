import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "@gatehouse/testkit";
import { type Demo, startDemo } from "@gatehouse/demo";
import pg from "pg";
import { variantOf } from "../environment.ts";
import { GatewayProcess } from "./gateway.ts";
import type { Who } from "./raw-session.ts";

/** Milliseconds for which a receiver takes nothing, with its sender at full speed: what is held then would show. */
export const STALL = 2000;
/** A row of `marks` at which the server stalls, and which it leaves out. */
export const STALLS = "stalls";

/** The demo's server and provider, and a gateway in front of them as a process of its own. */
export interface Site {
  readonly demo: Demo;
  readonly gateway: GatewayProcess;
  readonly port: number;
  /** Where the gateway keeps its audit log. */
  readonly state: string;
  readonly reader: Who;
  readonly writer: Who;
  /** The backends that the target has for the gateway. @throws Error while the target is down */
  backends(): Promise<number>;
  stop(): Promise<void>;
}

/** The trigger's function would make every change of its table unknown. */
const POLICY = `policy: what the load runs into
who: { everyone: true }
targets: [orders]
functions: { writes: [public.stall] }
rules:
  - block: nothing
    when: "false"
`;

export async function startSite(): Promise<Site> {
  const demo = await startDemo("auto", () => undefined);
  try {
    const port = await freePort();
    await writeFile(join(demo.folder, "policies", "soak.yaml"), POLICY);
    const { configFile, state } = await variantOf(demo, "soak", {
      "  postgres": `{ address: 127.0.0.1:${port} }`,
      "  control": `{ address: 127.0.0.1:${await freePort()} }`,
    });
    await asAdmin(demo, [
      "create table marks (mark text)",
      "grant insert, select on marks to orders_writer",
      `create function stall() returns trigger language plpgsql as
        $$ begin perform pg_sleep(${STALL / 1000}); return null; end $$`,
      `create trigger stall before insert on marks for each row when (new.mark = '${STALLS}') execute function stall()`,
    ]);
    const gateway = new GatewayProcess(configFile, port);
    return {
      demo,
      gateway,
      port,
      state,
      reader: { user: "reader", password: demo.variables["AGENT_TOKEN"] ?? "" },
      writer: { user: "writer", password: demo.variables["WRITER_TOKEN"] ?? "" },
      async backends() {
        const [row] = await asAdmin(demo, [
          "select count(*)::int as n from pg_stat_activity where starts_with(usename, 'gh_')",
        ]);
        return Number(row?.["n"]);
      },
      async stop() {
        await gateway.kill();
        await demo.stop();
      },
    };
  } catch (error) {
    await demo.stop();
    throw error;
  }
}

/** Past the gateway; the rows of the last statement. */
async function asAdmin(
  demo: Demo,
  statements: readonly string[],
): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: demo.variables["ORDERS_ADMIN_URL"] ?? "" });
  client.on("error", () => undefined);
  await client.connect();
  try {
    let rows: readonly Record<string, unknown>[] = [];
    for (const statement of statements) rows = (await client.query<Record<string, unknown>>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}
