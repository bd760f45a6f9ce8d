import { GatehouseError, messageOf } from "@gatehouse/core";
import type { z } from "zod";

/** Runs statements of one file. A failure is the store's, whatever SQLite calls it: GatehouseError STORE_FAILED. */
export function attempts(file: string) {
  function attempt<T>(what: string, run: () => T): T {
    try {
      return run();
    } catch (cause) {
      if (cause instanceof GatehouseError) throw cause;
      throw new GatehouseError("STORE_FAILED", `The store ${file} ${what}: ${messageOf(cause)}.`, {
        hint: "Check the disk, and that the gateway's user may write to the file.",
        cause,
      });
    }
  }
  return {
    write: <T>(run: () => T): T => attempt("could not be written", run),
    read: <T>(run: () => T): T => attempt("could not be read", run),
  };
}

/** @throws GatehouseError STORE_FAILED: nothing rests on a record that is not one */
export function recordOf<T extends { readonly id: string }>(
  { id, record }: Record<string, unknown>,
  schema: z.ZodType<T>,
  file: string,
): T {
  const read = schema.safeParse(parsed(record));
  if (read.success && read.data.id === id) return read.data;
  // What is wrong is said by place alone: the record has what people have sent.
  const where = read.success ? "id" : (read.error.issues[0]?.path.join(".") ?? "");
  throw new GatehouseError(
    "STORE_FAILED",
    `The store ${file} has no readable record of ${String(id)}: ${where}.`,
    {
      hint: "Another version of the gateway has written it, or the file is damaged: put a copy of it back, or remove it.",
    },
  );
}

function parsed(record: unknown): unknown {
  try {
    return JSON.parse(String(record));
  } catch {
    return undefined;
  }
}
