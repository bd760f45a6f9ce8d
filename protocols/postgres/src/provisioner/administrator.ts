import { type Clock, GatehouseError, type Lease, type Target } from "@gatehouse/core";
import { z } from "zod";
import { ControlConnection, ServerReport } from "../catalog/control-connection.ts";
import type { PostgresSettings, TargetSessionAttrs } from "../settings.ts";
import { statement } from "./statement.ts";

/** Milliseconds that one question may take; the server ends it before, and says why. */
const DEADLINE = 65_000;
/** The oldest version that users are made at. */
export const OLDEST = 120_000;

/**
 * What runs on these connections finds nothing but PostgreSQL's own by its names: what a user has made and called by the same name
 * stands in no schema that is looked in.
 */
const SETTINGS: ReadonlyMap<string, string> = new Map([
  ["search_path", "pg_catalog, pg_temp"],
  ["lock_timeout", "5s"],
  ["statement_timeout", "60s"],
  ["idle_in_transaction_session_timeout", "60s"],
  ["check_function_bodies", "off"],
  ["row_security", "off"],
]);

const greeting = z.object({
  version: z.int(),
  now: z.number(),
  user: z.string(),
  superuser: z.boolean(),
  marker: z.boolean(),
});

/** The server that an administrator has reached, and who it is there. */
export interface Greeting extends Omit<z.infer<typeof greeting>, "now"> {
  /** Milliseconds that the server's clock is ahead of this machine's monotonic one. */
  ahead: number;
}

export interface AdministratorOptions {
  readonly target: Target<PostgresSettings>;
  /** The administrator's credential; released with the connection. */
  readonly lease: (target: Target) => Promise<Lease>;
  readonly epoch: string;
  readonly clock: Clock;
  /** Milliseconds that nobody asks for anything before it closes; 0 keeps it. */
  readonly idle?: number;
}

interface Reached {
  readonly connection: ControlConnection;
  readonly server: Greeting;
}

/** One connection of a target's administrator, opened when it is needed. Who asks meanwhile waits for their turn. */
export class Administrator {
  readonly #options: AdministratorOptions;
  #reached: Reached | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #closed = new AbortController();

  constructor(options: AdministratorOptions) {
    this.#options = options;
  }

  /**
   * Sends one text, which is one transaction, and reads the JSON that its rows are.
   * @param write puts the text together, for the server that was reached
   * @throws GatehouseError as `ControlConnection.put`, those of the log-in, and MINT_UNPREPARED where the target takes no writes
   */
  ask(write: (server: Greeting) => string | Promise<string>): Promise<unknown[]> {
    const answer = this.#turn.then(async () => {
      const { connection, server } = await this.#reach();
      return rows(connection, await write(server));
    });
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  /** Sends texts that PostgreSQL lets stand in no transaction, one after the other, for nobody else to come in between. */
  askInTurn(texts: readonly string[]): Promise<void> {
    const answer = this.#turn.then(async () => {
      const { connection } = await this.#reach();
      try {
        for (const text of texts) await rows(connection, text);
      } catch (error) {
        // What the first ones have set is not left for the next to find.
        connection.close();
        throw error;
      }
    });
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  close(): void {
    this.#closed.abort();
    this.#reached?.connection.close();
  }

  async #reach(): Promise<Reached> {
    this.#refuseWhenClosed();
    if (this.#reached?.connection.open) return this.#reached;
    const connection = await this.#open("read-write").catch((error: unknown) => this.#whyNotWritable(error));
    try {
      const server = await greet(connection);
      if (server.version < OLDEST) {
        throw new GatehouseError(
          "MINT_UNPREPARED",
          `The target is PostgreSQL ${Math.floor(server.version / 10_000)}; users can be made at 12 and later ones.`,
          { hint: "Upgrade it, or give the level a credential of its own." },
        );
      }
      this.#refuseWhenClosed();
      this.#reached = { connection, server };
      return this.#reached;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  #refuseWhenClosed(): void {
    if (!this.#closed.signal.aborted) return;
    throw new GatehouseError("TARGET_UNREACHABLE", "The gateway has let go of the target.");
  }

  /** @param kind which of the target's addresses will do: only a server that takes writes can make users */
  async #open(kind: TargetSessionAttrs): Promise<ControlConnection> {
    const { target, lease, epoch, idle = 0 } = this.#options;
    return ControlConnection.open(
      { ...target, settings: { ...target.settings, targetSessionAttrs: kind } },
      await lease(target),
      { settings: SETTINGS, applicationName: `gatehouse ${epoch}`, idle, outlivesRefusal: true },
    );
  }

  /** A server that is there and takes no writes is another fault than one that is away. */
  async #whyNotWritable(error: unknown): Promise<never> {
    if (!(error instanceof GatehouseError) || error.code !== "TARGET_UNREACHABLE") throw error;
    const any = await this.#open("any").catch(() => {
      throw error;
    });
    try {
      const [recovering] = await rows(any, "SELECT to_json(pg_is_in_recovery())");
      throw new GatehouseError(
        "MINT_UNPREPARED",
        recovering === true
          ? "The target is in recovery: users can't be made at a standby."
          : "The target is read-only: users can't be made there.",
        {
          hint: "Name an address of the primary among the target's addresses.",
          cause: error,
        },
      );
    } finally {
      any.close();
    }
  }
}

async function greet(connection: ControlConnection): Promise<Greeting> {
  const asked = performance.now();
  // The oldest form does for all: which version it is has to be asked first.
  const [found] = await rows(connection, statement("greet", OLDEST));
  const { now, ...server } = understood(greeting, found);
  const ahead = now - (asked + performance.now()) / 2;
  if (server.marker || server.version < OLDEST) return { ...server, ahead };
  try {
    await rows(connection, statement("make-marker", server.version));
  } catch (error) {
    // Another gateway was quicker; or the administrator may not, which is said where a user is made or checked for.
    if (!(error instanceof GatehouseError && error.cause instanceof ServerReport)) throw error;
  }
  return { ...server, ahead };
}

async function rows(connection: ControlConnection, text: string): Promise<unknown[]> {
  const found: unknown[] = [];
  await connection.ask(text, AbortSignal.timeout(DEADLINE), (value) => {
    found.push(JSON.parse(value.toString("utf8")));
  });
  return found;
}

/** @throws GatehouseError PROTOCOL_VIOLATION where an answer does not have the form that was asked for */
export function understood<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new GatehouseError(
    "PROTOCOL_VIOLATION",
    "The target answered the gateway's own question in another form.",
  );
}

/** When it is so many milliseconds from now, by the server's clock. */
export function until(server: Greeting, ttl: number): string {
  return new Date(performance.now() + server.ahead + ttl).toISOString();
}
