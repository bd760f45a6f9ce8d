import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { createSecureContext, type SecureContext } from "node:tls";
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { Approvals, type ApprovalStore } from "@gatehouse/approvals";
import { type OpenAuditLog, openAuditLog } from "@gatehouse/audit";
import { type ReloadingCertificate, watchCertificate } from "@gatehouse/certs";
import type { Config, ListenerConfig, ListenerTls } from "@gatehouse/config";
import {
  type Address,
  type Clock,
  type Credential,
  formatAddress,
  type Gate,
  type Identity,
  type IdSource,
  idSource,
  type Listener,
  type Logger,
  messageOf,
  type Protocol,
  type Provisioner,
  type ProvisionerOptions,
  systemClock,
  type ValueMasks,
} from "@gatehouse/core";
import {
  configuredLeases,
  createSecrets,
  IssuedLeases,
  Leases,
  type LeaseStore,
  newEpoch,
} from "@gatehouse/credentials";
import { formatProblem, type Problem } from "@gatehouse/documents";
import { Grants, type GrantStore } from "@gatehouse/grants";
import { createAuthenticator, type OidcAuthenticator } from "@gatehouse/identity";
import { openRecordings, type RecordingFolder } from "@gatehouse/recording";
import { SessionRegistry } from "@gatehouse/sessions";
import { openApprovalStore, openGrantStore, openLeaseStore } from "@gatehouse/storage";
import { Callbacks, Webhooks } from "@gatehouse/webhooks";
import type { ApprovalDesk } from "./approval-desk.ts";
import { ChangeLog } from "./change-log.ts";
import { type Configuration, ConfigurationError, loadConfiguration } from "./configuration.ts";
import { openDesk } from "./desk.ts";
import { createGate } from "./gate.ts";
import { type GrantDesk, openGrantDesk } from "./grant-desk.ts";
import { MaskReview } from "./mask-review.ts";
import { loadProtocols } from "./protocols.ts";
import { openSshDesk, type SshDesk } from "./ssh-desk.ts";
import { reachable, targetAt } from "./target-at.ts";
import { UserAuthority } from "./user-authority.ts";
import { openValueMasks } from "./value-masks.ts";
import { version } from "./version.ts";

/** How long a session has to close once it was told to. */
const CLOSE_GRACE = 2_000;
/** How long users that were made for sessions may take to be gone; what is left then is for the next run. */
const REVOKE_GRACE = 5_000;
/** How long the last lines of recordings may take to be on the disk. */
const RECORDING_GRACE = 2_000;
/** How long a reload waits for targets that say what they have: one that is away must not keep policies from changing. */
const LEARN_GRACE = 3_000;

export interface GatewayOptions {
  readonly configFile: string;
  readonly log: Logger;
  readonly clock?: Clock;
  /** What can be spoken; all that there is when left out. */
  readonly protocols?: readonly Protocol[];
}

/** One thing that has to be right for the gateway to do its work. */
export interface ReadinessCheck {
  readonly name: string;
  readonly ready: boolean;
  readonly reason?: string;
}

/** A gateway that is up. */
export class Gateway {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #ids: IdSource = idSource(randomBytes);
  readonly #protocols: readonly Protocol[];
  readonly #audit: OpenAuditLog;
  readonly #sessions: SessionRegistry;
  readonly #secrets = createSecrets({ vault: () => this.#configuration.config.vault });
  readonly #leases: Leases;
  /** By the protocol's name. */
  readonly #provisioners: ReadonlyMap<string, Provisioner>;
  readonly #listeners = new Map<string, Listener[]>();
  readonly #certificates: ReloadingCertificate[] = [];
  readonly #masks: MaskReview;
  readonly #stores: Stores;
  readonly #approvals: Approvals;
  readonly #grants: Grants;
  readonly #webhooks: Webhooks;
  /** Where people see and answer what is held. */
  readonly approvals: ApprovalDesk;
  /** Where people ask for access, and take it back. */
  readonly grants: GrantDesk;
  /** Where people have their keys certified. */
  readonly ssh: SshDesk;
  readonly #userAuthority: UserAuthority;
  #configuration: Configuration;
  #authenticator: OidcAuthenticator;
  #lastReload: Promise<unknown> = Promise.resolve();
  readonly #values: ValueMasks;
  readonly #recordings: RecordingFolder;
  #stopping: Promise<void> | undefined;

  private constructor(
    options: GatewayOptions,
    protocols: readonly Protocol[],
    configuration: Configuration,
    audit: OpenAuditLog,
    values: ValueMasks,
    stores: Stores,
  ) {
    this.#values = values;
    this.#stores = stores;
    this.#log = options.log;
    this.#recordings = openRecordings({
      folder: join(configuration.config.stateFolder, "recordings"),
      log: options.log,
    });
    this.#clock = options.clock ?? systemClock;
    this.#protocols = protocols;
    this.#configuration = configuration;
    this.#audit = audit;
    this.#masks = new MaskReview(protocols, options.log);
    this.#sessions = new SessionRegistry({
      clock: this.#clock,
      limits: () => this.#configuration.config.sessions,
      revoked: (session) => this.#grants.revocationOf(session),
    });
    this.#userAuthority = new UserAuthority({
      reference: () => this.#configuration.config.identity.ssh.authority,
      stateFolder: configuration.config.stateFolder,
      secrets: this.#secrets,
    });
    this.ssh = openSshDesk({
      authority: this.#userAuthority,
      ttl: () => this.#configuration.config.identity.ssh.ttl,
      listener: () => ({ hostKeys: this.#hostKeys(), port: this.port("ssh") }),
      audit,
      clock: this.#clock,
      ids: this.#ids,
    });
    this.#authenticator = this.#createAuthenticator(configuration);
    const settings = () => this.#configuration.config.approvals;
    const epoch = newEpoch(randomBytes);
    this.#provisioners = provisionersOf(protocols, {
      epoch,
      lease: (target) => this.#leases.acquireOwn(target),
      policies: () => this.#configuration.policies,
      clock: this.#clock,
      log: this.#log,
    });
    const configured = configuredLeases({ secrets: this.#secrets, clock: this.#clock, randomBytes });
    this.#leases = new Leases({
      epoch,
      store: stores.leases,
      audit,
      clock: this.#clock,
      log: this.#log,
      randomBytes,
      perIdentity: () => this.#configuration.config.sessions.perIdentity,
      configured: (credential, holder) => configured.acquire(credential, holder),
      engine: (parts) =>
        new IssuedLeases({
          ...parts,
          engine: this.#secrets.vault,
          audit,
          clock: this.#clock,
          log: this.#log,
        }),
      provisioner: (protocol) => this.#provisioners.get(protocol),
    });
    this.#approvals = new Approvals({
      store: stores.approvals,
      audit,
      clock: this.#clock,
      ids: this.#ids,
      log: this.#log,
      limits: settings,
    });
    this.#grants = new Grants({
      approvals: this.#approvals,
      store: stores.grants,
      audit,
      clock: this.#clock,
      ids: this.#ids,
      log: this.#log,
      policies: () => this.#configuration.policies,
      limits: () => ({
        keep: settings().keep,
        waiting: this.#configuration.config.sessions.perIdentity,
      }),
    });
    this.#grants.onRevoked(() => this.#sessions.sweep());
    this.#webhooks = new Webhooks({
      hooks: () => settings().webhooks,
      url: () => settings().url,
      secrets: this.#secrets,
      log: this.#log,
      clock: this.#clock,
    });
    const changes = new ChangeLog();
    this.#approvals.subscribe((event, approval) => {
      changes.add(event, approval);
      this.#webhooks.tell(event, approval);
    });
    this.approvals = openDesk({
      approvals: this.#approvals,
      changes,
      webhooks: this.#webhooks,
      callbacks: new Callbacks({
        callbacks: () => settings().callbacks,
        secrets: this.#secrets,
        clock: this.#clock,
        log: this.#log,
      }),
      audit,
      sight: () => ({
        policies: this.#configuration.policies,
        targets: this.#configuration.config.targets,
        values,
      }),
    });
    this.grants = openGrantDesk({
      grants: this.#grants,
      approvals: this.approvals,
      sight: () => ({
        policies: this.#configuration.policies,
        targets: this.#configuration.config.targets,
      }),
    });
  }

  /**
   * Reads the config, opens the audit log, and listens.
   * @throws ConfigurationError with every problem of the config and the policies; GatehouseError for what
   * keeps it from starting: a lock, a broken audit log, an address in use, a certificate
   */
  static async start(options: GatewayOptions): Promise<Gateway> {
    const { protocols = loadProtocols() } = options;
    const result = await loadConfiguration(options.configFile, protocols, ruleErrorsTo(options.log));
    if (!result.ok) throw new ConfigurationError(result.problems);
    const { config } = result.configuration;
    const audit = await openAuditLog({
      folder: join(config.stateFolder, "audit"),
      durability: config.durability,
      clock: options.clock ?? systemClock,
      log: options.log,
    });
    const values = await openValueMasks(config.stateFolder, () => gateway.configuration.config.detectors);
    const gateway: Gateway = new Gateway(
      options,
      protocols,
      result.configuration,
      audit,
      values,
      openStores(config),
    );
    try {
      await gateway.#open();
      return gateway;
    } catch (error) {
      await gateway.stop(messageOf(error));
      throw error;
    }
  }

  get configuration(): Configuration {
    return this.#configuration;
  }

  /** Where a protocol is really listened for: the first address that the config has for it. */
  address(protocol: string): Address | undefined {
    return this.#listeners.get(protocol)?.[0]?.address;
  }

  /** The port of the first of a protocol's addresses that has one. */
  port(protocol: string): number | undefined {
    const addresses = this.#listeners.get(protocol)?.map(({ address }) => address) ?? [];
    return addresses.find((address) => "port" in address)?.port;
  }

  /**
   * Proves an identity, for the control plane.
   * @throws GatehouseError with a code of the `IDENTITY_` family; its message is for the operator
   */
  authenticate(credential: Credential): Promise<Identity> {
    return this.#authenticator.authenticate(credential);
  }

  /** What the SSH listener shows to its clients. */
  #hostKeys(): readonly string[] {
    return [...this.#listeners.values()].flat().flatMap(({ hostKeys }) => hostKeys ?? []);
  }

  get openSessions(): number {
    return this.#sessions.size;
  }

  readiness(): readonly ReadinessCheck[] {
    const audit = this.#audit.status();
    return [
      { name: "accepting", ready: this.#stopping === undefined },
      { name: "audit", ready: audit.ok, ...(audit.ok ? {} : { reason: audit.reason }) },
      ...this.#authenticator.status().map(({ name, ready, reason }) => ({
        name: `identity ${name}`,
        ready,
        ...(ready || reason === undefined ? {} : { reason }),
      })),
      ...this.#engineChecks(),
      ...this.#targetChecks(),
    ];
  }

  #engineChecks(): readonly ReadinessCheck[] {
    const reason = this.#leases.engineTrouble;
    return reason === undefined ? [] : [{ name: "secrets engine", ready: false, reason }];
  }

  /** Those that are not well: a gateway with many targets has a short answer as long as all is. */
  #targetChecks(): readonly ReadinessCheck[] {
    const targets = [...this.#configuration.config.targets.values()];
    return targets.flatMap((target) => {
      const status = this.#protocols.find(({ name }) => name === target.protocol)?.status(target);
      const leases = this.#leases.status(target);
      const reason = reasonOf(status) ?? reasonOf(leases) ?? this.#masks.reason(target.name);
      return reason === undefined ? [] : [{ name: `target ${target.name}`, ready: false, reason }];
    });
  }

  /**
   * Reads config and policies again. With a problem in any of them, or a mask that can't be put on a column of a target
   * that is known, nothing changes. Open sessions keep their target and level; their next command is decided by the new
   * policies, and how long they may last by the new `sessions`. Listeners, limits, the state folder and the audit log's
   * durability stay as they were at the start; that they wait is logged.
   * @returns the problems; none when the new ones are in force
   */
  reload(): Promise<readonly Problem[]> {
    if (this.#stopping) return Promise.resolve([]);
    // One after the other: an older look at the files must not win over a newer one.
    const turn = this.#lastReload.then(() => this.#reload());
    this.#lastReload = turn.catch(() => undefined);
    return turn;
  }

  async #reload(): Promise<readonly Problem[]> {
    const { file } = this.#configuration.config;
    // A certificate that was replaced is found by itself within seconds; whoever asks for it has it at once.
    await Promise.all(this.#certificates.map((certificate) => certificate.reload()));
    // What was mended at a target just now counts.
    await Promise.race([
      this.#masks.learn(this.#configuration),
      pause(LEARN_GRACE, undefined, { ref: false }),
    ]);
    const result = await this.#load(file);
    if (!result.ok) {
      const first = result.problems[0] ? formatProblem(result.problems[0]).split("\n", 1).join("") : "";
      for (const problem of result.problems)
        this.#log.error({ problem: formatProblem(problem) }, "not loaded");
      await this.#audit.append({ type: "config.rejected", problems: result.problems.length, first });
      return result.problems;
    }
    const { config, policies } = result.configuration;
    await this.#audit.append({
      type: "config.reloaded",
      policyVersion: policies.version,
      configDigest: config.digest,
    });
    this.#userAuthority.forget();
    // Providers that are the same keep the keys that are known of them: they may be down at this moment.
    if (!isDeepStrictEqual(config.identity, this.#configuration.config.identity)) {
      const authenticator = this.#createAuthenticator(result.configuration);
      await authenticator.start();
      this.#authenticator.close();
      this.#authenticator = authenticator;
    }
    const before = this.#configuration;
    const waiting = needRestart(before.config, config);
    if (waiting.length > 0) this.#log.warn({ keys: waiting }, "these keys take effect at the next start");
    this.#configuration = result.configuration;
    this.#leases.adopt(config.targets.values());
    if (policies.version !== before.policies.version) this.#leases.policiesChanged();
    this.#masks.look(result.configuration);
    void this.#masks.learn(result.configuration);
    this.#log.info({ policyVersion: policies.version, configDigest: config.digest }, "config reloaded");
    return [];
  }

  async #load(file: string): ReturnType<typeof loadConfiguration> {
    const result = await loadConfiguration(file, this.#protocols, ruleErrorsTo(this.#log));
    const problems = result.ok ? this.#masks.broughtBy(result.configuration, this.#configuration) : [];
    return problems.length > 0 ? { ok: false, problems } : result;
  }

  /** Stops accepting, lets sessions finish for as long as the config says, ends the rest, closes the log. */
  stop(reason: string): Promise<void> {
    this.#stopping ??= this.#stop(reason);
    return this.#stopping;
  }

  async #open(): Promise<void> {
    const { config, policies } = this.#configuration;
    await this.#audit.append({
      type: "gateway.started",
      version,
      policyVersion: policies.version,
      configDigest: config.digest,
    });
    // Before anybody gets in: nothing of what another run has left is run any more.
    await this.#approvals.recover();
    this.#grants.recover();
    this.#leases.start(config.targets.values());
    await this.#authenticator.start();
    const gate = createGate({
      admission: () => ({
        config: this.#configuration.config,
        policies: this.#configuration.policies,
        authenticator: this.#authenticator,
      }),
      audit: this.#audit,
      clock: this.#clock,
      ids: this.#ids,
      log: this.#log,
      entrance: this.#grants,
      leases: this.#leases,
      sessions: this.#sessions,
      approvals: this.#approvals,
      brokeGlass: (...broken) => this.#webhooks.tellOfBrokenGlass(...broken),
    });
    for (const protocol of this.#protocols) {
      for (const listener of config.listeners.get(protocol.name) ?? []) {
        await this.#listen(protocol, listener, gate);
      }
    }
    // A target that is away must not keep the gateway from starting for the others.
    void this.#masks.learn(this.#configuration);
  }

  async #listen(protocol: Protocol, { addresses, tls, settings }: ListenerConfig, gate: Gate): Promise<void> {
    const { limits, stateFolder } = this.#configuration.config;
    const secureContext = typeof tls === "string" ? withoutCertificate : await this.#secureContext(tls);
    const listening = this.#listeners.get(protocol.name) ?? [];
    this.#listeners.set(protocol.name, listening);
    for (const address of addresses) {
      const plaintext = tls === "off";
      const served = await protocol.serve({
        address,
        settings,
        secureContext,
        clientCertificates: typeof tls === "string" ? undefined : tls.clients?.certificate,
        plaintext,
        limits,
        gate,
        folder: join(stateFolder, protocol.name),
        doorTo: (host, port) => this.#doorTo(host, port),
        lease: (target) => this.#leases.acquireOwn(target),
        learned: (target) => this.#masks.look(this.#configuration, target),
        values: this.#values,
        recordings: this.#recordings,
        log: this.#log,
      });
      listening.push(served);
      this.#log.info(
        { protocol: protocol.name, address: formatAddress(served.address), plaintext },
        "listening",
      );
    }
  }

  /** Where clients of the target are served that has this address, or name. */
  #doorTo(host: string, port: number): Address | undefined {
    const target = targetAt(this.#configuration.config.targets.values(), host, port);
    const listeners = this.#listeners.get(target?.protocol ?? "") ?? [];
    return reachable(listeners.map(({ address }) => address));
  }

  async #secureContext(files: ListenerTls): Promise<() => SecureContext> {
    const certificate = await this.certificate(files);
    return () => certificate.current();
  }

  /** A listener's certificate, followed for as long as the gateway runs. */
  async certificate(files: ListenerTls): Promise<ReloadingCertificate> {
    const { cert, key, clients } = files;
    const certificate = await watchCertificate({
      ...{ cert, key, log: this.#log },
      ...(clients ? { ca: clients.ca } : {}),
    });
    this.#certificates.push(certificate);
    return certificate;
  }

  async #stop(reason: string): Promise<void> {
    this.#log.info({ reason, sessions: this.#sessions.size }, "stopping");
    await Promise.all([...this.#listeners.values()].flat().map((listener) => listener.close()));
    await this.#lastReload;
    const left = await this.#sessions.drain(
      { kind: "busy", message: "The gateway is shutting down.", reference: this.#ids("ref") },
      this.#configuration.config.drain,
      CLOSE_GRACE,
    );
    if (left > 0) this.#log.warn({ sessions: left }, "sessions did not close in time");
    await Promise.race([this.#recordings.settled(), pause(RECORDING_GRACE, undefined, { ref: false })]);
    await this.#approvals.close();
    await this.#leases.close(REVOKE_GRACE);
    for (const provisioner of this.#provisioners.values()) provisioner.close();
    await this.#webhooks.close();
    this.#authenticator.close();
    for (const certificate of this.#certificates) certificate.close();
    await Promise.all(this.#protocols.map((protocol) => protocol.dispose()));
    try {
      await this.#audit.append({ type: "gateway.stopped", reason });
    } catch (error) {
      this.#log.error({ error: messageOf(error) }, "audit failed: the stop is not on the log");
    }
    await this.#audit.close();
    const { approvals, grants, leases } = this.#stores;
    for (const store of [approvals, grants, leases]) store.close();
    this.#log.info({}, "stopped");
  }

  #createAuthenticator({ config }: Configuration): OidcAuthenticator {
    const { oidc, ssh } = config.identity;
    return createAuthenticator({
      ...{ providers: oidc, keys: ssh.keys, clock: this.#clock, log: this.#log },
      authority: () => this.#userAuthority.publicKey(),
      secret: (reference) => this.#secrets.resolve(reference),
    });
  }
}

/** What outlives the process, each in a file of its own. */
interface Stores {
  readonly approvals: ApprovalStore;
  readonly grants: GrantStore;
  readonly leases: LeaseStore;
}

/** @throws GatehouseError STORE_FAILED; none is open then */
function openStores({ stateFolder, durability }: Config): Stores {
  const open: { close(): void }[] = [];
  const opened = <T extends { close(): void }>(
    name: string,
    from: (file: string, options: Pick<Config, "durability">) => T,
  ): T => {
    const store = from(join(stateFolder, `${name}.db`), { durability });
    open.push(store);
    return store;
  };
  try {
    return {
      approvals: opened("approvals", openApprovalStore),
      grants: opened("grants", openGrantStore),
      leases: opened("leases", openLeaseStore),
    };
  } catch (error) {
    for (const store of open) store.close();
    throw error;
  }
}

function reasonOf(status: ReturnType<Protocol["status"]> | undefined): string | undefined {
  return status?.ok === false ? status.reason : undefined;
}

function provisionersOf(
  protocols: readonly Protocol[],
  options: ProvisionerOptions,
): ReadonlyMap<string, Provisioner> {
  const provisioners = new Map<string, Provisioner>();
  for (const { name, minting } of protocols) {
    if (minting) provisioners.set(name, minting.provisioner(options));
  }
  return provisioners;
}

/** For listeners without TLS around them: no handshake can succeed with it, should one be begun all the same. */
function withoutCertificate(): SecureContext {
  return createSecureContext();
}

/** What is read at the start alone, by the names that the file has for it. */
const READ_AT_START = [
  ["listeners", "listeners"],
  ["control", "listeners.control"],
  ["limits", "limits"],
  ["stateFolder", "state"],
  ["durability", "audit.durability"],
] as const satisfies readonly (readonly [keyof Config, string])[];

/** Keys of the file that differ, and will make a difference at the next start. */
function needRestart(before: Config, after: Config): string[] {
  return READ_AT_START.filter(([key]) => !isDeepStrictEqual(before[key], after[key])).map(([, name]) => name);
}

function ruleErrorsTo(log: Logger) {
  return (rule: { readonly source: string }, message: string) => {
    log.error({ rule: rule.source, error: message }, "a rule failed: it refuses");
  };
}
