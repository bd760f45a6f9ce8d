import {
  type Lease,
  type Logger,
  messageOf,
  type Session,
  type Surroundings,
  type Target,
} from "@gatehouse/core";
import { ControlConnection } from "./catalog/control-connection.ts";
import { encodeBind } from "./codec/bind.ts";
import { encodeExecute } from "./codec/execute.ts";
import { encodeSync } from "./codec/framing.ts";
import { encodeParse } from "./codec/parse.ts";
import type { SqlCommand } from "./commands.ts";
import { type PostgresSettings, settingsOf } from "./settings.ts";

/** Milliseconds for one look; whoever is asked about a command does not wait for it. */
const DEADLINE = 5_000;
/** Milliseconds that the target may plan, and wait for another's locks in doing so. */
const PLANNING = 2_000;
/** Locks that are told of. */
const LOCKS = 100;

export interface HeldSession {
  readonly session: Session;
  readonly lease: Lease;
  /** The session's process at the target, where it has said so. */
  readonly processId: number | undefined;
  /** As the session begins a search for names. */
  readonly path: readonly string[];
  readonly transaction: { readonly since: number; readonly failed: boolean } | undefined;
}

/**
 * Looks at what a held command stands in: which locks its session keeps, and how many rows the target expects it to be
 * about. One look at a time for each target, by connections of the gateway's own: a hundred commands that are held at
 * once must not become a hundred connections.
 */
export class SurroundingsOfTargets {
  readonly #lease: (target: Target) => Promise<Lease>;
  readonly #log: Logger;
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #connections = new Map<string, ControlConnection>();

  /** @param lease the gateway's own way into a target */
  constructor(lease: (target: Target) => Promise<Lease>, log: Logger) {
    this.#lease = lease;
    this.#log = log;
  }

  /** Tells what can be told, piece by piece; what can't be is left out. Resolves when all is told. */
  look(held: HeldSession, command: SqlCommand, tell: (surroundings: Surroundings) => void): Promise<void> {
    const { name } = held.session.target;
    const look = (this.#turns.get(name) ?? Promise.resolve()).then(() => this.#look(held, command, tell));
    this.#turns.set(name, look);
    void look.then(() => {
      if (this.#turns.get(name) === look) this.#turns.delete(name);
    });
    return look;
  }

  /** Closes the connections to all targets. */
  dispose(): void {
    for (const connection of this.#connections.values()) connection.close();
  }

  async #look(
    held: HeldSession,
    command: SqlCommand,
    tell: (surroundings: Surroundings) => void,
  ): Promise<void> {
    const { target } = held.session;
    const told = async (what: string, look: () => Promise<void>) => {
      try {
        await look();
      } catch (error) {
        // The command can be judged without it; the message is the target's own, and can quote the command.
        this.#log.debug(
          { target: target.name, error: messageOf(error) },
          `${what} of a held command can't be told`,
        );
      }
    };
    const { processId, transaction } = held;
    let known: Surroundings = {};
    if (transaction) {
      await told("the locks", async () => {
        const locks = processId === undefined ? [] : await this.#locks(target, processId);
        known = { transaction: { ...transaction, locks } };
        tell(known);
      });
    }
    if (settingsOf(target).estimate !== "explain" || !isPlanned(command)) return;
    await told("the rows", async () => {
      const rows = await rowsOf(held, command);
      if (rows !== undefined) tell({ ...known, rows });
    });
  }

  async #locks(target: Target, processId: number): Promise<{ on: string; mode: string }[]> {
    const connection = await this.#connection(target);
    const locks: { on: string; mode: string }[] = [];
    await connection.ask(locksOf(processId), AbortSignal.timeout(DEADLINE), (value) => {
      const [on, mode] = JSON.parse(value.toString("utf8")) as unknown[];
      if (typeof on === "string" && typeof mode === "string") locks.push({ on, mode });
    });
    return locks;
  }

  async #connection(target: Target): Promise<ControlConnection> {
    const known = this.#connections.get(target.name);
    if (known?.open) return known;
    const settings = settingsOf(target);
    const connection = await ControlConnection.open({ ...target, settings }, await this.#lease(target));
    this.#connections.set(target.name, connection);
    return connection;
  }
}

/** The modes in the words of LOCK TABLE ("Explicit Locking"). */
function locksOf(processId: number): string {
  return `SELECT json_build_array(name, mode) FROM (
    SELECT DISTINCT n.nspname || '.' || c.relname AS name,
      upper(trim(regexp_replace(replace(l.mode, 'Lock', ''), '([A-Z])', ' \\1', 'g'))) AS mode
    FROM pg_catalog.pg_locks l
    JOIN pg_catalog.pg_class c ON c.oid = l.relation
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = pg_catalog.current_database()
    WHERE l.pid = ${Math.trunc(processId)} AND l.granted AND l.locktype = 'relation' AND c.relkind IN ('r', 'p', 'm', 'f', 'v')
  ) AS locks ORDER BY name, mode LIMIT ${LOCKS}`;
}

/** One statement that the planner takes, and that calls nothing of anybody's own: to plan it runs no code but the server's. */
function isPlanned({ shape, userFunctions }: SqlCommand): boolean {
  const { statements, verbs, effects, access } = shape;
  if (statements !== 1 || effects.length > 0 || userFunctions || access === "unknown") return false;
  return ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"].includes(verbs[0] ?? "");
}

/** By EXPLAIN, which runs nothing, in a transaction that can't write, as the session's own user. */
async function rowsOf(
  { session, lease, path }: HeldSession,
  command: SqlCommand,
): Promise<number | undefined> {
  const target: Target<PostgresSettings> = { ...session.target, settings: settingsOf(session.target) };
  const settings = new Map([
    ["default_transaction_read_only", "on"],
    ["statement_timeout", String(PLANNING)],
    ["lock_timeout", String(PLANNING)],
    ["search_path", path.map((schema) => `"${schema.replaceAll('"', '""')}"`).join(", ")],
  ]);
  // The session's lease is the session's to give back.
  const { user, password, certificate } = lease;
  const release = () => Promise.resolve();
  const borrowed = { user, password, ...(certificate ? { certificate } : {}), release };
  const connection = await ControlConnection.open(target, borrowed, { settings });
  try {
    const { text, types, parameters } = command.statement;
    const question = Buffer.concat([
      encodeParse("", `EXPLAIN (FORMAT JSON) ${text}`, types),
      encodeBind("", "", parameters),
      encodeExecute(""),
      encodeSync(),
    ]);
    let plan = "";
    await connection.put(question, AbortSignal.timeout(DEADLINE), (value) => {
      plan += value.toString("utf8");
    });
    return rowsIn(JSON.parse(plan));
  } finally {
    connection.close();
  }
}

/** Of what changes rows, the rows that come into it: of itself it says only what it returns. */
function rowsIn(explained: unknown): number | undefined {
  const first: unknown = Array.isArray(explained) ? explained[0] : undefined;
  const plan = isNode(first) ? first["Plan"] : undefined;
  if (!isNode(plan)) return undefined;
  if (plan["Node Type"] !== "ModifyTable") return rowsOfNode(plan);
  const plans: unknown = plan["Plans"];
  if (!Array.isArray(plans)) return undefined;
  const inputs = plans.filter(isNode).filter((node) => node["Parent Relationship"] !== "InitPlan");
  return inputs.reduce((sum, node) => sum + (rowsOfNode(node) ?? 0), 0);
}

function rowsOfNode(node: Readonly<Record<string, unknown>>): number | undefined {
  const rows = node["Plan Rows"];
  return typeof rows === "number" ? rows : undefined;
}

function isNode(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
