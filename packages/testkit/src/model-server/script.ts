import { setTimeout } from "node:timers/promises";

/** A piece of what a model says. `after`: it comes that many milliseconds after the one before it, or when this resolves. */
export type ModelToken =
  | string
  | { readonly text: string; readonly after: number | (() => Promise<unknown>) };

/** One of the answers to a question. */
export interface ModelChoice {
  /** What is said; nothing, when left out. */
  readonly tokens?: readonly ModelToken[];
  /** A tool that is called afterwards; its tokens are the JSON of its arguments. */
  readonly call?: { readonly name: string; readonly tokens: readonly ModelToken[] };
}

/** What a model answers. Responses and messages have the first choice alone. */
export interface ModelScript {
  readonly choices: readonly ModelChoice[];
  /** Counted by the tokens of the script, and one for the question, when left out. */
  readonly usage?: ModelUsage;
}

export interface ModelUsage {
  readonly input: number;
  readonly output: number;
}

/** A token, as it comes. */
export interface ModelStep {
  /** Which choice goes on. */
  readonly choice: number;
  readonly part: "text" | "call";
  readonly text: string;
}

/** All tokens in the order in which a stream has them: one of each choice in turn. */
export async function* stepsOf({ choices }: ModelScript): AsyncGenerator<ModelStep> {
  const left = choices.map(tokensOf);
  while (left.some((tokens) => tokens.length > 0)) {
    for (const [choice, tokens] of left.entries()) {
      const next = tokens.shift();
      if (next === undefined) continue;
      const { part, token } = next;
      if (typeof token !== "string") {
        await (typeof token.after === "number" ? setTimeout(token.after) : token.after());
      }
      yield { choice, part, text: textOf(token) };
    }
  }
}

function tokensOf({ tokens = [], call }: ModelChoice) {
  return [
    ...tokens.map((token) => ({ part: "text" as const, token })),
    ...(call?.tokens ?? []).map((token) => ({ part: "call" as const, token })),
  ];
}

function textOf(token: ModelToken): string {
  return typeof token === "string" ? token : token.text;
}

/** Tokens as one text. */
export function joined(tokens: readonly ModelToken[] = []): string {
  return tokens.map(textOf).join("");
}

export function usageOf({ choices, usage }: ModelScript): ModelUsage {
  return usage ?? { input: 1, output: choices.reduce((sum, choice) => sum + tokensOf(choice).length, 0) };
}
