import type {
  Access,
  Command,
  DecisionRequest,
  Facts,
  FactSchema,
  FactType,
  FactValue,
  Identity,
} from "@gatehouse/core";
import { type Context, Environment } from "@marcbachmann/cel-js";
import { celValue } from "./cel-value.ts";

// CEL finds the type of a value by its class, so each variable with fields has one of its own.

/** The facts of one Command: each becomes CEL's value when it is named, since most conditions name few of them. */
class FactsVariable {
  readonly #facts: Facts;
  #seen: Map<string, unknown> | undefined;

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  /** A fact that is missing or of another type than declared stays so: naming it fails the condition. */
  static reads(name: string, type: FactType): PropertyDescriptor & ThisType<FactsVariable> {
    return {
      get() {
        const value = this.#facts[name];
        if (typeof value === "object" && type !== "list<string>") return this.#once(name, value);
        return type === "int" || type === "dyn" ? celValue(value) : value;
      },
    };
  }

  /** A body can have many values: they are gone through once. */
  #once(name: string, value: FactValue): unknown {
    this.#seen ??= new Map();
    const known = this.#seen.get(name);
    if (known !== undefined) return known;
    const seen = celValue(value);
    this.#seen.set(name, seen);
    return seen;
  }
}

/** The facts of one protocol. */
function factsClass(declared: DeclaredFacts): typeof FactsVariable {
  const Variable = class extends FactsVariable {};
  for (const [name, type] of declared) {
    Object.defineProperty(Variable.prototype, name, FactsVariable.reads(name, type));
  }
  return Variable;
}

class IdentityVariable {
  readonly subject: string;
  readonly kind: string;
  readonly groups: readonly string[];

  constructor({ subject, kind, groups }: Identity) {
    this.subject = subject;
    this.kind = kind;
    this.groups = groups;
  }
}

class TargetVariable {
  readonly name: string;
  readonly protocol: string;

  constructor(name: string, protocol: string) {
    this.name = name;
    this.protocol = protocol;
  }
}

class SessionVariable {
  readonly level: string;
  readonly client: string;

  constructor(level: string, client: string) {
    this.level = level;
    this.client = client;
  }
}

type Fields = Readonly<Record<string, FactType>>;
type DeclaredFacts = readonly (readonly [string, FactType])[];

const IDENTITY: Fields = { subject: "string", kind: "string", groups: "list<string>" };
const TARGET: Fields = { name: "string", protocol: "string" };
const SESSION: Fields = { level: "string", client: "string" };

/** What the conditions of one protocol may name, and how a request becomes that. */
export interface WhenEnvironment {
  readonly protocol: string;
  readonly prefix: string;
  /** The variables that have fields, with the names of those. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  /** Of those, the fields that are the same for all commands of one shape at one place. */
  readonly settled: ReadonlyMap<string, ReadonlySet<string>>;
  readonly cel: Environment;
  /** An identity at one level of one target of this protocol. */
  place(identity: Identity, target: string, level: string): Place;
  /**
   * The facts of one Command and what stands around it, as CEL's values. The Command is asked for its facts when the
   * first condition names one.
   * @param access of the Command, in place of the one that it says itself
   */
  context(
    request: Pick<DecisionRequest, "command" | "client" | "now">,
    place: Place,
    access: Access,
  ): Context;
}

/** Who and where, as the conditions see it. */
export interface Place {
  readonly identity: IdentityVariable;
  readonly target: TargetVariable;
  readonly level: string;
}

/** CEL with this package's limits and no variables: for reading an expression before its protocol is known. */
export function limitedCel(): Environment {
  return new Environment({
    limits: { maxAstNodes: 1000, maxDepth: 32, maxListElements: 500, maxMapEntries: 50, maxCallArguments: 4 },
  });
}

/** The environment of one protocol: its facts under their prefix, and identity, target, session and time. */
export function whenEnvironment(protocol: string, schema: FactSchema): WhenEnvironment {
  const { prefix } = schema;
  const facts: Fields = Object.fromEntries(
    Object.entries(schema.facts).map(([name, { type }]) => [name, type]),
  );
  const Variable = factsClass(Object.entries(facts));
  const steady = Object.entries(schema.facts).filter(([, { varies }]) => varies !== true);
  const variables = [
    { name: prefix, fields: facts, ctor: Variable },
    { name: "identity", fields: IDENTITY, ctor: IdentityVariable },
    { name: "target", fields: TARGET, ctor: TargetVariable },
    { name: "session", fields: SESSION, ctor: SessionVariable },
  ];
  const cel = limitedCel();
  for (const { name, fields, ctor } of variables) {
    cel.registerType(name, { ctor, fields: { ...fields } }).registerVariable(name, name);
  }
  cel.registerVariable("time", "google.protobuf.Timestamp");
  const RequestContext = requestContext(prefix, Variable);
  return {
    protocol,
    prefix,
    fields: new Map(variables.map(({ name, fields }) => [name, Object.keys(fields)])),
    settled: new Map([
      [prefix, new Set(steady.map(([name]) => name))],
      ["identity", new Set(Object.keys(IDENTITY))],
      ["target", new Set(Object.keys(TARGET))],
      // Not its client: that is another for each session.
      ["session", new Set(["level"])],
    ]),
    cel,
    place: (identity, target, level) => ({
      identity: new IdentityVariable(identity),
      target: new TargetVariable(target, protocol),
      level,
    }),
    context: ({ command, client, now }, place, access) =>
      new RequestContext(command, access, client.host, now, place),
  };
}

/** What CEL looks the variables of one protocol up in. */
function requestContext(prefix: string, Variable: typeof FactsVariable) {
  return class RequestContext {
    readonly identity: IdentityVariable;
    readonly target: TargetVariable;
    readonly session: SessionVariable;
    readonly time: Date;
    readonly #command: Command;
    readonly #access: Access;
    #facts: FactsVariable | undefined;

    constructor(
      command: Command,
      access: Access,
      client: string,
      now: number,
      { identity, target, level }: Place,
    ) {
      this.identity = identity;
      this.target = target;
      this.session = new SessionVariable(level, client);
      this.time = new Date(now);
      this.#command = command;
      this.#access = access;
    }

    get [prefix](): FactsVariable {
      if (this.#facts !== undefined) return this.#facts;
      const { access, facts } = this.#command;
      const seen = access === this.#access ? facts : { ...facts, access: this.#access };
      this.#facts = new Variable(seen);
      return this.#facts;
    }
  };
}
