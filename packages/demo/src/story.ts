import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { verifyAuditLog } from "@gatehouse/audit";
import pg from "pg";
import { apiStory } from "./api-story.ts";
import type { Demo } from "./environment.ts";
import { modelStory } from "./model-story.ts";
import { gatehouse, LOOK, MOST_LOOKS, waiting } from "./person.ts";
import { expect, type Step } from "./step.ts";
import { webStory } from "./web-story.ts";

interface Count {
  readonly n: number;
}

interface Contact {
  readonly contact: string;
  readonly computed: string;
}

/** What the demo is there to show, each step against the running thing. */
export const story: readonly Step[] = [
  {
    shows: "an allowed read returns rows",
    play: (demo) =>
      asAgent(demo, async (client) => {
        const { rows } = await client.query("select id, name, city from customers order by id limit 3");
        expect(rows.length === 3, `expected 3 rows, got ${rows.length}`);
        const prepared = await client.query<Count>(
          "select count(*)::int as n from orders where customer_id = $1",
          [1],
        );
        expect((prepared.rows[0]?.n ?? 0) > 0, "expected orders of customer 1");
      }),
  },
  {
    shows:
      "a session has a database user of its own, with what the policy could allow and no more, and gone when it has ended",
    play: async (demo) => {
      let user = "";
      await asAgent(demo, async (client) => {
        const { rows } = await client.query<{ readonly session_user: string }>("select session_user");
        user = rows[0]?.session_user ?? "";
        expect(/^gh_[a-z0-9]{8}_[a-z0-9]{16}$/.test(user), `expected a user of its own, got ${user}`);
        const [role] = await rolesOf(demo, user);
        expect(role?.rolcanlogin === true && role.reads && !role.writes, JSON.stringify(role));
      });
      for (let looks = 0; (await rolesOf(demo, user)).length > 0; looks++) {
        expect(looks < MOST_LOOKS, `the user ${user} is still there`);
        await setTimeout(LOOK);
      }
    },
  },
  {
    shows: "a DROP is refused with the rule's message, and the session goes on",
    play: (demo) =>
      asAgent(demo, async (client) => {
        const error = await failure(client.query("drop table orders"));
        expect(error.code === "42501", `expected SQLSTATE 42501, got ${error.code}`);
        expect(error.message === "Schema changes go through migrations.", `got the message ${error.message}`);
        expect(/^Reference: ref_/.test(error.detail ?? ""), "expected a reference as detail");
        const { rows } = await client.query<Count>("select count(*)::int as n from orders");
        expect(rows[0]?.n === 50_000, `expected 50000 orders, got ${rows[0]?.n}`);
      }),
  },
  {
    shows: "a change that the reader's rules do not allow never reaches the database",
    play: (demo) =>
      asAgent(demo, async (client) => {
        const error = await failure(client.query("update orders set status = 'paid' where id = 1"));
        expect(error.code === "42501" && error.message.startsWith("No rule allows this"), error.message);
        expect(
          !demo.database.server.log().includes("update orders set status"),
          "the database saw the statement",
        );
      }),
  },
  {
    shows:
      "a mask holds behind a view and in what is computed, and a question about what it hides is refused",
    play: (demo) =>
      asAgent(demo, async (client) => {
        const { rows } = await client.query<Contact>(
          "select contact, upper(contact) as computed from customer_contacts order by id limit 1",
        );
        const [{ contact, computed } = { contact: "", computed: "" }] = rows;
        expect(/^.\*{3}@/.test(contact), "expected a part of the address");
        expect(computed === "[redacted]", "expected nothing of what is computed from it");
        const error = await failure(client.query("select id from customers where email like 'a%'"));
        expect(error.code === "42501" && /^The column .* is masked/.test(error.message), error.message);
      }),
  },
  {
    shows: "the agent that writes may change one order",
    play: (demo) =>
      asWriter(demo, async (client) => {
        const { rowCount } = await client.query("update orders set status = $1 where id = $2", ["open", 1]);
        expect(rowCount === 1, `expected one row changed, got ${String(rowCount)}`);
      }),
  },
  {
    shows: "its DELETE waits for a person: dana approves it, and it is run once",
    play: (demo) =>
      asWriter(demo, async (client) => {
        const notice = once(client, "notice") as Promise<[{ message?: string }]>;
        const deleted = client.query("delete from payments where order_id = $1", [7]);
        const held = await waiting(demo);
        const [{ message = "" }] = await notice;
        expect(/^Held by the rule "deletes"/.test(message), `got the notice ${message}`);
        expect((await paymentsOf(demo, 7)) > 0, "the rows were gone before anybody approved");
        const own = await gatehouse(demo, ["approve", held], { GATEHOUSE_TOKEN: "WRITER_TOKEN" });
        expect(own.code === 1 && own.stderr.includes("APPROVAL_OWN"), "the agent approved its own command");
        const { code, stderr } = await gatehouse(demo, [
          "approve",
          held,
          "--reason",
          "The order was a test.",
        ]);
        expect(code === 0, stderr);
        expect(((await deleted).rowCount ?? 0) > 0, "expected deleted rows");
        expect((await paymentsOf(demo, 7)) === 0, "the rows are still there");
        const again = await gatehouse(demo, ["approve", held, "--reason", "Once more."]);
        expect(again.code === 1 && again.stderr.includes("APPROVAL_ENDED"), "it was approved twice");
      }),
  },
  {
    shows: "a DELETE that dana denies is an error with dana's words, and the session goes on",
    play: (demo) =>
      asWriter(demo, async (client) => {
        const attempt = failure(client.query("delete from payments where order_id = 8"));
        await gatehouse(demo, ["deny", await waiting(demo), "--reason", "Order 8 is under audit."]);
        const error = await attempt;
        expect(error.code === "42501" && error.message.includes("Order 8 is under audit."), error.message);
        await client.query("select 1");
        expect((await paymentsOf(demo, 8)) > 0, "the rows are gone");
      }),
  },
  {
    shows: "a DELETE whose client leaves is void: nobody can approve it any more",
    play: async (demo) => {
      let held = "";
      await asWriter(demo, async (client) => {
        client.query("delete from payments where order_id = 11").catch(() => undefined);
        held = await waiting(demo);
      });
      const { code, stderr } = await gatehouse(demo, ["approve", held, "--reason", "Go on."]);
      expect(code === 1 && stderr.includes("APPROVAL_ENDED"), stderr);
      expect((await paymentsOf(demo, 11)) > 0, "the rows are gone");
    },
  },
  ...webStory,
  ...apiStory,
  ...modelStory,
  {
    shows: "a log-in with a forged token is refused, and told nothing",
    play: async (demo) => {
      const { AGENT_TOKEN = "" } = demo.variables;
      const forged = `${AGENT_TOKEN.slice(0, -8)}AAAAAAAA`;
      const error = await failure(
        connected(demo, { user: "reader", password: forged }, () => Promise.resolve()),
      );
      expect(error.code === "28P01" && error.message === "The credential was not accepted.", error.message);
    },
  },
  {
    shows: "a log-in to a target that the identity has no rule for is refused",
    play: async (demo) => {
      const { AGENT_TOKEN = "" } = demo.variables;
      const way = { user: "reader", password: AGENT_TOKEN, database: "payroll" };
      const error = await failure(connected(demo, way, () => Promise.resolve()));
      expect(error.code === "3D000", `expected SQLSTATE 3D000, got ${error.code}`);
    },
  },
  {
    shows: "no credential of the target is in the audit log or the gateway's own log",
    play: async (demo) => {
      const files = [auditFile(demo), join(demo.folder, "gateway.log")];
      const text = (await Promise.all(files.map((file) => readFile(file, "utf8")))).join("\n");
      const { AGENT_TOKEN = "", WRITER_TOKEN = "" } = demo.variables;
      const { key } = demo.web;
      const kept = [demo.database.administrator.password, key, demo.api.secret, demo.model.secret];
      for (const secret of [...kept, AGENT_TOKEN, WRITER_TOKEN]) {
        expect(!text.includes(secret), "a secret was found");
      }
    },
  },
  {
    shows: "the audit log verifies",
    play: async (demo) => {
      const result = await verifyAuditLog(auditFile(demo));
      expect(result.ok && result.events > 10 && result.torn === 0, JSON.stringify(result));
    },
  },
  {
    shows: "the same log with one byte changed does not",
    play: async (demo) => {
      const folder = await mkdtemp(join(tmpdir(), "gatehouse-tampered-"));
      try {
        const copy = join(folder, "audit.jsonl");
        await cp(auditFile(demo), copy);
        const bytes = await readFile(copy);
        const at = bytes.indexOf("drop table orders");
        expect(at > 0, "the refused DROP is not on the log");
        bytes.write("x", at);
        await writeFile(copy, bytes);
        const result = await verifyAuditLog(copy);
        expect(!result.ok && result.problem === "edited", JSON.stringify(result));
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  },
];

/** Plays the story, a line a step, until `signal` aborts. True when each step holds. */
export async function playStory(
  demo: Demo,
  signal: AbortSignal,
  say: (step: Step, failed: unknown) => void,
): Promise<boolean> {
  let good = true;
  for (const step of story) {
    signal.throwIfAborted();
    try {
      await step.play(demo);
      say(step, undefined);
    } catch (error) {
      good = false;
      say(step, error);
    }
  }
  return good;
}

function auditFile(demo: Demo): string {
  return join(demo.folder, "state", "audit", "audit.jsonl");
}

function asAgent(demo: Demo, use: (client: pg.Client) => Promise<void>): Promise<void> {
  return connected(demo, { user: "reader", password: demo.variables["AGENT_TOKEN"] ?? "" }, use);
}

function asWriter(demo: Demo, use: (client: pg.Client) => Promise<void>): Promise<void> {
  return connected(demo, { user: "writer", password: demo.variables["WRITER_TOKEN"] ?? "" }, use);
}

interface Role {
  readonly rolcanlogin: boolean;
  readonly reads: boolean;
  readonly writes: boolean;
}

/** Users of a name, and whether they may read and change orders, as the database itself has it. */
function rolesOf(demo: Demo, name: string): Promise<readonly Role[]> {
  const text = `
    select rolcanlogin, has_table_privilege(oid, 'orders', 'select') as reads,
      has_table_privilege(oid, 'orders', 'insert, update, delete, truncate') as writes
    from pg_roles where rolname = $1`;
  return behind<Role>(demo, text, [name]);
}

/** Payments of an order, as the database itself has them. */
async function paymentsOf(demo: Demo, order: number): Promise<number> {
  const text = "select count(*)::int as n from payments where order_id = $1";
  return (await behind<Count>(demo, text, [order]))[0]?.n ?? 0;
}

/** Asks the database itself, past the gateway. */
async function behind<T extends pg.QueryResultRow>(
  { variables }: Demo,
  text: string,
  values: readonly unknown[],
): Promise<readonly T[]> {
  const client = new pg.Client({ connectionString: variables["ORDERS_ADMIN_URL"] ?? "" });
  try {
    await client.connect();
    return (await client.query<T>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

async function connected(
  { variables }: Demo,
  way: { user: string; password: string; database?: string },
  use: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const client = new pg.Client({
    host: variables["PGHOST"] ?? "",
    port: Number(variables["PGPORT"]),
    database: "orders",
    ...way,
    ssl: { ca: await readFile(variables["PGSSLROOTCERT"] ?? "", "utf8") },
  });
  // What goes wrong is seen where it is awaited; between two queries there is nobody to tell.
  client.on("error", () => undefined);
  try {
    await client.connect();
    await use(client);
  } finally {
    await client.end();
  }
}

async function failure(attempt: Promise<unknown>): Promise<pg.DatabaseError> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof pg.DatabaseError) return error;
    throw error;
  }
  throw new Error("it was let through");
}
