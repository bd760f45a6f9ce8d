import { z } from "zod";

/** One line without control characters: it is shown at prompts and written to logs. */
export function line(what: string, length: number) {
  const expected = `expected ${what}: one line of 1 to ${length} characters`;
  return z
    .string()
    .trim()
    .regex(new RegExp(`^\\P{C}{1,${length}}$`, "u"), expected);
}

export function listOf<T extends z.ZodType>(item: T, what: string) {
  return z.array(item).min(1, `expected at least one ${what}`);
}

export const text = z.string().min(1, "expected at least one character");
