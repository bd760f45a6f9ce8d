import { GatehouseError, messageOf } from "@gatehouse/core";
import type { z } from "zod";

/** Runs the statements of one file. A failure is the store's, whatever SQLite calls it. */
export class Statements {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** @throws GatehouseError STORE_FAILED */
  read<T>(run: () => T): T {
    return this.#attempt("could not be read", run);
  }

  /** @throws GatehouseError STORE_FAILED */
  write<T>(run: () => T): T {
    return this.#attempt("could not be written", run);
  }

  #attempt<T>(what: string, run: () => T): T {
    try {
      return run();
    } catch (cause) {
      if (cause instanceof GatehouseError) throw cause;
      throw new GatehouseError("STORE_FAILED", `The store ${this.#file} ${what}: ${messageOf(cause)}.`, {
        hint: "Check the disk, and that the gateway's user may write to the file.",
        cause,
      });
    }
  }

  /**
   * One record, as its JSON says.
   * @throws GatehouseError STORE_FAILED: nothing rests on a record that is not one
   */
  record<T extends { readonly id: string }>(
    schema: z.ZodType<T>,
    { id, record }: Record<string, unknown>,
  ): T {
    const read = schema.safeParse(parsed(record));
    if (read.success && read.data.id === id) return read.data;
    // What is wrong is said by place alone: a record can have what people have sent.
    const where = read.success ? "id" : (read.error.issues[0]?.path.join(".") ?? "");
    throw new GatehouseError(
      "STORE_FAILED",
      `The store ${this.#file} has no readable record of ${String(id)}: ${where}.`,
      {
        hint: "Another version of the gateway has written it, or the file is damaged: put a copy of it back, or remove it.",
      },
    );
  }
}

function parsed(record: unknown): unknown {
  try {
    return JSON.parse(String(record));
  } catch {
    return undefined;
  }
}
