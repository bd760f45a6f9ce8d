import { GatehouseError, type Lease, type Target } from "@gatehouse/core";
import type { FakeCall } from "@gatehouse/testkit";
import t from "tap";
import {
  away,
  createWorld,
  getsIn,
  MemoryStore,
  MINUTE,
  minted,
  randomFrom,
  requestOf,
  type Run,
  SECOND,
  settle,
  startGateway,
  targetWith,
} from "./support.ts";

const RUNS = 200;
const STEPS = 80;

/** Two levels, and a third way to have them: what a reload changes. */
const CONFIGS: readonly Target[] = [
  targetWith([minted({ ready: 2 }), minted({ share: "identity", ready: 1 }, "writer")]),
  targetWith([minted({ ready: 1 }), minted({ share: "identity" }, "writer")]),
  targetWith([
    { ...minted({ ready: 2 }), settings: { memberOf: ["others"] } },
    minted({ share: "identity" }, "writer"),
  ]),
];
const [FIRST] = CONFIGS;

/** One that nobody has to make, and nobody may touch. */
const STRANGERS = { alice: { marked: false }, gh_bob: {}, gh_0123abcd_1: { marked: false } };

interface Held {
  readonly lease: Lease;
  readonly password: string;
}

/** A gateway that crashes now and then, and its next run. */
interface Place {
  readonly store: MemoryStore;
  run: Run;
  config: Target;
  /** What its sessions have; of a run that has crashed, nobody's. */
  held: Held[];
  calls: { readonly go: () => void }[];
}

/** Two gateways on one database, to which anything happens in any order. */
class Life {
  readonly world;
  readonly places: readonly [Place, Place];
  readonly problems: string[] = [];
  readonly counts = { leases: 0, crashes: 0, refused: 0 };
  readonly #random: (below: number) => number;
  #faulty = true;
  #sessions = 0;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
    this.world = createWorld(seed);
    for (const [name, changed] of Object.entries(STRANGERS)) this.world.database.add(name, changed);
    this.places = [this.#place(), this.#place()];
  }

  async step(): Promise<void> {
    const random = this.#random;
    const place = this.places[random(2)] ?? this.places[0];
    switch (random(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
        this.#acquire(place);
        break;
      case 4:
      case 5:
      case 6: {
        const [held] = place.held.splice(random(place.held.length), 1);
        void held?.lease.release();
        break;
      }
      case 7:
        this.world.clock.advance((random(30) - 2) * SECOND);
        void place.run.leases.sweep();
        break;
      case 8:
        if (random(3) > 0) break;
        place.config = CONFIGS[random(CONFIGS.length)] ?? place.config;
        place.run.leases.adopt([place.config]);
        break;
      case 9:
        if (random(3) === 0) place.run.leases.policiesChanged();
        break;
      case 10:
        place.store.failing = random(3) === 0;
        break;
      case 11:
        if (random(4) === 0) await this.crash(place);
        break;
      default:
        for (let calls = random(8); calls > 0; calls--) {
          const [call] = place.calls.splice(random(place.calls.length), 1);
          call?.go();
          await settle();
        }
    }
    await settle();
    this.check();
  }

  /** kill -9, and the next run. */
  async crash(place: Place): Promise<void> {
    this.counts.crashes++;
    place.run.crash();
    for (const { go } of place.calls.splice(0)) go();
    place.held = [];
    await settle();
    place.store.failing = false;
    place.run = this.#start(place);
  }

  /** Whoever has a lease can log in with it, and keeps what is theirs. */
  check(): void {
    const { users } = this.world.database;
    for (const { held } of this.places) {
      for (const { lease, password } of held) {
        const user = users.get(lease.user);
        if (!user?.canLogIn || user.password !== password) this.problems.push(`${lease.user} was taken`);
      }
    }
    for (const name of Object.keys(STRANGERS)) {
      if (!users.get(name)?.canLogIn) this.problems.push(`${name} was touched`);
    }
  }

  /** All that has gone wrong is over, and a minute goes by. */
  async rest(): Promise<void> {
    this.#faulty = false;
    for (const place of this.places) place.store.failing = false;
    for (let times = 0; times < 5; times++) {
      this.world.clock.advance(20 * SECOND);
      for (const place of this.places) {
        for (const { go } of place.calls.splice(0)) go();
        await settle();
        await place.run.leases.sweep();
      }
    }
    this.check();
  }

  /** What is there is somebody's, or ready, and on record; and nothing else is. */
  settled(): void {
    const { users } = this.world.database;
    const living = this.places.flatMap(({ held }) => held.map(({ lease }) => lease));
    const names = new Set(living.map(({ user }) => user));
    const open = this.world.database.open.filter((name) => !(name in STRANGERS));
    for (const name of open) if (!names.has(name)) this.problems.push(`${name} is nobody's, and can log in`);
    for (const lease of living)
      if (!getsIn(this.world, lease)) this.problems.push(`${lease.user} can't log in`);
    let expected = Object.keys(STRANGERS).length;
    for (const { run, store, held } of this.places) {
      const { ready, backlog } = run.leases.figures;
      const own = new Set(held.map(({ lease }) => lease.user)).size + ready;
      expected += own;
      if (backlog > 0) this.problems.push(`${backlog} still wait`);
      if (store.rows.size !== own) this.problems.push(`${store.rows.size} rows for ${own} users`);
    }
    if (users.size !== expected) this.problems.push(`${users.size} users, not ${expected}`);
  }

  #place(): Place {
    const store = new MemoryStore();
    const calls: Place["calls"] = [];
    const place = { store, calls, config: FIRST ?? targetWith([]), held: [] };
    return Object.assign(place, { run: this.#start(place) });
  }

  #start(place: Pick<Place, "store" | "calls" | "config">): Run {
    const fault = (call: FakeCall): Promise<void> => this.#fault(call, place);
    return startGateway(this.world, [place.config], { store: place.store, before: fault, after: fault });
  }

  /** A call waits for its turn, goes wrong, or does not. */
  async #fault({ method }: FakeCall, { calls }: Pick<Place, "calls">): Promise<void> {
    const random = this.#random;
    if (this.#faulty && random(3) > 0) await new Promise<void>((go) => void calls.push({ go }));
    if (this.#faulty && random(6) === 0) this.#throw(method);
  }

  #throw(method: FakeCall["method"]): never {
    if (this.#random(2) === 0) throw away;
    throw method === "survey" ? new Error("no answer") : new GatehouseError("MINT_FAILED", "No.");
  }

  #acquire(place: Place): void {
    const random = this.#random;
    this.#sessions++;
    const levels = [...place.config.levels.values()];
    const level = levels[random(levels.length)];
    const request = requestOf(`ses_${this.#sessions}`, place.config, random(2) === 0 ? "eve" : "adam");
    const { run } = place;
    void run.leases.acquire({ ...request, ...(level ? { level } : {}) }).then(
      (lease) => {
        // Who asked has gone with the process.
        if (run !== place.run) return;
        this.counts.leases++;
        place.held.push({ lease, password: lease.password?.reveal() ?? "" });
      },
      () => this.counts.refused++,
    );
  }
}

t.test(`${RUNS} lives of two gateways: who has a lease keeps it, and nobody else can log in`, async (t) => {
  const sums = { leases: 0, crashes: 0, refused: 0 };
  for (let seed = 1; seed <= RUNS; seed++) {
    const life = new Life(seed);
    const [first, second] = life.places;
    for (let step = 0; step < STEPS; step++) await life.step();
    await life.rest();
    life.settled();
    // One is gone for good, the other takes back what it had, and then ends itself.
    second.run.crash();
    second.held = [];
    second.store.rows.clear();
    for (let times = 0; times < 4; times++) await first.run.pass(20 * SECOND);
    const left = [...life.world.database.users.keys()].filter((name) => name.includes(second.run.epoch));
    if (left.length > 0) life.problems.push(`${left.join(", ")} of a gateway that is gone`);
    await Promise.all(first.held.splice(0).map(({ lease }) => lease.release()));
    await first.run.leases.close(MINUTE);
    const users = [...life.world.database.users.keys()].filter((name) => !(name in STRANGERS));
    if (users.length > 0) life.problems.push(`${users.join(", ")} at the end`);
    life.check();
    for (const key of ["leases", "crashes", "refused"] as const) sums[key] += life.counts[key];
    if (life.problems.length > 0) t.fail(`seed ${seed}: ${[...new Set(life.problems)].join("; ")}`);
  }
  t.ok(sums.leases > RUNS, `${sums.leases} leases`);
  t.ok(sums.crashes > RUNS / 4, `${sums.crashes} crashes`);
  t.ok(sums.refused > RUNS / 4, `${sums.refused} refused`);
});
