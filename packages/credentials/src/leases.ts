import {
  type AuditLog,
  type Clock,
  GatehouseError,
  type Lease,
  type LeaseRequest,
  type Logger,
  type Provisioner,
  type Target,
} from "@gatehouse/core";
import type { ConfiguredLeases } from "./configured-leases.ts";
import type { ProvisionerLimits } from "./bounded-provisioner.ts";
import { Journal } from "./journal.ts";
import type { IssuedKind } from "./lease-kind.ts";
import type { LeaseStore } from "./lease-store.ts";
import { type LeaseFigures, MintedLeases } from "./minted-leases.ts";

export interface LeasesOptions {
  /** Names this run, as `newEpoch` makes it; provisioners are given the same. */
  readonly epoch: string;
  readonly store: LeaseStore;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly log: Logger;
  readonly randomBytes: (size: number) => Uint8Array;
  /** From 0 to 1; `Math.random` when left out. */
  readonly random?: () => number;
  /** Sessions that one identity may have at once. */
  readonly perIdentity: () => number;
  /** Leases on what stands in the config. */
  readonly configured: ConfiguredLeases["acquire"];
  /** Makes the kind that has credentials issued by a Vault-style engine; absent where the config names none. */
  readonly engine?: (parts: { readonly journal: Journal; readonly epoch: string }) => IssuedKind;
  /** Of a protocol, by its name; undefined where it makes no users. */
  readonly provisioner: (protocol: string) => Provisioner | undefined;
  /** Within which a provisioner has to have answered; those that there are for every target, when left out. */
  readonly limits?: ProvisionerLimits;
}

/** All leases of one gateway, of whatever kind. */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #journal: Journal;
  readonly #engine: IssuedKind | undefined;
  #minted: MintedLeases | undefined;

  constructor(options: LeasesOptions) {
    this.#options = options;
    const { store, log, engine, epoch } = options;
    this.#journal = new Journal(store, log);
    this.#engine = engine?.({ journal: this.#journal, epoch });
  }

  /**
   * Takes up what earlier runs have left, and begins to make users ready. Waits for no target.
   * @throws GatehouseError STORE_FAILED
   */
  start(targets: Iterable<Target>): void {
    const { random = Math.random } = this.#options;
    const { dead, left } = this.#journal.begin(this.#options.epoch);
    this.#minted = new MintedLeases({ ...this.#options, journal: this.#journal, dead, random });
    this.#minted.recover(left.filter(({ kind }) => kind === "minted"));
    this.#engine?.recover(left.filter(({ kind }) => kind === "issued"));
    this.#minted.adopt(targets);
  }

  /** The targets as the config has them now. */
  adopt(targets: Iterable<Target>): void {
    this.#minted?.adopt(targets);
  }

  /** The policies are others now: nobody gets what was made ready by those before. */
  policiesChanged(): void {
    this.#minted?.policiesChanged();
  }

  /**
   * The credential of one session.
   * @throws GatehouseError of the SECRET_, CERTIFICATE_, KEY_, MINT_, VAULT_ and TARGET_ families, STORE_FAILED or INTERNAL
   */
  async acquire(request: LeaseRequest): Promise<Lease> {
    const { credential } = request.level;
    if ("mint" in credential) {
      if (this.#minted) return this.#minted.acquire(request, credential.mint);
      throw new GatehouseError("INTERNAL", "A lease was asked for before the gateway has started.");
    }
    if ("vault" in credential) {
      if (this.#engine) return this.#engine.acquire(request, credential.vault);
      throw new GatehouseError(
        "VAULT_FAILED",
        "The level's credential is issued by an engine, and there is none.",
        {
          hint: "Configure `vault:`.",
        },
      );
    }
    const { identity, session } = request;
    return this.#options.configured(credential, { subject: identity.subject, session });
  }

  /**
   * A lease on a target's own credential.
   * @throws GatehouseError SECRET_UNAVAILABLE, CERTIFICATE_INVALID or KEY_INVALID
   */
  acquireOwn({ credential }: Pick<Target, "credential">): Promise<Lease> {
    return this.#options.configured(credential, { subject: "gatehouse", session: this.#options.epoch });
  }

  /** Does what is due, as timers do by themselves. Resolves when all that is under way has ended. */
  async sweep(): Promise<void> {
    await Promise.all([this.#minted?.sweep(), this.#engine?.sweep()]);
  }

  /** Issues no more, and takes back what it can. @param grace milliseconds; the rest is for the next run */
  async close(grace: number): Promise<void> {
    await Promise.all([this.#minted?.close(grace), this.#engine?.close(grace)]);
    this.#journal.close();
  }

  /** Whether users can be made, and taken back, at a target. */
  status({
    name,
  }: Pick<Target, "name">): { readonly ok: true } | { readonly ok: false; readonly reason: string } {
    const reason = this.#minted?.trouble(name);
    return reason === undefined ? { ok: true } : { ok: false, reason };
  }

  /** What keeps credentials that the secrets engine has issued from being taken back; undefined where nothing does. */
  get engineTrouble(): string | undefined {
    return this.#engine?.trouble;
  }

  /** How many users are left at targets that the config does not have any more, by the target's name. */
  get stranded(): ReadonlyMap<string, number> {
    return this.#minted?.stranded ?? new Map<string, number>();
  }

  get figures(): LeaseFigures {
    return this.#minted?.figures ?? { ready: 0, living: 0, backlog: 0 };
  }
}
