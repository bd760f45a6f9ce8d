import { createHash } from "node:crypto";
import {
  type Clock,
  GatehouseError,
  type Identity,
  type Logger,
  type MintProblem,
  type ProvisionerOptions,
  type Way,
} from "@gatehouse/core";
import { z } from "zod";
import { ServerReport } from "../catalog/control-connection.ts";
import { settingsOf } from "../settings.ts";
import { type Administrator, understood } from "./administrator.ts";
import { type Objects, objectsFingerprint, readObjects } from "./objects.ts";
import { type PolicyGrants, policyGrants, type Withheld } from "./policy-grants.ts";
import { quoteIdentifier, statement } from "./statement.ts";

/** Milliseconds for which what a target has is taken to be as it was. */
const FRESH = 10_000;
/** Times that it is tried again, where another gateway makes the same role or grants on the same objects. */
const ATTEMPTS = 5;
/** undefined_object, duplicate_object, unique_violation; and "tuple concurrently updated", which has no code of its own. */
const CONCURRENT: ReadonlySet<string> = new Set(["42704", "42710", "23505", "XX000", "40001", "40P01"]);
/** What check names of what can't be granted, at the most. */
const NAMED = 20;
/** Hexadecimal digits of a digest in a role's name. */
const DIGEST = 12;

/** A level of a target, for one identity, or, without one, for whoever may come. */
export type PolicyWay = Way & { readonly identity?: Identity };

interface Known {
  readonly name: string;
  readonly version: string;
  readonly fingerprint: string;
  /** When it was last so. */
  looked: number;
}

const existing = z.object({ name: z.string(), marked: z.boolean() });

/**
 * Roles that carry what the policies could ever allow at a level: one for each such set of privileges, which its name is a digest
 * of. So a change of policies, or of what the target has, leads to another role, and sessions that are open keep theirs.
 */
export class PolicyRoles {
  readonly #policies: ProvisionerOptions["policies"];
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #known = new Map<string, Known>();
  readonly #pending = new Map<string, Promise<Known>>();

  constructor({ policies, clock, log }: Pick<ProvisionerOptions, "policies" | "clock" | "log">) {
    this.#policies = policies;
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * Makes the role where it is missing. What the administrator may not grant is left out, and logged.
   * @returns its name
   * @throws GatehouseError as `Administrator.ask`, MINT_UNPREPARED where the name is somebody else's, MINT_FAILED
   */
  async ensure(way: PolicyWay, administrator: Administrator): Promise<string> {
    const key = this.#keyOf(way);
    const known = this.#known.get(key);
    const version = this.#policies().version;
    if (known?.version === version && this.#isFresh(known)) return known.name;
    const pending = this.#pending.get(key) ?? this.#renew(way, administrator);
    this.#pending.set(key, pending);
    try {
      return (await pending).name;
    } finally {
      if (this.#pending.get(key) === pending) this.#pending.delete(key);
    }
  }

  /** The level's role is not there any more, or may not be: it is made anew when it is asked for. */
  forget(way: PolicyWay): void {
    this.#known.delete(this.#keyOf(way));
  }

  /** What the administrator may not grant, and what nobody can. */
  async problems(way: Way, administrator: Administrator): Promise<readonly MintProblem[]> {
    const objects = await readObjects(administrator);
    const { withheld, definitions } = await this.#grants(way, objects);
    const problems = withheld.slice(0, NAMED).map(({ privileges, what, owner }) => ({
      message: `The policies could allow ${privileges.join(", ")} on the ${what} at the level "${way.level.name}", and "${objects.administrator}" may not grant that: statements that need it will be refused by the database.`,
      hint: `GRANT ${quoteIdentifier(owner)} TO ${quoteIdentifier(objects.administrator)}${objects.version >= 160_000 ? " WITH INHERIT TRUE, SET FALSE" : ""};`,
    }));
    if (withheld.length > NAMED) {
      problems.push({
        message: `And ${withheld.length - NAMED} more of that kind.`,
        hint: "Make the administrator a member of the roles that own what the level is for.",
      });
    }
    if (definitions) {
      problems.push({
        message: `The policies could allow changes of the schema at the level "${way.level.name}" (sql.access is "ddl"), which PostgreSQL lets nobody but owners do: the database will refuse most of them.`,
        hint: "Block ddl at this level, or name the owner's role under memberOf at one of its own.",
      });
    }
    return problems;
  }

  /** Removes the roles of this administrator's making that no user is a member of, but for those that are in use here. */
  async tidy(administrator: Administrator): Promise<void> {
    const used = JSON.stringify([...this.#known.values()].map(({ name }) => name));
    const keep = { keep: used };
    await administrator.ask(({ version }) => statement("drop-policy-roles", version, keep));
  }

  /** A clock that was set back says nothing. */
  #isFresh({ looked }: Known): boolean {
    const age = this.#clock.now() - looked;
    return age >= 0 && age < FRESH;
  }

  async #renew(way: PolicyWay, administrator: Administrator): Promise<Known> {
    const known = this.#known.get(this.#keyOf(way));
    const version = this.#policies().version;
    // Asked for before what it is compared with: what changes in between is seen the next time.
    const looked = this.#clock.now();
    const fingerprint = await objectsFingerprint(administrator);
    if (known?.version === version && known.fingerprint === fingerprint) {
      known.looked = looked;
      return known;
    }
    const objects = await readObjects(administrator);
    const found = await this.#grants(way, objects);
    const name = nameOf(objects, found);
    await this.#make(name, found, administrator);
    const made = { name, version, fingerprint, looked };
    if (found.withheld.length > 0 && known?.name !== name) this.#warn(way, found.withheld);
    this.#known.set(this.#keyOf(way), made);
    return made;
  }

  #grants(way: PolicyWay, objects: Objects): Promise<PolicyGrants> {
    const reach = this.#policies().reach(way);
    return policyGrants(
      objects,
      (facts, userFunctions = []) => reach.couldAllow({ facts, userFunctions }),
      settingsOf(way.target).catalog === "read",
    );
  }

  /** Identities that the same policies are for have one together. */
  #keyOf(way: PolicyWay): string {
    return JSON.stringify([way.target.name, way.level.name, this.#policies().reach(way).policies]);
  }

  async #make(name: string, { grants }: PolicyGrants, administrator: Administrator): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const unused = `${name}_unused`;
      const [row] = await administrator.ask(({ version }) =>
        statement("policy-role", version, { role: name, unused }),
      );
      const found = row === undefined ? undefined : understood(existing, row);
      if (found?.marked === false) {
        throw new GatehouseError(
          "MINT_UNPREPARED",
          `The target has a role "${found.name}" that is not of the gateway's making; it was not touched.`,
          { hint: `DROP ROLE ${quoteIdentifier(found.name)};` },
        );
      }
      if (found?.name === name) return;
      try {
        // It has its privileges already: to grant them would wait for whoever has locked one of the tables.
        if (found) {
          await administrator.ask(({ version }) =>
            statement("rename", version, { ready: unused, user: name }),
          );
          return;
        }
        await administrator.ask(({ version }) =>
          [
            statement("make-policy-role", version, { role: name }),
            statement("mark", version, { user: name }),
            ...grants.map(
              ({ privileges, on }) => `GRANT ${privileges.join(", ")} ON ${on} TO ${quoteIdentifier(name)};`,
            ),
          ].join("\n"),
        );
        return;
      } catch (error) {
        const report = error instanceof GatehouseError ? error.cause : undefined;
        if (!(report instanceof ServerReport)) throw error;
        if (CONCURRENT.has(report.sqlstate) && attempt < ATTEMPTS) continue;
        throw new GatehouseError(
          "MINT_FAILED",
          `The target would not make a role with what the policies allow: ${report.message}.`,
          { cause: error },
        );
      }
    }
  }

  #warn({ target, level }: Way, withheld: readonly Withheld[]): void {
    const [first] = withheld;
    this.#log.warn(
      {
        target: target.name,
        level: level.name,
        objects: withheld.length,
        first: first ? `${first.privileges.join(", ")} on the ${first.what}` : "",
      },
      "The administrator may not grant all that the policies could allow; the database will refuse it.",
    );
  }
}

/** Of two administrators, each has roles of its own: since PostgreSQL 16 neither could make users members of the other's. */
function nameOf({ administrator, database }: Objects, { grants }: PolicyGrants): string {
  const hash = createHash("sha256").update(JSON.stringify([administrator, database.name, grants]));
  return `gatehouse_${hash.digest("hex").slice(0, DIGEST)}`;
}
