import type { Command, FactSchema } from "@gatehouse/core";
import type { Analysis } from "./analysis/analysis.ts";
import type { BindParameter } from "./codec/bind.ts";
import { parameterText } from "./codec/parameter.ts";

/** What `when` can ask of a statement. */
export const sqlFacts: FactSchema = {
  prefix: "sql",
  facts: {
    access: {
      type: "string",
      description:
        'The most that it does: "read", "write", "ddl", "admin", or "unknown" where that can\'t be told.',
    },
    verbs: {
      type: "list<string>",
      description: "SELECT, INSERT, DELETE, DROP ...; changes inside WITH included.",
    },
    reads: { type: "list<string>", description: "Relations that it reads, as schema.name." },
    writes: {
      type: "list<string>",
      description: "Relations that it changes, locks or defines, as schema.name.",
    },
    functions: { type: "list<string>", description: "Functions that it calls, as schema.name." },
    statements: { type: "int", description: "How many statements the text has." },
    unfiltered: { type: "bool", description: "It has an UPDATE or DELETE without WHERE, or a TRUNCATE." },
    text: { type: "string", description: "The text as it was sent." },
    params: {
      type: "list<string>",
      description: "Its parameters as text, in order; NULL is the empty string.",
    },
  },
};

/** How a client asked: a simple query, a statement to prepare, one bound to its parameters, one to run. */
export type CommandKind = "query" | "prepare" | "bind" | "execute";

/** What goes into an audit event of each parameter, and of how many. The facts have them whole. */
const AUDITED_LENGTH = 1024;
const AUDITED_COUNT = 256;

/**
 * @param analysis of exactly this text
 * @param parameterTypes object ids by position, as far as the client gave them
 */
export function toCommand(
  kind: CommandKind,
  text: string,
  analysis: Analysis,
  parameters: readonly BindParameter[] = [],
  parameterTypes: readonly number[] = [],
): Command {
  const values = parameters.map((parameter, index) => parameterText(parameter, parameterTypes[index] ?? 0));
  return {
    protocol: "postgres",
    kind,
    verbs: analysis.verbs,
    access: analysis.access,
    resources: [...new Set([...analysis.reads, ...analysis.writes])],
    text: analysis.redacted ?? text,
    parameters: values.slice(0, AUDITED_COUNT).map(shortened),
    facts: {
      access: analysis.access,
      verbs: analysis.verbs,
      reads: analysis.reads,
      writes: analysis.writes,
      functions: analysis.functions,
      statements: analysis.statements,
      unfiltered: analysis.unfiltered,
      text,
      params: values.map((value) => value ?? ""),
    },
  };
}

function shortened(value: string | null): string | null {
  if (value === null || value.length <= AUDITED_LENGTH) return value;
  return `${value.slice(0, AUDITED_LENGTH)}… (${value.length} characters)`;
}
