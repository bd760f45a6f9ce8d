import { didYouMean } from "@gatehouse/documents";
import { type ASTNode, evaluate } from "@marcbachmann/cel-js";

/** Something wrong in an expression, `offset` characters into its text. */
export interface ExpressionProblem {
  readonly offset: number;
  readonly message: string;
}

const LIST_FUNCTIONS: ReadonlySet<string> = new Set(["all", "exists", "exists_one", "filter", "map"]);

/** What `when` may call: nothing whose time or result a command could grow without bound, nothing without types. */
const FUNCTIONS: ReadonlySet<string> = new Set([
  ...LIST_FUNCTIONS,
  ...["contains", "endsWith", "indexOf", "lastIndexOf", "lowerAscii", "size", "split", "startsWith"],
  ...["substring", "trim", "upperAscii", "join", "int", "string", "duration", "timestamp"],
  ...["getDate", "getDayOfWeek", "getFullYear", "getHours", "getMinutes", "getMonth"],
]);

const REFUSED: ReadonlyMap<string, string> = new Map([
  [
    "matches",
    "`matches` is refused: a regular expression can take longer than a gateway may wait; use startsWith, endsWith, contains or ==",
  ],
  ["has", "`has` is refused: every fact that is declared is there, and a wrong name would go unnoticed"],
  ["dyn", "`dyn` is refused: it would switch off the type check"],
]);

/**
 * Finds what the type check lets through but a policy may not say: functions outside the list, a list function
 * inside another, and a variable with fields used as a whole (indexing one with a computed name escapes the check).
 */
export function checkExpression(
  node: ASTNode,
  fields: ReadonlyMap<string, readonly string[]>,
  inList = false,
): ExpressionProblem | undefined {
  if (node.op === "id" && fields.has(node.args)) {
    const names = (fields.get(node.args) ?? []).map((name) => `${node.args}.${name}`);
    return { offset: node.start, message: `name a field of "${node.args}": ${names.join(", ")}` };
  }
  if (node.op === "." && node.args[0].op === "id" && fields.has(node.args[0].args)) return undefined;
  if (node.op === "call" || node.op === "rcall") {
    const [name] = node.args;
    const offset = node.op === "call" ? node.start : node.input.indexOf(name, node.args[1].end);
    if (!FUNCTIONS.has(name)) {
      const unknown = `"${name}" is not a function of \`when\`${didYouMean(name, FUNCTIONS)}`;
      return { offset, message: REFUSED.get(name) ?? unknown };
    }
    const constant = checkConstant(node);
    if (constant) return constant;
    if (node.op === "rcall" && LIST_FUNCTIONS.has(name)) {
      if (inList) {
        const message = `"${name}" stands inside another list function: the time would grow with the square of a command's lists`;
        return { offset, message };
      }
      const [, receiver, body] = node.args;
      return checkAll([receiver], fields, inList) ?? checkAll(body, fields, true);
    }
  }
  return checkAll(children(node), fields, inList);
}

function checkAll(
  nodes: readonly ASTNode[],
  fields: ReadonlyMap<string, readonly string[]>,
  inList: boolean,
): ExpressionProblem | undefined {
  for (const node of nodes) {
    const problem = checkExpression(node, fields, inList);
    if (problem) return problem;
  }
  return undefined;
}

const CONVERSIONS: ReadonlySet<string> = new Set(["duration", "int", "timestamp"]);

/** A time, a number or a time zone that is written out and can't be read would fail at every command alike. */
function checkConstant(node: ASTNode): ExpressionProblem | undefined {
  if (node.op !== "call" && node.op !== "rcall") return undefined;
  const [name] = node.args;
  const [argument] = node.op === "call" ? node.args[1] : node.args[2];
  if (argument?.op !== "value" || typeof argument.args !== "string") return undefined;
  const written = node.input.slice(argument.start, argument.end);
  let source: string;
  if (node.op === "call" && CONVERSIONS.has(name)) source = `${name}(${written})`;
  else if (name.startsWith("get")) source = `timestamp("2026-01-01T00:00:00Z").${name}(${written})`;
  else return undefined;
  try {
    evaluate(source);
    return undefined;
  } catch {
    return { offset: argument.start, message: `${name} can't read ${written}` };
  }
}

/** Every place where one of these variables is named, in the order of the text. */
export function namings(
  node: ASTNode,
  names: ReadonlySet<string>,
): readonly { name: string; offset: number }[] {
  if (node.op === "id") return names.has(node.args) ? [{ name: node.args, offset: node.start }] : [];
  return children(node).flatMap((child) => namings(child, names));
}

/**
 * Whether the expression compares the protocol's `access` with "unknown": `sql.access == "unknown"`, or
 * `sql.access in [..., "unknown"]`. The word elsewhere (a subject of that name) does not count.
 */
export function namesUnknownAccess(node: ASTNode, prefix: string): boolean {
  if (node.op === "==") {
    const [left, right] = node.args;
    if (isAccess(left, prefix) && isUnknown(right)) return true;
    if (isUnknown(left) && isAccess(right, prefix)) return true;
  }
  if (node.op === "in") {
    const [left, right] = node.args;
    if (isAccess(left, prefix) && right.op === "list" && right.args.some(isUnknown)) return true;
  }
  return children(node).some((child) => namesUnknownAccess(child, prefix));
}

function isAccess(node: ASTNode, prefix: string): boolean {
  if (node.op !== "." || node.args[1] !== "access") return false;
  const [variable] = node.args;
  return variable.op === "id" && variable.args === prefix;
}

function isUnknown(node: ASTNode): boolean {
  return node.op === "value" && node.args === "unknown";
}

/**
 * Whether the expression names settled fields alone, so that its result is the same wherever those are. A name that
 * is neither a settled field nor a list function's own variable is taken for one that varies.
 * @param settled by variable
 */
export function isSettled(
  node: ASTNode,
  settled: ReadonlyMap<string, ReadonlySet<string>>,
  own?: string,
): boolean {
  if (node.op === "id") return node.args === own && node.args !== "time" && !settled.has(node.args);
  if (node.op === "." && node.args[0].op === "id" && node.args[0].args !== own) {
    const [variable, field] = node.args;
    return settled.get(variable.args)?.has(field) ?? false;
  }
  if (node.op === "rcall" && LIST_FUNCTIONS.has(node.args[0])) {
    const [, receiver, [variable, ...body]] = node.args;
    if (variable?.op !== "id" || !isSettled(receiver, settled, own)) return false;
    return body.every((part) => isSettled(part, settled, variable.args));
  }
  return children(node).every((child) => isSettled(child, settled, own));
}

/** The parts that an expression is made of. */
export function children(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case "value":
    case "id":
      return [];
    case ".":
    case ".?":
      return [node.args[0]];
    case "!_":
    case "-_":
      return [node.args];
    case "call":
      return node.args[1];
    case "rcall":
      return [node.args[1], ...node.args[2]];
    case "map":
      return node.args.flat();
    default:
      return node.args;
  }
}
