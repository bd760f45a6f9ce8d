import type { Access, FactDeclaration, FactValue } from "@gatehouse/core";
import type { Body } from "../facts/body.ts";
import type { Request } from "../facts/request-facts.ts";
import { pathText } from "../path.ts";
import type { ApiReading } from "./decoder.ts";
import { type Members, textsIn, Unclear } from "./reading.ts";

/** What `when` can ask of a call of a model, whosever API it is. */
export const modelFacts: Readonly<Record<string, FactDeclaration>> = {
  operation: {
    type: "string",
    description: "What is asked for: `chat.completions`, `responses`, `embeddings`, `messages`, `models`.",
  },
  model: { type: "string", description: "The model that is asked; empty where the models are listed." },
  messages: {
    type: "list<map<string, string>>",
    description:
      "What the model is told, in order: `role`, and `text` with every text in it. System prompts and prompts are among them. Not there where tokens are sent in place of text.",
    varies: true,
  },
  tools: {
    type: "list<string>",
    description:
      "Names of the functions that the model is given; `builtin:TYPE` for tools that the API itself has, which it may run: `builtin:web_search`, `builtin:mcp`.",
    varies: true,
  },
  maxTokens: {
    type: "int",
    description:
      "Tokens that all choices of the answer may have together; 0 where none are made. Not there where the request does not say.",
    varies: true,
  },
  stream: { type: "bool", description: "The answer is asked for as a stream of events.", varies: true },
};

/** What the model is told by one. */
export type Message = Readonly<Record<"role" | "text", string>>;

/** A call of a model, understood. */
export interface ModelRequest {
  readonly access: Access;
  readonly operation: string;
  readonly model: string;
  /** undefined where it is not text. */
  readonly messages: readonly Message[] | undefined;
  readonly tools: readonly string[];
  readonly maxTokens: number | undefined;
  readonly stream: boolean;
}

/** @throws Unclear */
export type ReadModelRequest = (body: FactValue) => ModelRequest;

/** The paths of one API's calls. */
export interface ModelCalls {
  /** What may stand in front of them: `/v1`. */
  readonly roots: readonly string[];
  /** Calls with a body of JSON, by their paths. */
  readonly posts: ReadonlyMap<string, ReadModelRequest>;
  /** Parameters of the query that change nothing in what is asked for. */
  readonly parameters: ReadonlySet<string>;
}

/** @returns undefined where it can't tell what this would do */
export function readCall(calls: ModelCalls, request: Request, body: Body): ApiReading | undefined {
  const { head, target } = request;
  if (target.parameters.some(({ name }) => !calls.parameters.has(name))) return undefined;
  const path = pathText(target);
  const root = calls.roots.find((root) => path.startsWith(`${root}/`));
  if (root === undefined) return undefined;
  const below = path.slice(root.length);
  try {
    const call = head.method === "GET" ? listing(below, body) : posted(calls, head.method, below, body);
    return call && readingOf(call);
  } catch (error) {
    if (error instanceof Unclear) return undefined;
    throw error;
  }
}

function posted({ posts }: ModelCalls, method: string, path: string, body: Body): ModelRequest | undefined {
  return method === "POST" && body.kind === "json" ? posts.get(path)?.(body.value) : undefined;
}

/** Of the models, or one of them. */
function listing(path: string, body: Body): ModelRequest | undefined {
  const found = /^\/models(?:\/([^/]+))?$/.exec(path);
  if (found === null || body.kind !== "none") return undefined;
  const [, model = ""] = found;
  return {
    ...{ access: "read", operation: "models", model, messages: [], tools: [], maxTokens: 0, stream: false },
  };
}

function readingOf({
  access,
  operation,
  model,
  messages,
  tools,
  maxTokens,
  stream,
}: ModelRequest): ApiReading {
  return {
    access,
    facts: {
      ...{ operation, model, tools, stream },
      ...(messages && { messages }),
      ...(maxTokens !== undefined && { maxTokens }),
    },
  };
}

/** Members that would give a model, or tools, in a place where nobody looks for them. */
const MISPLACED = ["model", "tools", "functions"];

/**
 * Every text of it: first of its content, then of its other members. So nothing that a model is told stands where a rule does not look.
 * @throws Unclear
 */
export function messageOf(role: string, members: Members): Message {
  if (MISPLACED.some((name) => members.get(name) !== undefined)) throw new Unclear();
  const texts = [members.get("content"), ...members.without(["role", "type", "content"])].flatMap(textsIn);
  return { role, text: texts.join("\n") };
}

/** A prompt that stands outside of the messages; none where it has no text. */
export function promptOf(role: string, value: FactValue | undefined): readonly Message[] {
  return value === undefined ? [] : [{ role, text: textsIn(value).join("\n") }];
}

/**
 * The tokens of several answers. None, of answers as of tokens, is no limit but what a server makes of it.
 * @param each tokens of one of them
 * @throws Unclear where it is more than can be counted
 */
export function tokensOf(each: number | undefined, ...answers: readonly number[]): number | undefined {
  if (each === undefined || each === 0) return undefined;
  const all = answers.reduce((before, count) => before * Math.max(count, 1), each);
  if (!Number.isSafeInteger(all)) throw new Unclear();
  return all;
}
