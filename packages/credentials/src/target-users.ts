import { isDeepStrictEqual } from "node:util";
import {
  type Activation,
  type AuditLog,
  type Clock,
  formatAddress,
  GatehouseError,
  identityKey,
  type LeaseRequest,
  type Level,
  type Logger,
  messageOf,
  type MintedUser,
  type MintTerms,
  type Removal,
  type RevocationReason,
  type Survey,
  type Target,
  type Way,
} from "@gatehouse/core";
import type { LeasingProvisioner } from "./bounded-provisioner.ts";
import type { Journal } from "./journal.ts";
import type { LeaseRecord } from "./lease-store.ts";
import { readyName, sessionName } from "./names.ts";
import { Pool } from "./pool.ts";
import { Reaper } from "./reaper.ts";
import { Renewals } from "./renewals.ts";
import { type Revocation, Revocations } from "./revocations.ts";
import { SharedUsers } from "./shared-users.ts";

/** Users of one target that may wait to be taken back before no more are made: a target that is away must not fill the store. */
const MAX_WAITING = 1000;
/** Milliseconds that one who can go waits for others: to remove one takes the target about as much as to remove ten. */
const GATHER = 200;
/** Characters of what the audit log is told of what a user owned. */
const MAX_DETAIL = 4096;

/** A user that a session has. */
export interface IssuedUser {
  readonly user: MintedUser;
  /** Has it taken back. Once. */
  readonly giveBack: () => void;
}

interface ReadyUser {
  readonly user: MintedUser;
  readonly record: LeaseRecord;
}

interface LevelPool {
  readonly level: Level;
  readonly pool: Pool<ReadyUser>;
}

export interface UsersOptions {
  readonly epoch: string;
  /** The epochs of earlier runs. */
  readonly dead: ReadonlySet<string>;
  readonly journal: Journal;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly log: Logger;
  readonly randomBytes: (size: number) => Uint8Array;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Sessions that one identity may have at once: as many may have a shared user. */
  readonly perIdentity: () => number;
  /** Told when there is something to begin. */
  readonly changed: () => void;
}

/** The users that this gateway makes at one target: ready ones, those that sessions have, and those that are to go. */
export class TargetUsers {
  readonly #options: UsersOptions;
  readonly #provisioner: LeasingProvisioner;
  #target: Target;
  readonly #pools = new Map<string, LevelPool>();
  readonly #shared = new SharedUsers();
  readonly #renewals: Renewals;
  readonly #revocations: Revocations;
  readonly #reaper: Reaper;
  /** This run's own that wait to be taken back. */
  readonly #waiting = new Set<string>();
  #issuing = 0;
  #retired = false;
  /** Why the last session that asked for a user got none. */
  #failure: string | undefined;

  constructor(target: Target, provisioner: LeasingProvisioner, options: UsersOptions) {
    this.#target = target;
    this.#provisioner = provisioner;
    this.#options = options;
    const { epoch, dead, journal, clock, log, random } = options;
    const about = { target: target.name };
    this.#renewals = new Renewals({
      ...{ clock, log, about },
      renew: (names, ttl) => provisioner.renew(this.#target, names, ttl),
    });
    this.#revocations = new Revocations({
      ...{ gather: GATHER, clock, log, random, about },
      remove: (names) => provisioner.remove(this.#target, names),
      settled: (revocation, removal) => this.#settled(revocation, removal),
    });
    this.#reaper = new Reaper({
      ...{ epoch, dead, clock, log, about },
      own: () => journal.ids({ kind: "minted", target: target.name }),
      survey: () => this.#survey(),
      tidy: () => provisioner.tidy(this.#target),
      reap: (id, why) => this.#revocations.add({ id, why }),
    });
  }

  get target(): Target {
    return this.#target;
  }

  /** Has the same servers as another target: what is there is the same. */
  isAt(target: Target): boolean {
    return hasServerOf(target, addressesOf(this.#target)) && target.protocol === this.#target.protocol;
  }

  /** The target as the config has it now. What was made ready for what has changed is given back. */
  adopt(target: Target): void {
    const before = this.#target;
    this.#target = target;
    if (!isDeepStrictEqual(reachOf(before), reachOf(target))) this.#provisioner.leave(before);
    const same = isDeepStrictEqual({ ...before, levels: 0 }, { ...target, levels: 0 });
    for (const [name, { level, pool }] of this.#pools) {
      if (same && isDeepStrictEqual(level, target.levels.get(name))) continue;
      this.#pools.delete(name);
      this.#shared.part();
      pool.close();
    }
    for (const level of target.levels.values()) {
      if (!("mint" in level.credential)) continue;
      const pool = this.#pools.get(level.name)?.pool ?? this.#poolOf(level, level.credential.mint);
      this.#pools.set(level.name, { level, pool });
    }
    this.#retired = false;
    this.#reaper.hurry();
    this.#options.changed();
  }

  /** Makes nothing ready any more, and looks for nothing: what sessions have is renewed and taken back until the last has gone. */
  retire(): void {
    this.#retired = true;
    this.#closePools();
    this.#options.changed();
  }

  /** Whether there is nothing left to be done for a target that is not in the config any more. */
  get isOver(): boolean {
    return this.#retired && this.#issuing + this.#renewals.size + this.#revocations.size === 0;
  }

  /** Gives back what is ready, since what it may do was made of other policies. */
  policiesChanged(): void {
    this.#shared.part();
    for (const { pool } of this.#pools.values()) pool.empty();
  }

  /** Takes back what an earlier run has left. */
  recover({ id, why = "gone", session, subject }: LeaseRecord): void {
    this.#revocations.add(revocationOf({ id, why, session, subject }));
    this.#options.changed();
  }

  /** @throws GatehouseError of the MINT_, TARGET_ and SECRET_ families, STORE_FAILED or INTERNAL */
  async acquire(request: LeaseRequest, terms: MintTerms): Promise<IssuedUser> {
    this.#issuing++;
    try {
      const issued = await this.#acquire(request, terms);
      this.#failure = undefined;
      this.#revocations.hurry();
      this.#pools.get(request.level.name)?.pool.hurry();
      return issued;
    } catch (error) {
      this.#failure = messageOf(error);
      throw error;
    } finally {
      this.#issuing--;
      this.#options.changed();
    }
  }

  /** Begins what is due. @returns what it has begun; none rejects */
  begin(): Promise<void>[] {
    const pools = [...this.#pools.values()].flatMap(({ pool }) => pool.begin());
    const others = [this.#revocations.begin(), this.#retired ? undefined : this.#reaper.begin()];
    return [...this.#renewals.begin(), ...pools, ...others.filter((begun) => begun !== undefined)];
  }

  /** When there is something to do; undefined where that is not a question of time. */
  get next(): number | undefined {
    const times = [...this.#pools.values()].map(({ pool }) => pool.next);
    times.push(this.#revocations.next, this.#renewals.next, this.#retired ? undefined : this.#reaper.next);
    const known = times.filter((time) => time !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  }

  get figures(): { readonly ready: number; readonly living: number; readonly backlog: number } {
    const ready = [...this.#pools.values()].reduce((sum, { pool }) => sum + pool.ready, 0);
    return { ready, living: this.#renewals.size, backlog: this.#revocations.backlog };
  }

  /** What is wrong, for the operator; undefined where nothing is. */
  get trouble(): string | undefined {
    const pools = [...this.#pools.values()].map(({ pool }) => pool.trouble);
    const making = pools.find((reason) => reason !== undefined) ?? this.#failure;
    if (making !== undefined) return `users can't be made: ${making}`;
    const { trouble } = this.#revocations;
    if (trouble) {
      const since = new Date(trouble.since).toISOString();
      return `${trouble.waiting} users wait to be taken back since ${since}: ${trouble.reason}`;
    }
    return this.#reaper.trouble && `it can't be looked at for users that nobody has: ${this.#reaper.trouble}`;
  }

  /** Makes none any more, and gives back those that nobody has. */
  close(): void {
    this.#closePools();
    this.#reaper.close();
  }

  /** Takes back at once what waits for more to go with it. */
  urge(): void {
    this.#revocations.urge();
  }

  /** Takes back none any more. */
  stop(): void {
    this.#revocations.close();
  }

  #closePools(): void {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    this.#shared.part();
    for (const { pool } of pools) pool.close();
  }

  #poolOf(level: Level, { ready }: MintTerms): Pool<ReadyUser> {
    const { clock, log, random } = this.#options;
    return new Pool({
      ...{ clock, log, random, size: ready },
      make: () => this.#prepare({ target: this.#target, level }),
      giveBack: ({ user, record }) => {
        user.password.wipe();
        this.#revoke(record, "unused");
      },
      mayMake: () => this.#waiting.size < MAX_WAITING,
      about: { target: this.#target.name, as: level.name },
    });
  }

  #acquire(request: LeaseRequest, terms: MintTerms): Promise<IssuedUser> {
    const { level, identity } = request;
    if (terms.share === "session") return this.#issue(request, terms, 1);
    const issue = () => this.#issue(request, terms, this.#options.perIdentity());
    // A session that was let in before a reload has a user of its own, as it was let in.
    if (this.#pools.get(level.name)?.level !== level) return issue();
    // In other groups it may have other rights, at a level that goes by the policies.
    const sharing = [level.name, identityKey(identity), identity.kind, [...identity.groups].sort()];
    return this.#shared.acquire(JSON.stringify(sharing), issue);
  }

  async #issue(request: LeaseRequest, { ttl }: MintTerms, sessions: number): Promise<IssuedUser> {
    const { level, session, identity } = request;
    if (this.#waiting.size >= MAX_WAITING) {
      throw new GatehouseError(
        "MINT_FAILED",
        `${this.#waiting.size} users wait to be taken back at ${this.#target.name}; no more are made until then.`,
        { hint: "See the gateway's log for why they can't be taken back." },
      );
    }
    const { epoch } = this.#options;
    const holder = { session, subject: identity.subject, identity };
    const activation = { name: sessionName(epoch, session), holder, ttl, sessions };
    const own = this.#pools.get(level.name);
    const ready = own?.level === level ? own.pool.take() : undefined;
    if (own === undefined || ready === undefined) return this.#mint(request, activation);
    try {
      return await this.#activate(request, ready, activation, own.pool);
    } catch (error) {
      // Somebody may have removed what was ready. Where the target is away, another try only takes time.
      if (!(error instanceof GatehouseError && error.code.startsWith("MINT_"))) throw error;
      return this.#mint(request, { ...activation, name: sessionName(epoch, session, 2) });
    }
  }

  async #prepare(way: Way): Promise<ReadyUser> {
    const { epoch, randomBytes, journal } = this.#options;
    const record = this.#intend(way, { name: readyName(epoch, randomBytes) });
    const user = await this.#made([record], () => this.#provisioner.prepare(way, record.id));
    const ready = { user, record: { ...record, state: "ready" } } as const;
    journal.note({ save: [ready.record] });
    this.#revocations.hurry();
    return ready;
  }

  async #activate(
    way: Way,
    ready: ReadyUser,
    activation: Activation,
    pool: Pool<ReadyUser>,
  ): Promise<IssuedUser> {
    let record: LeaseRecord;
    try {
      record = this.#intend(way, activation);
    } catch (error) {
      pool.put(ready);
      throw error;
    }
    const made = () => this.#provisioner.activate(way, ready.user, activation);
    const user = await this.#made([record, ready.record], made);
    return this.#issued(user, record, activation.ttl, [ready.record]);
  }

  async #mint(way: Way, activation: Activation): Promise<IssuedUser> {
    const record = this.#intend(way, activation);
    const user = await this.#made([record], () => this.#provisioner.mint(way, activation));
    return this.#issued(user, record, activation.ttl);
  }

  #issued(user: MintedUser, intended: LeaseRecord, ttl: number, forget: LeaseRecord[] = []): IssuedUser {
    const record: LeaseRecord = { ...intended, state: "leased" };
    this.#options.journal.note({ save: [record], forget });
    this.#renewals.add(record.id, ttl);
    const giveBack = () => {
      user.password.wipe();
      this.#revoke(record, "released");
    };
    return { user, giveBack };
  }

  /** Puts on record that there is to be a user. @throws GatehouseError STORE_FAILED: there must not be one */
  #intend(
    { target, level }: Way,
    { name, holder }: Pick<Activation, "name"> & Partial<Activation>,
  ): LeaseRecord {
    const { epoch, journal } = this.#options;
    const record: LeaseRecord = {
      ...{ kind: "minted", state: "intended", id: name, epoch },
      ...{ target: target.name, level: level.name, addresses: addressesOf(target) },
      ...(holder ? { session: holder.session, subject: holder.subject } : {}),
    };
    if (journal.get(record)) {
      throw new GatehouseError("INTERNAL", `There is a user ${name} already; no other was made.`);
    }
    journal.intend(record);
    return record;
  }

  /** What fails may have been done all the same: then what there may be is taken back. */
  async #made(records: readonly LeaseRecord[], make: () => Promise<MintedUser>): Promise<MintedUser> {
    try {
      return await make();
    } catch (cause) {
      for (const record of records) this.#revoke(record, "unused");
      if (cause instanceof GatehouseError) throw cause;
      throw new GatehouseError("MINT_FAILED", "A user could not be made at the target.", { cause });
    }
  }

  #revoke(record: LeaseRecord, why: RevocationReason): void {
    const { id, session, subject } = record;
    this.#renewals.delete(id);
    this.#waiting.add(id);
    this.#options.journal.note({ save: [{ ...record, state: "revoking", why }] });
    this.#revocations.add(revocationOf({ id, why, session, subject }));
    this.#options.changed();
  }

  async #survey(): Promise<Survey> {
    const survey = await this.#provisioner.survey(this.#target);
    this.#failure = undefined;
    this.#revocations.hurry();
    for (const { pool } of this.#pools.values()) pool.hurry();
    return survey;
  }

  async #settled(revocation: Revocation, removal: Removal): Promise<void> {
    const { audit, journal, log } = this.#options;
    const { id: user, ...rest } = revocation;
    const { outcome, owned, reason } = removal;
    const target = this.#target.name;
    const detail = [...owned, ...(reason === undefined ? [] : [reason])].join("; ").slice(0, MAX_DETAIL);
    const type = outcome === "kept" ? "lease.kept" : "lease.revoked";
    if (outcome === "kept")
      log.warn({ target, user, reason }, "a user is kept, since others rest on what it owns");
    try {
      await audit.append({ type, target, user, ...rest, ...(detail === "" ? {} : { detail }) });
    } catch (error) {
      const fields = { target, user, event: type, error: messageOf(error) };
      log.error(fields, "audit failed: a user is taken back all the same");
    }
    this.#waiting.delete(user);
    if (outcome === "removed") journal.note({ forget: [{ kind: "minted", target, id: user }] });
    this.#options.changed();
  }
}

function addressesOf({ addresses }: Target): string[] {
  return addresses.map(formatAddress);
}

/** Whether a target has one of these servers: names at another are other users. */
export function hasServerOf(target: Target, addresses: readonly string[]): boolean {
  return addressesOf(target).some((address) => addresses.includes(address));
}

/** What a connection to a target rests on. */
function reachOf({ addresses, tls, credential, settings }: Target): object {
  return { addresses, tls, credential, settings };
}

function revocationOf({
  session,
  subject,
  ...revocation
}: Pick<Revocation, "id" | "why"> & {
  readonly session: string | undefined;
  readonly subject: string | undefined;
}): Revocation {
  return {
    ...revocation,
    ...(session === undefined ? {} : { session }),
    ...(subject === undefined ? {} : { subject }),
  };
}
