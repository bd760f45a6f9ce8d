import {
  type AuditLog,
  type Clock,
  GatehouseError,
  type Lease,
  type LeaseRequest,
  type Logger,
  messageOf,
  type Removal,
  type RevocationReason,
} from "@gatehouse/core";
import { Background } from "../background.ts";
import type { Journal } from "../journal.ts";
import type { IssuedKind } from "../lease-kind.ts";
import type { LeaseRecord } from "../lease-store.ts";
import { Renewals } from "../renewals.ts";
import { type Revocation, Revocations } from "../revocations.ts";
import { Rounds } from "../rounds.ts";
import type { IssuedCredential, VaultClient } from "./client.ts";
import { IssuedLease } from "./issued-lease.ts";
import { TokenRenewal } from "./token-renewal.ts";

/** The shortest time for which a lease is renewed: an engine that gives less of it each time is not asked without an end. */
const LEAST_RENEWAL = 2_000;
/** Leases that may wait to be taken back before no more are issued: an engine that is away must not fill the store. */
const MAX_WAITING = 1000;
/** Questions about leases that are asked at the same time. */
const AT_ONCE = 8;

export interface IssuedLeasesOptions {
  readonly engine: Pick<VaultClient, "place" | "issue" | "renew" | "revoke" | "lookUpToken" | "renewToken">;
  readonly journal: Journal;
  /** Names this run. */
  readonly epoch: string;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly log: Logger;
  /** From 0 to 1; `Math.random` when left out. */
  readonly random?: () => number;
}

/**
 * Leases on credentials that a Vault-style engine issues, one for each session. Their end by themselves is the engine's: what
 * was issued and never heard of, since the answer was lost or the gateway has ended at that moment, is there until then.
 */
export class IssuedLeases implements IssuedKind {
  readonly #options: IssuedLeasesOptions;
  /** All that are known, by the engine's ids. */
  readonly #records = new Map<string, LeaseRecord>();
  /** By the same: who the target takes the session for. */
  readonly #users = new Map<string, string>();
  readonly #renewals: Renewals;
  readonly #revocations: Revocations;
  readonly #token: TokenRenewal;
  readonly #background: Background;
  readonly #issuing: Background;
  readonly #rounds: Rounds;
  #closing: { readonly drained: () => void } | undefined;

  constructor(options: IssuedLeasesOptions) {
    this.#options = options;
    const { engine, clock, log, random = Math.random } = options;
    const about = { issued: true };
    this.#renewals = new Renewals({ clock, log, about, renew: (ids) => this.#renew(ids) });
    this.#revocations = new Revocations({
      ...{ clock, log, random, about },
      remove: (ids) => this.#remove(ids),
      settled: (revocation) => this.#settled(revocation),
    });
    this.#token = new TokenRenewal({ engine, clock, log });
    this.#rounds = new Rounds(clock, () => this.#begin());
    this.#background = new Background(log, () => this.#rounds.wake());
    this.#issuing = new Background(log, () => this.#rounds.wake());
  }

  recover(left: readonly LeaseRecord[]): void {
    // Of these no id is known: nobody but the engine can say which they were.
    const lost = left.filter(({ state }) => state === "intended");
    if (lost.length > 0) {
      const sessions = lost.map(({ session }) => session);
      this.#options.log.warn(
        { sessions },
        "credentials may have been issued for these sessions as the gateway ended: the engine takes them back at their end",
      );
      this.#options.journal.note({ forget: lost });
    }
    for (const record of left) if (record.state !== "intended") this.#revoke(record, record.why ?? "gone");
    this.#rounds.wake();
  }

  acquire(request: LeaseRequest, path: string): Promise<Lease> {
    const acquiring = this.#acquire(request, path);
    this.#issuing.run(acquiring.catch(() => undefined));
    return acquiring;
  }

  async sweep(): Promise<void> {
    this.#rounds.run();
    await this.#background.idle();
  }

  async close(grace: number): Promise<void> {
    if (this.#closing) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#closing = { drained: resolve };
    const late = setTimeout(resolve, grace);
    this.#rounds.run();
    await promise;
    this.#rounds.end();
    clearTimeout(late);
    this.#revocations.close();
    if (this.#records.size > 0) {
      this.#options.log.warn(
        { leases: this.#records.size },
        "issued credentials are left for the next run to take back",
      );
    }
  }

  /** What keeps leases from being taken back, for the operator; undefined where nothing does. */
  get trouble(): string | undefined {
    const trouble = this.#revocations.trouble;
    if (trouble === undefined) return undefined;
    const since = new Date(trouble.since).toISOString();
    return `${trouble.waiting} issued credentials wait to be taken back since ${since}: ${trouble.reason}`;
  }

  /** How many sessions have, and how many wait to be taken back. */
  get figures(): { readonly living: number; readonly backlog: number } {
    const backlog = this.#revocations.backlog;
    return { living: this.#records.size - this.#revocations.size, backlog };
  }

  async #acquire(request: LeaseRequest, path: string): Promise<Lease> {
    const { engine, journal } = this.#options;
    this.#mayIssue();
    const intended = this.#intend(request);
    let issued: IssuedCredential;
    try {
      issued = await engine.issue(path);
    } finally {
      journal.note({ forget: [intended] });
    }
    return this.#leased(issued, { ...intended, id: issued.lease, state: "leased" });
  }

  /** @throws GatehouseError VAULT_FAILED */
  #mayIssue(): void {
    if (this.#closing) throw refused("the gateway is ending");
    const { size } = this.#revocations;
    if (size >= MAX_WAITING) throw refused(`${size} of them wait to be taken back`);
  }

  /** Puts on record that something is to be issued. @throws GatehouseError STORE_FAILED: it must not be */
  #intend({ target, level, session, identity }: LeaseRequest): LeaseRecord {
    const { engine, journal, epoch } = this.#options;
    const record: LeaseRecord = {
      // The engine's own id is known only when it has answered.
      ...{ kind: "issued", state: "intended", id: `session ${session}`, epoch },
      ...{ target: target.name, level: level.name, addresses: [engine.place ?? ""] },
      ...{ session, subject: identity.subject },
    };
    journal.intend(record);
    return record;
  }

  #leased({ lasts, renewable, user, password }: IssuedCredential, record: LeaseRecord): Lease {
    this.#users.set(record.id, user);
    try {
      this.#options.journal.intend(record);
      if (this.#closing) throw refused("the gateway is ending");
    } catch (error) {
      // What a next run would not know of is not used in this one.
      password.wipe();
      this.#revoke(record, "unused");
      throw error;
    }
    this.#records.set(record.id, record);
    if (renewable && Number.isFinite(lasts)) this.#renewals.add(record.id, Math.max(LEAST_RENEWAL, lasts));
    // Something was done at the engine: what has failed is tried again at once.
    this.#revocations.hurry();
    return new IssuedLease(user, password, () => this.#revoke(record, "released"));
  }

  #revoke(record: LeaseRecord, why: RevocationReason): void {
    const { id, session, subject } = record;
    const revoking: LeaseRecord = { ...record, state: "revoking", why };
    this.#renewals.delete(id);
    this.#records.set(id, revoking);
    this.#options.journal.note({ save: [revoking] });
    this.#revocations.add({
      ...{ id, why },
      ...(session === undefined ? {} : { session }),
      ...(subject === undefined ? {} : { subject }),
    });
    this.#rounds.wake();
  }

  /** Rejects where some were not renewed. */
  async #renew(ids: readonly string[]): Promise<void> {
    const { engine, log } = this.#options;
    const failures = await eachOf(ids, async (id) => {
      this.#mustBeHere(id);
      const lasts = await engine.renew(id);
      if (this.#records.get(id)?.state !== "leased") return;
      if (lasts > 0) {
        this.#renewals.add(id, Math.max(LEAST_RENEWAL, lasts));
        return;
      }
      this.#renewals.delete(id);
      const { session, target } = this.#records.get(id) ?? {};
      log.error(
        { session, target },
        "the engine does not know a session's credential any more: it has ended",
      );
    });
    if (failures.length > 0) throw failures[0];
  }

  /** @returns those that are gone; rejects where none are */
  async #remove(ids: readonly string[]): Promise<readonly Removal[]> {
    const removals: Removal[] = [];
    const failures = await eachOf(ids, async (id) => {
      this.#mustBeHere(id);
      await this.#options.engine.revoke(id);
      removals.push({ name: id, outcome: "removed", owned: [] });
    });
    if (removals.length === 0 && failures.length > 0) throw failures[0];
    return removals;
  }

  /** Another engine does not know a lease, and would say that it is gone. @throws GatehouseError VAULT_FAILED */
  #mustBeHere(id: string): void {
    const { place } = this.#options.engine;
    if (this.#records.get(id)?.addresses[0] === place) return;
    throw new GatehouseError(
      "VAULT_FAILED",
      "A credential was issued by another secrets engine than the config has now; nothing was done with it.",
      { hint: "Put the address and the namespace of that engine back into `vault`, until it is taken back." },
    );
  }

  async #settled({ id, ...rest }: Revocation): Promise<void> {
    const { audit, journal, log } = this.#options;
    const target = this.#records.get(id)?.target ?? "";
    // Of what an earlier run has left only the engine's id is known.
    const user = this.#users.get(id) ?? id;
    try {
      await audit.append({ type: "lease.revoked", target, user, ...rest });
    } catch (error) {
      const fields = { target, user, event: "lease.revoked", error: messageOf(error) };
      log.error(fields, "audit failed: a credential was taken back all the same");
    }
    this.#users.delete(id);
    this.#records.delete(id);
    journal.note({ forget: [{ kind: "issued", target, id }] });
  }

  #begin(): number {
    this.#options.journal.retry();
    for (const begun of [...this.#renewals.begin(), this.#revocations.begin(), this.#token.begin()]) {
      if (begun) this.#background.run(begun);
    }
    if (this.#background.size + this.#issuing.size + this.#revocations.size === 0) this.#closing?.drained();
    const times = [this.#renewals.next, this.#revocations.next, this.#token.next];
    return Math.min(...times.filter((time) => time !== undefined), Number.POSITIVE_INFINITY);
  }
}

/** Some at a time; stops where none of those could be done, since then the engine is away. @returns what has failed */
async function eachOf(
  ids: readonly string[],
  work: (id: string) => Promise<void>,
): Promise<readonly unknown[]> {
  const failures: unknown[] = [];
  for (let start = 0; start < ids.length; start += AT_ONCE) {
    const some = ids.slice(start, start + AT_ONCE);
    const results = await Promise.allSettled(some.map(work));
    const failed = results.flatMap((result): unknown[] =>
      result.status === "rejected" ? [result.reason] : [],
    );
    failures.push(...failed);
    if (failed.length === some.length) break;
  }
  return failures;
}

function refused(why: string): GatehouseError {
  return new GatehouseError("VAULT_FAILED", `No credential was issued for the session: ${why}.`, {
    hint: "See the gateway's log for what the secrets engine does.",
  });
}
