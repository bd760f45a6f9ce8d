import type { Program } from "../program.ts";

export type Table = Readonly<Record<string, Program>>;

/** One thing said of many names. */
export function named(names: string, program: Program): Table {
  return Object.fromEntries(names.split(" ").map((name) => [name, program]));
}
