import type { Access, Command } from "@gatehouse/core";
import { partsOf, wildcard } from "@gatehouse/documents";

/** Functions of a target's own, by what policies hold them to do; patterns as `schema.function`. */
export interface FunctionLists {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

/** What the policies of one selection hold the functions of a target's own to do. */
export class ListedFunctions {
  readonly #reads: Listed;
  readonly #writes: Listed;

  constructor(lists: readonly FunctionLists[]) {
    this.#reads = listed(lists.flatMap(({ reads }) => reads));
    this.#writes = listed(lists.flatMap(({ writes }) => writes));
  }

  /** What a command does, where what its functions do is as the lists say: each of them must be on one. */
  accessOf({ access, userFunctions }: Command): Access {
    if (access !== "unknown" || userFunctions === undefined) return access;
    const { names, otherwise } = userFunctions;
    if (names.every(this.#reads)) return otherwise;
    if (!names.every((name) => this.#reads(name) || this.#writes(name))) return access;
    return otherwise === "read" ? "write" : otherwise;
  }

  /** What a command that runs these functions, and maybe others, can be in the eyes of somebody for whom all lists hold. */
  possible(names: readonly string[]): readonly Access[] {
    if (!names.every((name) => this.#reads(name) || this.#writes(name))) return ["unknown"];
    return names.every(this.#reads) ? ACCESSES : ACCESSES.filter((access) => access !== "read");
  }
}

const ACCESSES: readonly Access[] = ["read", "write", "ddl", "admin", "unknown"];

type Listed = (name: string) => boolean;

function listed(patterns: readonly string[]): Listed {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes("*")));
  const wild = patterns.filter((pattern) => pattern.includes("*")).map(byParts);
  return (name) => exact.has(name) || wild.some((fits) => fits(name));
}

/** A star stands for characters of its own part: what fits `app.*` is in the schema app. */
function byParts(pattern: string): Listed {
  const wanted = (partsOf(pattern) ?? []).map(wildcard);
  return (name) => {
    const parts = partsOf(name) ?? [];
    return parts.length === wanted.length && parts.every((part, index) => wanted[index]?.(part) === true);
  };
}
