import { GatehouseError, messageOf, type Removal } from "@gatehouse/core";
import { z } from "zod";
import { ServerReport } from "../catalog/control-connection.ts";
import type { PostgresSettings } from "../settings.ts";
import { type Administrator, understood } from "./administrator.ts";
import { statement } from "./statement.ts";

/** What a name of the gateway's making looks like. No other is touched, whatever mark it has. */
const MINTED = /^gh_[0-9a-z_]{1,60}$/;
/** Looks again, after each of which what was in the way has been seen to. */
const ROUNDS = 4;
/** Things that a removal tells of. */
const TOLD = 100;

const DEPENDENTS_EXIST = "2BP01";

const lookAt = z.object({
  name: z.string(),
  /** It can still log in: its row was somebody's when it was to be changed. */
  armed: z.boolean(),
  connections: z.int(),
  prepared: z.array(z.object({ database: z.string(), gid: z.string() })),
  /** Those in which it owns something, or has privileges. */
  databases: z.array(z.string()),
});
type Remaining = z.infer<typeof lookAt>;

const failures = z.record(z.string(), z.object({ sqlstate: z.string(), reason: z.string() }));
const described = z.object({ what: z.string() });

/** Why a user is still there. */
interface Obstacle {
  readonly reason: string;
  /** It won't go by trying again soon. */
  readonly lasting: boolean;
}

export interface RemovalWay {
  /** To the target's own database. */
  readonly administrator: Administrator;
  /** To another of its databases. */
  readonly at: (database: string) => Administrator;
  readonly owned: PostgresSettings["owned"];
}

/**
 * Takes users back: no log-in, committed; no connections; no prepared transactions; nothing that they own in any database; no user. Those
 * that own nothing are removed all together, by two questions.
 * @returns of those that could be seen to. Those that somebody's lock or an unreachable database keeps for now are left out.
 * @throws GatehouseError MINT_FAILED where none could be seen to
 */
export async function remove(way: RemovalWay, names: readonly string[]): Promise<readonly Removal[]> {
  return new Removing(way).run([...new Set(names)]);
}

class Removing {
  readonly #way: RemovalWay;
  readonly #owned = new Map<string, string[]>();
  readonly #obstacles = new Map<string, Obstacle>();

  constructor(way: RemovalWay) {
    this.#way = way;
  }

  async run(names: readonly string[]): Promise<readonly Removal[]> {
    const ours = names.filter((name) => MINTED.test(name));
    let remaining = ours.length === 0 ? [] : await this.#ask("disarm", ours);
    for (let round = 0; round < ROUNDS && remaining.length > 0; round++) {
      const clean = await this.#clean(remaining);
      if (clean.length > 0) remaining = await this.#drop(clean);
      remaining = remaining.filter(({ name }) => !this.#obstacles.get(name)?.lasting);
    }
    return this.#outcome(names, new Set(remaining.map(({ name }) => name)));
  }

  #outcome(names: readonly string[], remaining: ReadonlySet<string>): readonly Removal[] {
    const removals: Removal[] = [];
    for (const name of names) {
      const obstacle = this.#obstacles.get(name);
      const owned = this.#owned.get(name) ?? [];
      if (obstacle?.lasting) removals.push({ name, outcome: "kept", reason: obstacle.reason, owned });
      else if (!remaining.has(name)) removals.push({ name, outcome: "removed", owned });
    }
    if (removals.length > 0 || names.length === 0) return removals;
    const [first = ""] = remaining;
    const reason = this.#obstacles.get(first)?.reason ?? "its connections do not end";
    throw new GatehouseError("MINT_FAILED", `The user "${first}" could not be removed: ${reason}.`);
  }

  /** Takes away what keeps users from being dropped. @returns those of which it may have worked */
  async #clean(remaining: readonly Remaining[]): Promise<readonly string[]> {
    const burdened = remaining.filter((user) => !isFree(user)).map(({ name }) => name);
    const free = remaining.filter(isFree).map(({ name }) => name);
    if (burdened.length === 0) return free;
    let users = await this.#ask("evict", burdened);
    for (const user of users) await this.#rollBack(user);
    const armed = users.filter((user) => user.armed).map(({ name }) => name);
    if (armed.length > 0)
      users = [...users.filter((user) => !user.armed), ...(await this.#ask("disarm", armed))];
    for (const user of users) {
      if (user.armed || user.connections > 0) continue;
      if (await this.#dropOwned(user)) free.push(user.name);
    }
    return free;
  }

  async #rollBack({ name, prepared }: Remaining): Promise<void> {
    for (const { database, gid } of prepared) {
      await this.#attempt(name, () =>
        this.#way
          .at(database)
          .askInTurn([
            statement("become", 0, { user: name }),
            statement("roll-back", 0, { gid }),
            statement("become-oneself", 0),
          ]),
      );
    }
  }

  /** @returns whether nothing is left */
  async #dropOwned({ name, databases }: Remaining): Promise<boolean> {
    let all = true;
    for (const database of databases) {
      const done = await this.#attempt(name, async () => {
        const administrator = this.#way.at(database);
        const found = await administrator.ask((server) => statement("owned", server.version, { user: name }));
        this.#tell(
          name,
          database,
          found.map((row) => understood(described, row).what),
        );
        await administrator.ask((server) => statement("drop-owned", server.version, { user: name }));
      });
      all &&= done;
    }
    return all;
  }

  #tell(name: string, database: string, found: readonly string[]): void {
    const owned = this.#owned.get(name) ?? [];
    for (const what of found) {
      const text = `${what} in database ${database}`;
      if (owned.length < TOLD && !owned.includes(text)) owned.push(text);
    }
    this.#owned.set(name, owned);
  }

  /** One user's trouble is not the others'. */
  async #attempt(name: string, act: () => Promise<unknown>): Promise<boolean> {
    try {
      await act();
      this.#obstacles.delete(name);
      return true;
    } catch (error) {
      if (!(error instanceof GatehouseError)) throw error;
      const report = error.cause instanceof ServerReport ? error.cause : undefined;
      const reason = report ? firstLine(report.detail || report.message) : messageOf(error);
      this.#obstacles.set(name, { reason, lasting: report !== undefined && isLasting(report.sqlstate) });
      return false;
    }
  }

  async #drop(names: readonly string[]): Promise<Remaining[]> {
    const [failed, ...rows] = await this.#way.administrator.ask((server) =>
      ["drop-users", "look"].map((name) => statement(name, server.version, list(names))).join(""),
    );
    for (const [name, { sqlstate, reason }] of Object.entries(understood(failures, failed))) {
      // What it depends on is seen to in the next round; a lock, by waiting.
      this.#obstacles.set(name, {
        reason: firstLine(reason),
        lasting: sqlstate !== DEPENDENTS_EXIST && isLasting(sqlstate),
      });
    }
    return rows.map((row) => understood(lookAt, row));
  }

  async #ask(what: "disarm" | "evict", names: readonly string[]): Promise<Remaining[]> {
    const rows = await this.#way.administrator.ask((server) =>
      [what, "look"].map((name) => statement(name, server.version, list(names))).join(""),
    );
    return rows.map((row) => understood(lookAt, row));
  }
}

function list(names: readonly string[]): { readonly names: string } {
  return { names: JSON.stringify(names) };
}

function isFree({ armed, connections, prepared, databases }: Remaining): boolean {
  return !armed && connections === 0 && prepared.length === 0 && databases.length === 0;
}

function isLasting(sqlstate: string): boolean {
  return sqlstate === DEPENDENTS_EXIST || sqlstate === "42501" || sqlstate === "0LP01";
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
