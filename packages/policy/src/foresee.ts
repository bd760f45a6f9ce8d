import type { ASTNode } from "@marcbachmann/cel-js";
import {
  ANY,
  among,
  and,
  certainly,
  combined,
  either,
  equal,
  having,
  isFalse,
  isTrue,
  less,
  mapped,
  mayBeTrue,
  not,
  only,
  or,
  type Possible,
  sizeOf,
  sum,
  within,
} from "./possible.ts";

/** What a field of a variable may be (`sql`, `access`). */
export type Known = (variable: string, field: string) => Possible;

type Scope = ReadonlyMap<string, Possible>;
const OUTSIDE: Scope = new Map();

/**
 * What an expression may come to, where not all that it names is known. It claims too little rather than too much: what is
 * not followed may be anything.
 */
export function foresee(node: ASTNode, known: Known, scope: Scope = OUTSIDE): Possible {
  const of = (part: ASTNode) => foresee(part, known, scope);
  switch (node.op) {
    case "value":
      return constant(node.args);
    case "id":
      return scope.get(node.args) ?? ANY;
    case ".": {
      const [variable, field] = node.args;
      return variable.op === "id" && !scope.has(variable.args) ? known(variable.args, field) : ANY;
    }
    case "&&":
      return and(node.args.map(of));
    case "||":
      return or(node.args.map(of));
    case "!_":
      return not(of(node.args));
    case "-_":
      return mapped(of(node.args), (value) => (typeof value === "bigint" ? -value : undefined));
    case "?:":
      return choice(node.args, of);
    case "==":
      return equal(of(node.args[0]), of(node.args[1]));
    case "!=":
      return not(equal(of(node.args[0]), of(node.args[1])));
    case "<":
      return less(of(node.args[0]), of(node.args[1]));
    case ">":
      return less(of(node.args[1]), of(node.args[0]));
    case "<=":
      return notLess(of(node.args[1]), of(node.args[0]));
    case ">=":
      return notLess(of(node.args[0]), of(node.args[1]));
    case "in":
      return within(of(node.args[0]), of(node.args[1]));
    case "+":
      return sum(of(node.args[0]), of(node.args[1]));
    case "list":
      return listOf(node.args.map(of));
    case "call": {
      const [name, [argument]] = node.args;
      return name === "size" && argument !== undefined ? sizeOf(of(argument)) : ANY;
    }
    case "rcall": {
      const [name, receiver, args] = node.args;
      return method(name, of(receiver), args, (part, inner) => foresee(part, known, inner ?? scope), scope);
    }
    default:
      return ANY;
  }
}

/** Numbers with a fraction, bytes and the like are not followed. */
function constant(value: unknown): Possible {
  return ["string", "bigint", "boolean"].includes(typeof value) ? among([value]) : ANY;
}

function choice(
  [condition, then, otherwise]: readonly [ASTNode, ASTNode, ASTNode],
  of: (part: ASTNode) => Possible,
): Possible {
  const chosen = of(condition);
  if (isTrue(chosen)) return of(then);
  return isFalse(chosen) ? of(otherwise) : either(of(then), of(otherwise));
}

function notLess(left: Possible, right: Possible): Possible {
  return not(less(left, right));
}

function listOf(items: readonly Possible[]): Possible {
  const values = items.flatMap((item) => only(item) ?? []).map(({ value }) => value);
  return values.length === items.length ? among([values]) : having(values);
}

function method(
  name: string,
  receiver: Possible,
  args: readonly ASTNode[],
  of: (part: ASTNode, scope?: Scope) => Possible,
  scope: Scope,
): Possible {
  const [first, second] = args;
  if (first?.op === "id" && second !== undefined && args.length === 2) {
    const variable = first.args;
    const at = (item: Possible) => of(second, new Map([...scope, [variable, item]]));
    switch (name) {
      case "all":
        return every(receiver, at);
      case "exists":
        return not(every(receiver, (item) => not(at(item))));
      case "filter":
        return filtered(receiver, at);
      case "map":
        return projected(receiver, at);
    }
  }
  const told = TEXT_METHODS.get(name);
  if (told !== undefined && first !== undefined && args.length === 1) {
    return combined(receiver, of(first), (text, part) =>
      typeof text === "string" && typeof part === "string" ? told(text, part) : undefined,
    );
  }
  if (args.length > 0) return ANY;
  if (name === "size") return sizeOf(receiver);
  const turned = name === "lowerAscii" ? LOWER : name === "upperAscii" ? UPPER : undefined;
  if (turned === undefined) return ANY;
  return mapped(receiver, (text) => (typeof text === "string" ? turned(text) : undefined));
}

const TEXT_METHODS: ReadonlyMap<string, (text: string, part: string) => boolean> = new Map([
  ["startsWith", (text, part) => text.startsWith(part)],
  ["endsWith", (text, part) => text.endsWith(part)],
  ["contains", (text, part) => text.includes(part)],
]);
// As this CEL has them, which is more than ASCII.
const LOWER = (text: string) => text.toLowerCase();
const UPPER = (text: string) => text.toUpperCase();

function every(list: Possible, at: (item: Possible) => Possible): Possible {
  if (list.kind === "among") {
    return list.values
      .map((values) =>
        Array.isArray(values) ? and(values.map((value: unknown) => at(among([value])))) : and([ANY]),
      )
      .reduce(either, among([]));
  }
  if (isTrue(at(ANY))) return among([true]);
  // One that is in it, and does not hold, is enough; of a list that may be empty, nothing is certain.
  const items = certainly(list) ?? [];
  return items.some((item) => isFalse(at(among([item])))) ? among([false]) : ANY;
}

function filtered(list: Possible, at: (item: Possible) => Possible): Possible {
  const whole = only(list)?.value;
  const items = certainly(list);
  if (items === undefined) return ANY;
  const kept = items.filter((item) => isTrue(at(among([item]))));
  const certain =
    Array.isArray(whole) && items.every((item) => kept.includes(item) || !mayBeTrue(at(among([item]))));
  return certain ? among([kept]) : having(kept);
}

function projected(list: Possible, at: (item: Possible) => Possible): Possible {
  const items = certainly(list);
  if (items === undefined) return ANY;
  const values = items.flatMap((item) => only(at(among([item]))) ?? []).map(({ value }) => value);
  const certain = only(list) !== undefined && values.length === items.length;
  return certain ? among([values]) : having(values);
}
