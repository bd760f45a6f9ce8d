import { setImmediate as turn } from "node:timers/promises";
import {
  type AuditEvent,
  type AuditLog,
  GatehouseError,
  type Lease,
  type LeaseRequest,
  type Level,
  type MintTerms,
  Secret,
  type Target,
} from "@gatehouse/core";
import {
  createFakeClock,
  createMemoryLog,
  FakeDatabase,
  FakeProvisioner,
  type FakeProvisionerOptions,
  sampleSession,
} from "@gatehouse/testkit";
import { type LeaseRecord, Leases, type LeasesOptions, type LeaseStore, newEpoch } from "../src/index.ts";

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;

export const administrator = {
  user: "gatehouse_admin",
  password: { from: "literal", secret: new Secret("hunter2") },
} as const;

/** A level whose users are made: none ahead, unless said otherwise. */
export function minted(terms: Partial<MintTerms> = {}, name = "reader"): Level {
  return {
    name,
    credential: { mint: { ttl: 15 * MINUTE, ready: 0, share: "session", ...terms } },
    settings: {},
  };
}

export function targetWith(levels: readonly Level[], changed: Partial<Target> = {}): Target {
  return {
    ...sampleSession.target,
    levels: new Map(levels.map((level) => [level.name, level])),
    credential: administrator,
    ...changed,
  };
}

/** What a session asks for at the target's first level. */
export function requestOf(session: string, target: Target, subject = "crew-analyst"): LeaseRequest {
  const [level] = target.levels.values();
  if (!level) throw new Error("The target has no level.");
  return { session, target, level, identity: { ...sampleSession.identity, subject } };
}

/** What is kept between runs, and fails when it is told to. */
export class MemoryStore {
  readonly rows = new Map<string, LeaseRecord>();
  readonly runs: string[] = [];
  failing = false;

  /** As one run has it, until its process is gone. */
  open(): LeaseStore & { kill(): void } {
    let killed = false;
    const usable = () => {
      if (killed || this.failing) throw new GatehouseError("STORE_FAILED", "The store has no room.");
    };
    return {
      begin: (epoch) => {
        usable();
        const before = [...this.runs];
        this.runs.push(epoch);
        return before;
      },
      write: ({ save = [], forget = [] }) => {
        usable();
        for (const record of save) this.rows.set(keyOf(record), record);
        for (const key of forget) this.rows.delete(keyOf(key));
      },
      all: () => {
        usable();
        return [...this.rows.values()];
      },
      close: () => undefined,
      kill: () => {
        killed = true;
      },
    };
  }

  /** `state id`, in order of the ids. */
  get states(): string[] {
    return [...this.rows.values()].map(({ state, id }) => `${state} ${id}`).sort();
  }
}

function keyOf({ kind, target, id }: Pick<LeaseRecord, "kind" | "target" | "id">): string {
  return JSON.stringify([kind, target, id]);
}

/** Mulberry32: small, seeded, the same on every machine. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type World = ReturnType<typeof createWorld>;

/** A clock, a store and a database that outlive the gateways. */
export function createWorld(seed = 1) {
  const clock = createFakeClock(Date.UTC(2026, 10, 21, 12));
  const random = randomFrom(seed);
  const bytes = (size: number) => Uint8Array.from({ length: size }, () => random(256));
  return { clock, bytes, store: new MemoryStore(), database: new FakeDatabase(clock) };
}

export interface RunOptions extends Pick<FakeProvisionerOptions, "before" | "after"> {
  readonly store?: MemoryStore;
  readonly perIdentity?: number;
  readonly engine?: LeasesOptions["engine"];
  readonly limits?: LeasesOptions["limits"];
}

/** One run of a gateway, started with these targets. */
export function startGateway(world: World, targets: readonly Target[], options: RunOptions = {}) {
  const { clock, bytes, database } = world;
  const { before, after, engine, limits, perIdentity = 10 } = options;
  const store = (options.store ?? world.store).open();
  const log = createMemoryLog();
  const events: AuditEvent[] = [];
  const auditing = { failing: false };
  const audit: AuditLog = {
    append: (event) => {
      if (auditing.failing) return Promise.reject(new Error("disk full"));
      events.push(event);
      return Promise.resolve();
    },
  };
  const epoch = newEpoch(bytes);
  const provisioner = new FakeProvisioner({
    ...{ epoch, clock, database: () => database },
    ...(before ? { before } : {}),
    ...(after ? { after } : {}),
  });
  const leases = new Leases({
    ...{ epoch, store, audit, clock, log, randomBytes: bytes },
    random: () => 0.5,
    perIdentity: () => perIdentity,
    configured: ({ user }) => Promise.resolve(staticLease(user)),
    provisioner: (protocol) => (protocol === "postgres" ? provisioner : undefined),
    ...(engine ? { engine } : {}),
    ...(limits ? { limits } : {}),
  });
  leases.start(targets);
  return {
    ...{ leases, provisioner, events, auditing, log, epoch },
    /** What was taken back, and why. */
    revoked: () =>
      events.flatMap((event) =>
        event.type === "lease.revoked" || event.type === "lease.kept"
          ? `${event.type.slice(6)} ${event.user.slice(12)} ${event.why}`
          : [],
      ),
    messages: () => log.entries.map(({ message }) => message),
    /** Moves the time on, and does what is due. */
    pass: async (milliseconds: number): Promise<void> => {
      clock.advance(milliseconds);
      await leases.sweep();
    },
    /** As kill -9 does. */
    crash: () => {
      provisioner.kill();
      store.kill();
    },
  };
}

export type Run = ReturnType<typeof startGateway>;

function staticLease(user: string): Lease {
  return { user, password: undefined, release: () => Promise.resolve() };
}

/** Whether the holder of a lease gets in at the database. */
export function getsIn({ database }: World, lease: Lease): boolean {
  return database.accepts(lease.user, lease.password?.reveal() ?? "");
}

/** Lets everything come to rest that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  await turn();
  await turn();
}

/** Something that a call waits for, until the test opens it. */
export function createGate() {
  let opened = Promise.withResolvers<void>();
  opened.resolve();
  return {
    shut: () => {
      opened = Promise.withResolvers();
    },
    open: () => opened.resolve(),
    passed: () => opened.promise,
  };
}

export const away = new GatehouseError("TARGET_UNREACHABLE", "orders could not be reached.");
