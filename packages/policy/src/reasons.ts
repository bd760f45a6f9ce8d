import type { FactValue } from "@gatehouse/core";
import type { ASTNode, Context } from "@marcbachmann/cel-js";
import type { WhenEnvironment } from "./environment.ts";
import { factValue } from "./cel-value.ts";
import { children } from "./expression.ts";

/** A part of a condition, as written, what it came to at one command, and the facts that it saw. */
export interface ConditionPart {
  readonly text: string;
  readonly result: boolean | "failed";
  /** By name, such as `sql.access`. */
  readonly facts: Readonly<Record<string, FactValue>>;
}

/**
 * The parts of a condition that its result rests on: of `a && b`, those that were false where it is false, and both
 * where it is true.
 */
export function reasonsOf(
  node: ASTNode,
  environment: Pick<WhenEnvironment, "cel" | "fields">,
  context: Context,
): readonly ConditionPart[] {
  const { cel, fields } = environment;
  const resultOf = (part: ASTNode): ConditionPart["result"] => {
    try {
      const result: unknown = cel.parse(textOf(part))(context);
      return typeof result === "boolean" ? result : "failed";
    } catch {
      return "failed";
    }
  };
  const reasons = (part: ASTNode): readonly ConditionPart[] => {
    switch (part.op) {
      case "&&":
      case "||": {
        const result = resultOf(part);
        return part.args.filter((operand) => resultOf(operand) === result).flatMap(reasons);
      }
      case "!_":
        return reasons(part.args);
      case "?:": {
        const [condition, then, otherwise] = part.args;
        const chosen = resultOf(condition);
        if (chosen === "failed") return reasons(condition);
        return [...reasons(condition), ...reasons(chosen ? then : otherwise)];
      }
      default: {
        const facts = new Map<string, FactValue>();
        for (const name of namesIn(part, fields)) facts.set(name, factIn(name, context));
        return [
          {
            text: textOf(part).replace(/\s+/g, " "),
            result: resultOf(part),
            facts: Object.fromEntries(facts),
          },
        ];
      }
    }
  };
  return reasons(node);
}

/** As it is written, with the brackets that the parser does not count as its own. */
function textOf(node: ASTNode): string {
  const { input, start, end } = node;
  const plain = withoutStrings(node);
  let from = start;
  let to = end;
  let open = 0;
  for (let at = start; at < end; at++) {
    if (plain[at] === "(") open++;
    else if (plain[at] === ")" && open > 0) open--;
    else if (plain[at] === ")") from = plain.lastIndexOf("(", from - 1);
  }
  for (; open > 0; open--) to = plain.indexOf(")", to) + 1;
  return input.slice(from, to);
}

/** The whole text, with blanks for the strings in this part of it: a bracket in one is none. */
function withoutStrings(node: ASTNode): string {
  const { input, start, end } = node;
  if (node.op === "value" && typeof node.args === "string") {
    return input.slice(0, start) + " ".repeat(end - start) + input.slice(end);
  }
  const parts = children(node).map((child) => ({ child, plain: withoutStrings(child) }));
  return parts.reduce(
    (text, { child, plain }) =>
      text.slice(0, child.start) + plain.slice(child.start, child.end) + text.slice(child.end),
    input,
  );
}

/** The facts that it names, and `time`. */
function namesIn(node: ASTNode, fields: WhenEnvironment["fields"]): readonly string[] {
  if (node.op === "id") return node.args === "time" ? ["time"] : [];
  if (node.op === "." && node.args[0].op === "id" && fields.has(node.args[0].args)) {
    return [`${node.args[0].args}.${node.args[1]}`];
  }
  return children(node).flatMap((child) => namesIn(child, fields));
}

function factIn(name: string, context: Context): FactValue {
  let value: unknown = context;
  for (const step of name.split(".")) {
    value = typeof value === "object" && value !== null ? Reflect.get(value, step) : undefined;
  }
  return factValue(value);
}
