import { didYouMean } from "@gatehouse/documents";
import {
  type ASTNode,
  type Context,
  EvaluationError,
  ParseError,
  type ParseResult,
  TypeError as CelTypeError,
} from "@marcbachmann/cel-js";
import { limitedCel, type WhenEnvironment } from "./environment.ts";
import { checkExpression, type ExpressionProblem, isSettled, namesUnknownAccess } from "./expression.ts";

/** A `when`, parsed and type-checked for one protocol. */
export interface Condition {
  readonly program: ParseResult;
  /** An allow rule matches a command whose access is unknown only where its condition names that. */
  readonly namesUnknown: boolean;
  /** Its result is the same for all commands of one shape, of one identity at one level of one target. */
  readonly settled: boolean;
}

export type ParsedExpression =
  | { readonly ok: true; readonly ast: ASTNode }
  | { readonly ok: false; readonly problem: ExpressionProblem };

export type CompileResult =
  | { readonly ok: true; readonly condition: Condition }
  | { readonly ok: false; readonly problem: ExpressionProblem };

/** Parses an expression without knowing its protocol. */
export function parseExpression(source: string): ParsedExpression {
  try {
    return { ok: true, ast: limitedCel().parse(source).ast };
  } catch (error) {
    return { ok: false, problem: parseProblem(error) };
  }
}

/** Compiles an expression that parses for one protocol: it names only what is there, and its result is a bool. */
export function compileCondition(source: string, environment: WhenEnvironment): CompileResult {
  const program = environment.cel.parse(source);
  const refused = checkExpression(program.ast, environment.fields);
  if (refused) return { ok: false, problem: refused };
  const { valid, type, error } = program.check();
  if (!valid) return { ok: false, problem: typeProblem(error, environment) };
  if (type !== "bool") {
    const message = `expected a condition that is true or false, found a value of type ${readable(type ?? "dyn")}`;
    return { ok: false, problem: { offset: program.ast.start, message } };
  }
  const namesUnknown = namesUnknownAccess(program.ast, environment.prefix);
  const settled = isSettled(program.ast, environment.settled);
  return { ok: true, condition: { program, namesUnknown, settled } };
}

/** @throws what CEL throws, and an error for a result that is no bool. */
export function holds(condition: Condition | undefined, context: Context): boolean {
  if (condition === undefined) return true;
  const result: unknown = condition.program(context);
  if (typeof result === "boolean") return result;
  throw new TypeError("a condition's result was neither true nor false");
}

/**
 * What can be said of a condition that failed: CEL's code and the part of the rule's own text. CEL's message is
 * not repeated, since it can quote a value of the command.
 */
export function failureOf(error: unknown): string {
  if (!(error instanceof EvaluationError)) return error instanceof Error ? error.name : "failure";
  const { node, code } = error;
  return node === undefined ? code : `${code} in \`${node.input.slice(node.start, node.end)}\``;
}

function parseProblem(error: unknown): ExpressionProblem {
  // The parser recurses: what is not its own error is a text nested deeper than the stack.
  if (!(error instanceof ParseError)) return { offset: 0, message: "the condition is nested too deeply" };
  const offset = error.range?.start ?? 0;
  if (error.code === "limit_exceeded")
    return { offset, message: `the condition is too large: ${error.summary}` };
  return { offset, message: `the condition does not parse: ${error.summary}` };
}

function typeProblem(error: unknown, { fields }: WhenEnvironment): ExpressionProblem {
  if (!(error instanceof CelTypeError || error instanceof ParseError)) {
    return { offset: 0, message: "the condition could not be checked" };
  }
  const { node, code } = error;
  const offset = error.range?.start ?? 0;
  if (code === "unknown_variable" && node?.op === "id" && typeof node.args === "string") {
    return { offset, message: unknownVariable(node.args, fields) };
  }
  if (code === "no_such_key" && error instanceof CelTypeError && error.node?.op === ".") {
    const [variable, field] = error.node.args;
    const owner = variable.op === "id" ? variable.args : "this";
    const known = fields.get(owner) ?? [];
    const help = didYouMean(field, known) || `; it has ${known.join(", ")}`;
    return { offset, message: `"${owner}" has no field "${field}"${help}` };
  }
  return { offset, message: `the condition does not fit its types: ${readable(error.summary)}` };
}

function unknownVariable(name: string, fields: ReadonlyMap<string, readonly string[]>): string {
  const owner = [...fields].find(([, names]) => names.includes(name))?.[0];
  const variables = [...fields.keys(), "time"];
  const help =
    owner === undefined
      ? didYouMean(name, variables) || `; there are ${variables.join(", ")}`
      : `; did you mean "${owner}.${name}"?`;
  return `"${name}" is not a variable of this target's protocol${help}`;
}

function readable(text: string): string {
  return text
    .replaceAll("google.protobuf.Timestamp", "timestamp")
    .replaceAll("google.protobuf.Duration", "duration");
}
