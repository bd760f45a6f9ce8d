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
/** Transactions in which a part of much is dropped, before others have a turn. */
const PARTS = 100;
/** Things that a removal tells of. */
const TOLD = 100;

const DEPENDENTS_EXIST = "2BP01";
const INSUFFICIENT_PRIVILEGE = "42501";

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
  /** `lasting`: it won't go by trying again soon. `dependent`: it is so if the next round does not change it. */
  readonly kind: "passing" | "dependent" | "lasting";
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
    for (let round = 0; round < ROUNDS && remaining.some((user) => !this.#isKept(user)); round++) {
      const trying = remaining.filter((user) => !this.#isKept(user));
      const clean = await this.#clean(trying);
      const after = await this.#drop(namesOf(trying), clean);
      remaining = [...remaining.filter((user) => this.#isKept(user) && !trying.includes(user)), ...after];
    }
    return this.#outcome(names, remaining);
  }

  /** Nothing more can be done for now, and no harm: it is nobody's way in. */
  #isKept({ name, armed, connections }: Remaining): boolean {
    return !armed && connections === 0 && this.#obstacles.get(name)?.kind === "lasting";
  }

  #outcome(names: readonly string[], remaining: readonly Remaining[]): readonly Removal[] {
    const there = new Map(remaining.map((user) => [user.name, user]));
    const removals: Removal[] = [];
    for (const name of names) {
      const owned = this.#owned.get(name) ?? [];
      const user = there.get(name);
      const obstacle = this.#obstacles.get(name);
      if (user === undefined) removals.push({ name, outcome: "removed", owned });
      else if (obstacle && obstacle.kind !== "passing" && !user.armed && user.connections === 0) {
        removals.push({ name, outcome: "kept", reason: obstacle.reason, owned });
      }
    }
    const [first] = remaining;
    if (removals.length > 0 || first === undefined) return removals;
    const state = first.armed ? "it can't be kept from logging in" : "its connections do not end";
    const reason = this.#obstacles.get(first.name)?.reason ?? state;
    throw new GatehouseError("MINT_FAILED", `The user "${first.name}" could not be removed: ${reason}.`);
  }

  /** Takes away what keeps users from being dropped. @returns those of which it may have worked */
  async #clean(remaining: readonly Remaining[]): Promise<readonly string[]> {
    for (const { name } of remaining) this.#obstacles.delete(name);
    const burdened = namesOf(remaining.filter((user) => !isFree(user)));
    const free = namesOf(remaining.filter(isFree));
    if (burdened.length === 0) return free;
    let users = await this.#ask("evict", burdened);
    for (const user of users) await this.#rollBack(user);
    const armed = namesOf(users.filter((user) => user.armed));
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
        if (this.#way.owned === "drop") await dropParts(administrator, name);
        await administrator.ask(({ version }) => this.#dispose(name, version));
      });
      all &&= done;
    }
    return all;
  }

  #dispose(user: string, version: number): string {
    const { owned } = this.#way;
    const attached = statement("drop-attached", version, { user });
    if (owned === "drop") return attached + statement("drop-owned", version, { user });
    return attached + statement("hand-over", version, { user, heir: owned.handOver });
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
      return true;
    } catch (error) {
      if (!(error instanceof GatehouseError)) throw error;
      const report = error.cause instanceof ServerReport ? error.cause : undefined;
      const reason = report ? firstLine(report.detail || report.message) : messageOf(error);
      const lasting = report?.sqlstate === DEPENDENTS_EXIST || report?.sqlstate === INSUFFICIENT_PRIVILEGE;
      this.#obstacles.set(name, { reason, kind: lasting ? "lasting" : "passing" });
      return false;
    }
  }

  /**
   * @param clean those of them that there is nothing in the way of
   * @returns what is left of them
   */
  async #drop(names: readonly string[], clean: readonly string[]): Promise<Remaining[]> {
    const [failed, ...rows] = await this.#way.administrator.ask(({ version }) =>
      [statement("drop-users", version, list(clean)), statement("look", version, list(names))].join(""),
    );
    for (const [name, { sqlstate, reason }] of Object.entries(understood(failures, failed))) {
      const kind =
        sqlstate === INSUFFICIENT_PRIVILEGE
          ? "lasting"
          : sqlstate === DEPENDENTS_EXIST
            ? "dependent"
            : "passing";
      this.#obstacles.set(name, { reason: firstLine(reason), kind });
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

/** @throws GatehouseError MINT_FAILED where it is more than can be dropped in one turn */
async function dropParts(administrator: Administrator, user: string): Promise<void> {
  for (let part = 0; part < PARTS; part++) {
    const [dropped] = await administrator.ask(({ version }) => statement("drop-some", version, { user }));
    if (understood(z.int(), dropped) === 0) return;
  }
  throw new GatehouseError("MINT_FAILED", "it owns more than can be dropped in one turn");
}

function list(names: readonly string[]): { readonly names: string } {
  return { names: JSON.stringify(names) };
}

function isFree({ armed, connections, prepared, databases }: Remaining): boolean {
  return !armed && connections === 0 && prepared.length === 0 && databases.length === 0;
}

function namesOf(users: readonly Remaining[]): string[] {
  return users.map(({ name }) => name);
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
