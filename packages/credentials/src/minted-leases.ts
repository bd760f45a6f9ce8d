import {
  GatehouseError,
  type Lease,
  type LeaseRequest,
  type MintTerms,
  type Provisioner,
  type Target,
} from "@gatehouse/core";
import { Background } from "./background.ts";
import { boundedProvisioner, type ProvisionerLimits, provisionerLimits } from "./bounded-provisioner.ts";
import type { LeaseKind } from "./lease-kind.ts";
import type { LeaseRecord } from "./lease-store.ts";
import { MintedLease } from "./minted-lease.ts";
import { Rounds } from "./rounds.ts";
import { hasServerOf, TargetUsers, type UsersOptions } from "./target-users.ts";

export interface MintedLeasesOptions extends Omit<UsersOptions, "changed"> {
  /** Of a protocol, by its name; undefined where it makes no users. */
  readonly provisioner: (protocol: string) => Provisioner | undefined;
  /** Those that there are for every target, when left out. */
  readonly limits?: ProvisionerLimits;
}

/** What the users of all targets come to. */
export interface LeaseFigures {
  /** Made ahead, for sessions that are to come. */
  readonly ready: number;
  /** Sessions have them. */
  readonly living: number;
  /** They wait to be gone. */
  readonly backlog: number;
}

/** Leases on users that are made for sessions, at all targets. */
export class MintedLeases implements LeaseKind<MintTerms> {
  readonly #options: MintedLeasesOptions;
  readonly #targets = new Map<string, TargetUsers>();
  /** Of targets that the config has no more, or has elsewhere. */
  readonly #retired = new Set<TargetUsers>();
  /** What earlier runs have left at targets that the config does not have. */
  #stranded: readonly LeaseRecord[] = [];
  /** Targets of those that the operator was told of. */
  readonly #told = new Set<string>();
  readonly #background: Background;
  readonly #issuing: Background;
  readonly #rounds: Rounds;
  /** Those under way: what waits for others to go with it is not waited for. */
  #sweeps = 0;
  #closing: { readonly drained: () => void } | undefined;

  constructor(options: MintedLeasesOptions) {
    this.#options = options;
    this.#rounds = new Rounds(options.clock, () => this.#begin());
    this.#background = new Background(options.log, () => this.#rounds.wake());
    this.#issuing = new Background(options.log, () => this.#rounds.wake());
  }

  recover(left: readonly LeaseRecord[]): void {
    this.#stranded = left;
  }

  /** The targets as the config has them now. */
  adopt(targets: Iterable<Target>): void {
    const configured = new Map([...targets].map((target) => [target.name, target]));
    for (const [name, users] of this.#targets) {
      const target = configured.get(name);
      if (target && users.isAt(target) && mints(target)) continue;
      this.#targets.delete(name);
      this.#retire(users);
    }
    for (const target of configured.values()) if (mints(target)) this.#adopt(target);
    this.#recover(configured);
  }

  policiesChanged(): void {
    for (const users of this.#targets.values()) users.policiesChanged();
  }

  acquire(request: LeaseRequest, terms: MintTerms): Promise<Lease> {
    const acquiring = this.#acquire(request, terms);
    this.#issuing.run(acquiring.catch(() => undefined));
    return acquiring;
  }

  async sweep(): Promise<void> {
    this.#sweeps++;
    this.#rounds.run();
    await this.#background.idle();
    this.#sweeps--;
  }

  async close(grace: number): Promise<void> {
    if (this.#closing) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#closing = { drained: resolve };
    for (const users of this.#all()) users.close();
    const late = setTimeout(resolve, grace);
    this.#rounds.run();
    await promise;
    this.#rounds.end();
    clearTimeout(late);
    for (const users of this.#all()) users.stop();
    const { living, backlog } = this.figures;
    if (living + backlog > 0) {
      this.#options.log.warn({ living, backlog }, "users are left for the next run to take back");
    }
  }

  /** @returns what is wrong at a target, for the operator; undefined where nothing is */
  trouble(target: string): string | undefined {
    return this.#targets.get(target)?.trouble;
  }

  /** Users by the name of a target that the config does not have: nobody can take them back before it does. */
  get stranded(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    // A user that was found under another address of its server is there no more.
    const left = this.#stranded.filter((record) => this.#options.journal.get(record));
    for (const { target } of left) counts.set(target, (counts.get(target) ?? 0) + 1);
    return counts;
  }

  get figures(): LeaseFigures {
    const sum = { ready: 0, living: 0, backlog: 0 };
    for (const { figures } of this.#all()) {
      sum.ready += figures.ready;
      sum.living += figures.living;
      sum.backlog += figures.backlog;
    }
    return sum;
  }

  async #acquire(request: LeaseRequest, terms: MintTerms): Promise<Lease> {
    this.#mayIssue();
    const issued = await this.#usersAt(request.target).acquire(request, terms);
    try {
      this.#mayIssue();
      return new MintedLease(issued);
    } catch (error) {
      issued.giveBack();
      throw error;
    }
  }

  /** @throws GatehouseError MINT_FAILED */
  #mayIssue(): void {
    if (this.#closing) throw new GatehouseError("MINT_FAILED", "The gateway is ending; no user was made.");
  }

  #adopt(target: Target): void {
    const users = this.#targets.get(target.name) ?? this.#usersAt(target);
    this.#retired.delete(users);
    this.#targets.set(target.name, users);
    users.adopt(target);
  }

  #retire(users: TargetUsers): void {
    this.#retired.add(users);
    users.retire();
  }

  /** Of a session's own target: a session can have been let in before the config had another. */
  #usersAt(target: Target): TargetUsers {
    for (const users of this.#all()) {
      if (users.target.name === target.name && users.isAt(target)) return users;
    }
    const provisioner = this.#options.provisioner(target.protocol);
    if (!provisioner) {
      throw new GatehouseError(
        "MINT_UNPREPARED",
        `No users can be made at ${target.name}, which is ${target.protocol}.`,
      );
    }
    const bounded = boundedProvisioner(provisioner, this.#options.limits ?? provisionerLimits);
    const users = new TargetUsers(target, bounded, { ...this.#options, changed: () => this.#rounds.wake() });
    this.#retire(users);
    return users;
  }

  /** What earlier runs have left is given to those who can take it back; of the rest the operator is told. */
  #recover(configured: ReadonlyMap<string, Target>): void {
    this.#stranded = this.#stranded.filter((record) => {
      const target = configured.get(record.target);
      if (!target || !hasServerOf(target, record.addresses)) return true;
      if (!this.#options.provisioner(target.protocol)) return true;
      this.#usersAt(target).recover(record);
      return false;
    });
    for (const [target, users] of this.stranded) {
      if (this.#told.has(target)) continue;
      this.#told.add(target);
      this.#options.log.error(
        { target, users },
        "users are left at a target that the config does not have any more: they are kept on record until it does",
      );
    }
  }

  #all(): Iterable<TargetUsers> {
    return [...this.#targets.values(), ...this.#retired];
  }

  #begin(): number {
    this.#options.journal.retry();
    let next = Number.POSITIVE_INFINITY;
    for (const users of this.#all()) {
      if (this.#closing || this.#sweeps > 0) users.urge();
      for (const begun of users.begin()) this.#background.run(begun);
      next = Math.min(next, users.next ?? next);
      if (users.isOver) this.#drop(users);
    }
    if (this.#isDrained) this.#closing?.drained();
    return next;
  }

  #drop(users: TargetUsers): void {
    this.#retired.delete(users);
    this.#options.provisioner(users.target.protocol)?.leave(users.target);
  }

  get #isDrained(): boolean {
    return this.#background.size + this.#issuing.size + this.figures.backlog === 0;
  }
}

function mints({ levels }: Target): boolean {
  return [...levels.values()].some(({ credential }) => "mint" in credential);
}
