import type { DecisionRequest, Facts, FactSchema, FactType, Identity } from "@gatehouse/core";
import { type Context, Environment } from "@marcbachmann/cel-js";

// CEL finds the type of a value by its class, so each variable with fields has one of its own.
class FactsVariable {
  [name: string]: unknown;
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

const IDENTITY: Fields = { subject: "string", kind: "string", groups: "list<string>" };
const TARGET: Fields = { name: "string", protocol: "string" };
const SESSION: Fields = { level: "string", client: "string" };

/** What the conditions of one protocol may name, and how a request becomes that. */
export interface WhenEnvironment {
  readonly protocol: string;
  readonly prefix: string;
  /** The variables that have fields, with the names of those. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  readonly cel: Environment;
  /** The facts of one Command and what stands around it, as CEL's values. */
  context(request: DecisionRequest, identity: IdentityVariable): Context;
}

/** An identity as the conditions see it: the same for all of a session's commands. */
export function identityVariable(identity: Identity): IdentityVariable {
  return new IdentityVariable(identity);
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
  const declared = Object.entries(facts);
  const variables = [
    { name: prefix, fields: facts, ctor: FactsVariable },
    { name: "identity", fields: IDENTITY, ctor: IdentityVariable },
    { name: "target", fields: TARGET, ctor: TargetVariable },
    { name: "session", fields: SESSION, ctor: SessionVariable },
  ];
  const cel = limitedCel();
  for (const { name, fields, ctor } of variables) {
    cel.registerType(name, { ctor, fields: { ...fields } }).registerVariable(name, name);
  }
  cel.registerVariable("time", "google.protobuf.Timestamp");
  return {
    protocol,
    prefix,
    fields: new Map(variables.map(({ name, fields }) => [name, Object.keys(fields)])),
    cel,
    context: ({ command, target, level, client, now }, identity) => ({
      [prefix]: factsVariable(declared, command.facts),
      identity,
      target: new TargetVariable(target.name, target.protocol),
      session: new SessionVariable(level.name, client.host),
      time: new Date(now),
    }),
  };
}

/** A fact that is missing or of another type than declared stays so: naming it fails the condition. */
function factsVariable(declared: readonly (readonly [string, FactType])[], facts: Facts): FactsVariable {
  const variable = new FactsVariable();
  for (const [name, type] of declared) {
    const value = facts[name];
    variable[name] =
      type === "int" && typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
  }
  return variable;
}
