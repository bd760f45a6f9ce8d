import {
  type Activation,
  type Clock,
  type FoundUser,
  GatehouseError,
  type MintedUser,
  type MintProblem,
  type Provisioner,
  type Removal,
  Secret,
  type Survey,
  type Target,
  type Way,
} from "@gatehouse/core";

/** A user of a FakeDatabase. */
export interface FakeUser {
  password: string;
  /** It bears the mark of a gateway. */
  marked: boolean;
  canLogIn: boolean;
  /** Milliseconds since the epoch. */
  until: number;
  connections: number;
  /** What it owns, and whether others rest on that. */
  owned: string[];
  inUse: boolean;
}

/** A server with users, to which several gateways can be connected. */
export class FakeDatabase {
  readonly users = new Map<string, FakeUser>();
  /** The epochs of the gateways that are connected. */
  readonly present = new Set<string>();
  readonly #clock: Clock;
  #made = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Makes one, whoever it is for. */
  add(name: string, changed: Partial<FakeUser> = {}): FakeUser {
    if (this.users.has(name)) throw new GatehouseError("MINT_FAILED", `There is a user ${name} already.`);
    this.#made++;
    const user: FakeUser = {
      password: `password ${this.#made}`,
      marked: true,
      canLogIn: true,
      until: Number.POSITIVE_INFINITY,
      connections: 0,
      owned: [],
      inUse: false,
      ...changed,
    };
    this.users.set(name, user);
    return user;
  }

  /** Whether somebody with this password gets in now. */
  accepts(name: string, password: string): boolean {
    const user = this.users.get(name);
    return user?.canLogIn === true && user.password === password && this.#clock.now() < user.until;
  }

  /** The names of those who can log in, if somebody has their password. */
  get open(): string[] {
    return [...this.users].filter(([, user]) => user.marked && user.canLogIn).map(([name]) => name);
  }
}

/** One call of a FakeProvisioner. */
export interface FakeCall {
  readonly method: "check" | "prepare" | "activate" | "mint" | "renew" | "remove" | "survey" | "tidy";
  readonly target: string;
  readonly names: readonly string[];
}

export interface FakeProvisionerOptions {
  readonly epoch: string;
  readonly clock: Clock;
  /** By a target's name. */
  readonly database: (target: string) => FakeDatabase;
  /** What happens before a call has its effect, and between that and its answer: it can wait, or throw. */
  readonly before?: (call: FakeCall) => Promise<void> | void;
  readonly after?: (call: FakeCall) => Promise<void> | void;
}

/** A Provisioner for FakeDatabases. */
export class FakeProvisioner implements Provisioner {
  readonly #options: FakeProvisionerOptions;
  /** All calls that it was asked for, in order. */
  readonly calls: FakeCall[] = [];
  /** Where its epoch is seen. */
  readonly #at = new Set<FakeDatabase>();
  #killed = false;

  constructor(options: FakeProvisionerOptions) {
    this.#options = options;
  }

  /** As if its process were killed: it does nothing any more, and answers nothing. */
  kill(): void {
    this.close();
    this.#killed = true;
  }

  check({ target }: Way): Promise<readonly MintProblem[]> {
    return this.#call("check", target, [], () => []);
  }

  prepare({ target }: Way, name: string): Promise<MintedUser> {
    return this.#call("prepare", target, [name], (database) =>
      minted(name, database.add(name, { canLogIn: false })),
    );
  }

  activate({ target }: Way, user: MintedUser, activation: Activation): Promise<MintedUser> {
    return this.#call("activate", target, [user.name, activation.name], (database) => {
      const found = database.users.get(user.name);
      if (!found?.marked || database.users.has(activation.name)) {
        throw new GatehouseError("MINT_FAILED", `${user.name} can't become ${activation.name}.`);
      }
      database.users.delete(user.name);
      database.users.set(activation.name, found);
      return minted(activation.name, this.#open(found, activation.ttl));
    });
  }

  mint({ target }: Way, { name, ttl }: Activation): Promise<MintedUser> {
    return this.#call("mint", target, [name], (database) =>
      minted(name, this.#open(database.add(name), ttl)),
    );
  }

  renew(target: Target, names: readonly string[], ttl: number): Promise<void> {
    return this.#call("renew", target, names, (database) => {
      for (const name of names) {
        const user = database.users.get(name);
        if (user) user.until = this.#options.clock.now() + ttl;
      }
    });
  }

  remove(target: Target, names: readonly string[]): Promise<readonly Removal[]> {
    return this.#call("remove", target, names, (database) => names.map((name) => remove(database, name)));
  }

  survey(target: Target): Promise<Survey> {
    return this.#call("survey", target, [], (database) => {
      return { users: found(database), present: new Set(database.present) };
    });
  }

  tidy(target: Target): Promise<void> {
    return this.#call("tidy", target, [], () => undefined);
  }

  leave(target: Target): void {
    if (!this.#killed) this.#options.database(target.name).present.delete(this.#options.epoch);
  }

  close(): void {
    if (this.#killed) return;
    for (const { present } of this.#at) present.delete(this.#options.epoch);
  }

  #open(user: FakeUser, ttl: number): FakeUser {
    user.canLogIn = true;
    user.until = this.#options.clock.now() + ttl;
    return user;
  }

  async #call<T>(
    method: FakeCall["method"],
    { name: target }: Target,
    names: readonly string[],
    run: (database: FakeDatabase) => T,
  ): Promise<T> {
    const { before, after, database } = this.#options;
    const call = { method, target, names };
    this.calls.push(call);
    await before?.(call);
    await this.#alive();
    const at = database(target);
    this.#at.add(at);
    at.present.add(this.#options.epoch);
    const result = run(at);
    await after?.(call);
    await this.#alive();
    return result;
  }

  /** Resolves never, once it was killed. */
  #alive(): Promise<void> | undefined {
    return this.#killed ? new Promise(() => undefined) : undefined;
  }
}

function minted(name: string, { password }: FakeUser): MintedUser {
  return { name, password: new Secret(password) };
}

function found({ users }: FakeDatabase): FoundUser[] {
  return [...users].flatMap(([name, { marked, canLogIn, connections }]) =>
    marked ? [{ name, canLogIn, connections }] : [],
  );
}

function remove(database: FakeDatabase, name: string): Removal {
  const user = database.users.get(name);
  if (!user?.marked) return { name, outcome: "removed", owned: [] };
  user.canLogIn = false;
  user.connections = 0;
  if (user.inUse) return { name, outcome: "kept", reason: "a view rests on it", owned: user.owned };
  database.users.delete(name);
  return { name, outcome: "removed", owned: user.owned };
}
