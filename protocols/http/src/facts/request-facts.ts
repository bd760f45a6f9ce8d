import type { Access, Facts, FactSchema, FactValue } from "@gatehouse/core";
import { apis } from "../api/index.ts";
import type { Fields } from "../codec/fields.ts";
import type { RequestHead } from "../codec/request-head.ts";
import { isEncodedTwice, pathText, type RequestTarget } from "../path.ts";
import { findRoute, type Route } from "../route.ts";
import { type Body, contentType, readBody } from "./body.ts";
import { byName } from "./parameters.ts";

/** What `when` can ask of a request. What it does not have is empty, 0 or false; what could not be read is not there. */
export const httpFacts: FactSchema = {
  prefix: "http",
  facts: {
    kind: {
      type: "string",
      description: '"request"; of what a client sends over a WebSocket, "message" for a text, else "binary".',
    },
    access: {
      type: "string",
      description:
        '"read" for GET, HEAD and OPTIONS, "write" for all others; "unknown" where its body is not what it says, or another method is asked for by a header or a parameter. Of messages "write"; "unknown" where one is binary, or only looks like JSON.',
    },
    method: { type: "string", description: "As it was sent: GET, POST; empty for a message." },
    upgrade: {
      type: "string",
      description:
        '"websocket" where the request asks for a WebSocket; empty for all others, and for messages.',
    },
    message: { type: "string", description: "A message's text; empty for a request.", varies: true },
    path: {
      type: "string",
      description:
        "Decoded, without dot segments and double slashes; without the target's name and the query.",
      varies: true,
    },
    segments: { type: "list<string>", description: "The parts of the path, decoded.", varies: true },
    encodedTwice: {
      type: "bool",
      description:
        "The decoded path has escapes in it, which a server that decodes twice would decode again.",
      varies: true,
    },
    route: { type: "string", description: "The first of the target's routes that fits; empty for none." },
    params: { type: "map<string, string>", description: "What stands for the route's names.", varies: true },
    query: {
      type: "map<string, list<string>>",
      description: "The query's parameters by name, each with all of its values.",
      varies: true,
    },
    parameters: {
      type: "list<string>",
      description: "The query's parameters in order, as `name=value`, decoded.",
      varies: true,
    },
    headers: {
      type: "map<string, string>",
      description:
        "What is sent on, by name in small letters; several of one name with a comma and a blank between them.",
      varies: true,
    },
    host: { type: "string", description: "The host that the client named, with its port.", varies: true },
    contentType: { type: "string", description: "In small letters, without parameters.", varies: true },
    size: { type: "int", description: "Bytes of the body; -1 where that is not known yet.", varies: true },
    bodyKnown: {
      type: "bool",
      description:
        "There is no body, or it was read: `json`, `form` or `parts`. To name one of these that the body is not fails the condition.",
      varies: true,
    },
    json: { type: "dyn", description: "The body where it is JSON.", varies: true },
    form: {
      type: "map<string, list<string>>",
      description: "The body's parameters by name where it is a form (application/x-www-form-urlencoded).",
      varies: true,
    },
    parts: {
      type: "list<map<string, string>>",
      description:
        "The body's parts where it is multipart/form-data: `name`, `filename` and `type` of each; empty where it has none.",
      varies: true,
    },
    ...Object.fromEntries(Object.values(apis).flatMap(({ facts }) => Object.entries(facts))),
  },
};

/** A request as it is sent on. */
export interface Request {
  readonly head: RequestHead;
  /** What it asks of the target: the path without the target's name. */
  readonly target: RequestTarget;
  /** The fields that are sent on, before the gateway adds its own; no credential is among them. */
  readonly fields: Fields;
  /** The whole of its body, empty where there is none; undefined where it is not read to its end before it is decided on. */
  readonly body: Buffer | undefined;
}

export interface RequestFacts {
  readonly access: Access;
  /** Its route; where none fits, its path. */
  readonly resource: string;
  readonly facts: Facts;
  readonly body: Body;
}

/** By which some servers take another method than the request's. */
const OVERRIDING_FIELDS = ["x-http-method-override", "x-http-method", "x-method-override"];
const OVERRIDING_PARAMETER = "_method";

/** @throws Malformed */
export function requestFacts(
  { head, target, fields, body }: Request,
  routes: readonly Route[],
): RequestFacts {
  const read = readBody(fields, body);
  const found = target.path === "*" ? undefined : findRoute(routes, target.segments);
  const access = accessOf(head.method, fields, target, read);
  const { parameters } = target;
  const path = pathText(target);
  const facts: Facts = {
    kind: "request",
    access,
    method: head.method,
    // Another upgrade is none that is taken.
    upgrade: head.fields.has("upgrade") ? "websocket" : "",
    message: "",
    path,
    segments: target.segments,
    encodedTwice: isEncodedTwice(target),
    route: found?.route ?? "",
    params: found?.params ?? {},
    query: byName(parameters),
    parameters: parameters.map(({ name, value }) => `${name}=${value}`),
    headers: headersOf(fields),
    host: head.authority ?? "",
    contentType: contentType(fields),
    size: body?.length ?? declared(head),
    bodyKnown: read.kind !== "opaque" && read.kind !== "unreadable",
    ...bodyFacts(read),
  };
  return { access, resource: found?.route ?? path, facts, body: read };
}

const NO_BODY: Facts = { json: {}, form: {}, parts: [] };

/**
 * Servers that look at a body without regard to its type are many. So of a body that is something else, or unknown, no fact is there:
 * what a rule asks of it fails, and a block then blocks.
 */
function bodyFacts(body: Body): Facts {
  switch (body.kind) {
    case "none":
      return NO_BODY;
    case "json":
      return { json: body.value };
    case "form":
      return { form: byName(body.parameters) };
    case "multipart":
      return { parts: body.parts.map((part) => ({ ...part })) };
    case "opaque":
    case "unreadable":
      return {};
  }
}

function accessOf(method: string, fields: Fields, { parameters }: RequestTarget, body: Body): Access {
  if (body.kind === "unreadable") return "unknown";
  const others = [
    ...OVERRIDING_FIELDS.flatMap((name) => fields.all(name)),
    ...parameters.flatMap(({ name, value }) => (name === OVERRIDING_PARAMETER ? [value] : [])),
    ...overridesIn(body),
  ];
  if (others.some((other) => other.toUpperCase() !== method)) return "unknown";
  // A method is what its letters are, in their case: `get` is nobody's.
  return method === "GET" || method === "HEAD" || method === "OPTIONS" ? "read" : "write";
}

/** What a body says under the name by which it could ask for another method; of a part's and of JSON, what it says is not looked at. */
function overridesIn(body: Body): readonly string[] {
  switch (body.kind) {
    case "form":
      return body.parameters.flatMap(({ name, value }) => (name === OVERRIDING_PARAMETER ? [value] : []));
    case "multipart":
      return body.parts.some(({ name }) => name === OVERRIDING_PARAMETER) ? ["?"] : [];
    case "json":
      return hasMember(body.value, OVERRIDING_PARAMETER) ? ["?"] : [];
    default:
      return [];
  }
}

function hasMember(value: FactValue, name: string): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name);
}

function headersOf(fields: Fields): Readonly<Record<string, string>> {
  const values = new Map<string, string>();
  for (const { lower, value } of fields) {
    const before = values.get(lower);
    values.set(lower, before === undefined ? value : `${before}, ${value}`);
  }
  return Object.fromEntries(values);
}

function declared({ framing }: RequestHead): number {
  if (framing.kind === "none") return 0;
  return framing.kind === "length" ? framing.length : -1;
}
