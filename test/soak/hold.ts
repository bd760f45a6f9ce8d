import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Demo, startDemo } from "@gatehouse/demo";
import { freePort } from "@gatehouse/testkit";
import pg from "pg";
import { Approver } from "../approver.ts";
import { dana, HELD_TABLES, HOLDS } from "../clients/held.ts";
import { patients, waits } from "../clients/patient.ts";
import { environmentOf } from "../clients/world.ts";
import { variantOf } from "../environment.ts";
import { GatewayProcess } from "./gateway.ts";
import { say } from "./progress.ts";

/** Gateways that differ in how a client hears of its command while it waits: once, or again and again. */
const REPEAT: Readonly<Record<string, string>> = { keepalive: "off", repeat: "10s" };
const REPEATED = 10_000;

/**
 * Has every real client wait for a person, in a transaction and not, at a gateway that leaves its connections to TCP
 * keepalive, and at one that repeats its notice. Then the person says yes.
 * @param length milliseconds until then
 * @param signal ends it
 * @returns what has gone wrong, in words
 */
export async function holdClients(length: number, signal: AbortSignal): Promise<string[]> {
  const demo = await startDemo("auto", () => undefined);
  const ends: (() => unknown)[] = [() => demo.stop()];
  const stop = async () => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  signal.addEventListener("abort", () => void stop());
  try {
    const admin = new pg.Client({ connectionString: demo.variables["ORDERS_ADMIN_URL"] ?? "" });
    admin.on("error", () => undefined);
    await admin.connect();
    ends.push(() => admin.end());
    await admin.query(HELD_TABLES);
    await writeFile(join(demo.folder, "holds.yaml"), HOLDS);
    const wrong: string[] = [];
    const clients: Promise<void>[] = [];
    for (const [name, repeat] of Object.entries(REPEAT)) {
      const { gateway, port, control } = await gatewayOf(demo, name, repeat);
      await gateway.start();
      ends.push(() => gateway.kill());
      const approver = await Approver.at(demo, control, dana(length));
      ends.push(() => approver.close());
      const env = environmentOf(demo, port);
      for (const driver of Object.keys(patients)) {
        for (const inTransaction of [false, true]) {
          const word = `later ${driver}, ${name}${inTransaction ? ", in a transaction" : ""}`;
          await admin.query("insert into held values ($1)", [word]);
          const begun = Date.now();
          clients.push(
            waits(driver, word, inTransaction, env).then(async ({ done, notices, output }) => {
              const waited = Date.now() - begun;
              say(
                `${word}: ${done ? "DELETE 1" : "✘"} after ${Math.round(waited / 1000)} s, ${notices} notices`,
              );
              if (!done || waited < length) wrong.push(`${word}: ${output}`);
              const wanted = repeat === "off" ? notices === 1 : notices >= Math.floor(length / REPEATED);
              if (!wanted) wrong.push(`${word}: ${notices} notices`);
              const { rows } = await admin.query<{ word: string }>(
                "select word from held where word in ($1, 'before ' || $1)",
                [word],
              );
              const expected = inTransaction ? [`before ${word}`] : [];
              if (rows.map(({ word }) => word).join() !== expected.join()) wrong.push(`${word}: its rows`);
            }),
          );
        }
      }
      ends.push(() => {
        wrong.push(...approver.wrong, ...gateway.faults);
      });
    }
    say(`${clients.length} clients wait for ${length / 1000} s`);
    await Promise.all(clients);
    await stop();
    return wrong;
  } finally {
    await stop();
  }
}

async function gatewayOf(demo: Demo, name: string, repeat: string) {
  const [port, control] = [await freePort(), await freePort()];
  const { configFile } = await variantOf(demo, name, {
    "  postgres": `{ address: 127.0.0.1:${port} }`,
    "  control": `{ address: 127.0.0.1:${control} }`,
    policies: "[file:holds.yaml]",
    approvals: `{ repeat: ${repeat} }`,
  });
  return { gateway: new GatewayProcess(configFile, port, control), port, control };
}
