import {
  type Activation,
  GatehouseError,
  type MintedUser,
  type MintProblem,
  type Provisioner,
  type ProvisionerOptions,
  type Removal,
  type Survey,
  type Target,
  type Way,
} from "@gatehouse/core";
import { z } from "zod";
import { sameWay } from "../catalog/catalogs.ts";
import { ServerReport } from "../catalog/control-connection.ts";
import { levelSettingsOf, type PostgresSettings, settingsOf } from "../settings.ts";
import { check } from "./check.ts";
import { Administrator, type Greeting, until, understood } from "./administrator.ts";
import { PolicyRoles, type PolicyWay } from "./policy-role.ts";
import { remove } from "./removal.ts";
import { statement } from "./statement.ts";
import { joinRole, letIn, makeUser, newPassword } from "./users.ts";

/** Milliseconds that a connection to another database is kept when nobody asks. */
const ELSEWHERE = 10_000;

const DUPLICATE_OBJECT = "42710";
/** insufficient_privilege, undefined_object, invalid_grant_operation, read_only_sql_transaction */
const UNPREPARED: ReadonlySet<string> = new Set(["42501", "42704", "0LP01", "25006"]);
const UNDEFINED_OBJECT = "42704";

const surveyed = z.object({
  now: z.number(),
  users: z.array(z.object({ name: z.string(), canLogIn: z.boolean(), connections: z.int() })),
  present: z.array(z.string()),
});

const untidy = z.object({ database: z.string() });

/** The administrator's connections to one target. A removal can wait for others' locks: a log-in does not wait for that. */
interface Connections {
  readonly target: Target<PostgresSettings>;
  readonly making: Administrator;
  readonly removing: Administrator;
  /** By database, for what users own in others than the target's own. */
  readonly elsewhere: Map<string, Administrator>;
}

/** Makes and removes PostgreSQL roles (12 to 18), as a role that need be no superuser. */
export class PostgresProvisioner implements Provisioner {
  readonly #options: ProvisionerOptions;
  readonly #policyRoles: PolicyRoles;
  readonly #connections = new Set<Connections>();

  constructor(options: ProvisionerOptions) {
    this.#options = options;
    this.#policyRoles = new PolicyRoles(options);
  }

  async check(way: Way): Promise<readonly MintProblem[]> {
    const level = levelSettingsOf(way.level);
    const { making, target } = this.#to(way.target);
    const problems = await check(making, level, target.settings);
    // What a level's users could not be made with at all is mended first.
    if (level.grants !== "policy" || problems.some(({ minor }) => minor !== true)) return problems;
    return [...problems, ...(await this.#policyRoles.problems(way, making))];
  }

  async prepare(way: Way, name: string): Promise<MintedUser> {
    const { password, verifier } = await newPassword();
    const level = levelSettingsOf(way.level);
    await this.#attempt(way, name, (server) => makeUser(server, name, verifier, level));
    return { name, password };
  }

  async activate(way: Way, user: MintedUser, activation: Activation): Promise<MintedUser> {
    const { name, password } = user;
    const rename = ({ version }: Greeting) =>
      statement("rename", version, { ready: name, user: activation.name });
    await this.#letIn(way, activation, rename);
    return { name: activation.name, password };
  }

  async mint(way: Way, activation: Activation): Promise<MintedUser> {
    const { name } = activation;
    const { password, verifier } = await newPassword();
    const level = levelSettingsOf(way.level);
    await this.#letIn(way, activation, (server) => makeUser(server, name, verifier, level));
    return { name, password };
  }

  async renew(target: Target, names: readonly string[], ttl: number): Promise<void> {
    if (names.length === 0) return;
    await this.#to(target).making.ask((server) =>
      statement("renew", server.version, { names: JSON.stringify(names), until: until(server, ttl) }),
    );
  }

  remove(target: Target, names: readonly string[]): Promise<readonly Removal[]> {
    const connections = this.#to(target);
    const { owned } = connections.target.settings;
    const at = (database: string) => this.#at(connections, database);
    return remove({ administrator: connections.removing, at, owned }, names);
  }

  async survey(target: Target): Promise<Survey> {
    const { making } = this.#to(target);
    let server: Greeting | undefined;
    const asked = performance.now();
    const [found] = await making.ask((reached) => {
      server = reached;
      return statement("survey", reached.version);
    });
    const { now, users, present } = understood(surveyed, found);
    // Clocks drift, and machines sleep.
    if (server) server.ahead = now - (asked + performance.now()) / 2;
    return { users, present: new Set(present) };
  }

  async tidy(target: Target): Promise<void> {
    const connections = this.#to(target);
    const rows = await connections.removing.ask((server) => statement("tidy", server.version));
    for (const row of rows) {
      const { database } = understood(untidy, row);
      await this.#at(connections, database).ask((server) =>
        statement("drop-marked", server.version, { administrator: server.user }),
      );
    }
    await this.#policyRoles.tidy(connections.removing);
  }

  leave(target: Target): void {
    const connections = this.#known(target);
    if (connections) this.#close(connections);
  }

  close(): void {
    for (const connections of this.#connections) this.#close(connections);
  }

  #close(connections: Connections): void {
    this.#connections.delete(connections);
    for (const one of [connections.making, connections.removing, ...connections.elsewhere.values()])
      one.close();
  }

  /** A new config that leads to the target in the same way keeps them. */
  #known(target: Target): Connections | undefined {
    return [...this.#connections].find(
      (known) => known.target.name === target.name && sameWay(known.target, target),
    );
  }

  /** @param first what makes it the user that is let in */
  async #letIn(way: Way, activation: Activation, first: (server: Greeting) => string): Promise<void> {
    const { name, holder } = activation;
    const level = levelSettingsOf(way.level);
    const whose = { ...way, ...(holder.identity ? { identity: holder.identity } : {}) };
    await this.#withPolicyRole(whose, (role) => {
      const join = (server: Greeting) => (role === undefined ? "" : joinRole(server, name, level, role));
      return this.#attempt(
        way,
        name,
        (server) => `${first(server)}${join(server)}${letIn(server, activation, spare(way.target))}`,
      );
    });
  }

  /** @param act is given the role that carries what the policies could allow, at a level that has it by them */
  async #withPolicyRole(way: PolicyWay, act: (role: string | undefined) => Promise<void>): Promise<void> {
    if (levelSettingsOf(way.level).grants !== "policy") return act(undefined);
    const { making } = this.#to(way.target);
    const role = await this.#policyRoles.ensure(way, making);
    try {
      await act(role);
    } catch (error) {
      // Another gateway may have removed it just now, since nobody had it.
      if (!isMissing(error)) throw error;
      this.#policyRoles.forget(way);
      await act(await this.#policyRoles.ensure(way, making));
    }
  }

  async #attempt(way: Way, name: string, write: (server: Greeting) => string): Promise<void> {
    try {
      await this.#to(way.target).making.ask(write);
    } catch (error) {
      if (!(error instanceof GatehouseError && error.cause instanceof ServerReport)) throw error;
      const { sqlstate, message } = error.cause;
      if (sqlstate === DUPLICATE_OBJECT) {
        throw new GatehouseError(
          "MINT_FAILED",
          `The target has a role "${name}" already; it was not touched.`,
          {
            cause: error,
          },
        );
      }
      const problem = UNPREPARED.has(sqlstate) ? await this.#problem(way) : undefined;
      if (problem) {
        throw new GatehouseError("MINT_UNPREPARED", problem.message, { hint: problem.hint, cause: error });
      }
      throw new GatehouseError("MINT_FAILED", `The target would not make a user: ${message}.`, {
        cause: error,
      });
    }
  }

  /** Why it was refused, in words for the operator; undefined where nothing is wrong that is known of. */
  async #problem(way: Way): Promise<MintProblem | undefined> {
    const problems = await this.check(way).catch(() => []);
    return problems.find(({ minor }) => !minor);
  }

  #to(target: Target): Connections {
    const known = this.#known(target);
    if (known) return known;
    const at = { ...target, settings: settingsOf(target) };
    const { lease, epoch, clock } = this.#options;
    const options = { target: at, lease: () => lease(target), epoch, clock };
    const connections = {
      target: at,
      making: new Administrator(options),
      removing: new Administrator(options),
      elsewhere: new Map<string, Administrator>(),
    };
    this.#connections.add(connections);
    return connections;
  }

  /** For what is to be removed in one of the target's databases. */
  #at({ target, removing, elsewhere }: Connections, database: string): Administrator {
    const known = database === target.settings.database ? removing : elsewhere.get(database);
    if (known) return known;
    const { lease, epoch, clock } = this.#options;
    const administrator = new Administrator({
      target: { ...target, settings: { ...target.settings, database } },
      lease: () => lease(target),
      epoch,
      clock,
      idle: ELSEWHERE,
    });
    elsewhere.set(database, administrator);
    return administrator;
  }
}

/** The gateway logs in as the session's user more than once: to ask how many rows, and to look which server it has reached. */
function spare(target: Target): number {
  const { estimate, targetSessionAttrs } = settingsOf(target);
  return estimate === "explain" || targetSessionAttrs !== "any" ? 1 : 0;
}

/** What a user was made with is not there. */
function isMissing(error: unknown): boolean {
  const cause =
    error instanceof GatehouseError && error.cause instanceof GatehouseError ? error.cause.cause : error;
  return cause instanceof ServerReport && cause.sqlstate === UNDEFINED_OBJECT;
}
