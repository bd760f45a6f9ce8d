import type pg from "pg";
import type { PsqlScript } from "./psql-script.ts";
import { type Outcome, send } from "./sent.ts";

/** A \if that is open. */
interface Condition {
  /** What stands here is run. */
  readonly active: boolean;
  /** One of its branches has been, or none shall be. */
  readonly taken: boolean;
}

export interface Surroundings {
  /** Opens a session, as somebody else where the script says so. */
  readonly connect: (user?: string) => Promise<pg.Client>;
  /** Is told of each statement before it is sent. */
  readonly look: (client: pg.Client, sql: string) => Promise<void>;
}

const TRUE = /^(?:t|true|on|y|yes|1)$/i;

/**
 * Runs a script of psql's: its statements, and of its backslash commands those that decide what is run and what variables
 * hold. The others print, and are passed over.
 */
export async function runScript(script: PsqlScript, surroundings: Surroundings): Promise<void> {
  const run = await ScriptRun.begin(script, surroundings);
  try {
    for (let step = script.next(); step !== undefined && !run.over; step = script.next()) {
      await ("command" in step ? run.command(step.command) : run.statement(step.sql, step.ending ?? ""));
    }
  } finally {
    await run.end();
  }
}

class ScriptRun {
  over = false;
  readonly #script: PsqlScript;
  readonly #surroundings: Surroundings;
  #client: pg.Client;
  readonly #conditions: Condition[] = [];

  private constructor(script: PsqlScript, surroundings: Surroundings, client: pg.Client) {
    this.#script = script;
    this.#surroundings = surroundings;
    this.#client = client;
  }

  static async begin(script: PsqlScript, surroundings: Surroundings): Promise<ScriptRun> {
    return new ScriptRun(script, surroundings, await surroundings.connect());
  }

  async end(): Promise<void> {
    await this.#client.end();
  }

  async statement(sql: string, ending: string): Promise<void> {
    if (!this.#active || ending.startsWith("gdesc")) return;
    const { fields, rows } = await this.#send(sql);
    const [row] = rows;
    if (ending.startsWith("gset") && row !== undefined && rows.length === 1) {
      const [prefix = ""] = this.#script.arguments(ending.slice("gset".length));
      for (const [index, field] of fields.entries()) {
        const value = row[index];
        if (value == null) this.#script.variables.delete(prefix + field);
        else this.#script.variables.set(prefix + field, value);
      }
    }
    if (!ending.startsWith("gexec")) return;
    for (const value of rows.flat()) if (value !== null) await this.#send(value);
  }

  async command(text: string): Promise<void> {
    const [name = "", ...given] = this.#script.arguments(text);
    const [first = ""] = given;
    const last = this.#conditions.length - 1;
    const open = this.#conditions[last];
    if (name === "if") {
      const holds = TRUE.test(given.join(" "));
      this.#conditions.push({ active: this.#active && holds, taken: !this.#active || holds });
    } else if (open && (name === "elif" || name === "else")) {
      const holds = !open.taken && (name === "else" || TRUE.test(given.join(" ")));
      this.#conditions[last] = { active: holds, taken: open.taken || holds };
    } else if (name === "endif") this.#conditions.pop();
    else if (this.#active) await this.#act(name, first, given.slice(1));
  }

  async #act(name: string, first: string, rest: readonly string[]): Promise<void> {
    switch (name) {
      case "set":
        this.#script.variables.set(first, rest.join(""));
        break;
      case "unset":
        this.#script.variables.delete(first);
        break;
      case "getenv": {
        const value = process.env[rest[0] ?? ""];
        if (value !== undefined) this.#script.variables.set(first, value);
        break;
      }
      case "c":
      case "connect":
        await this.#client.end();
        await this.#connect(rest[0] === "-" ? undefined : rest[0]);
        break;
      case "q":
      case "quit":
        this.over = true;
    }
  }

  get #active(): boolean {
    return this.#conditions.every(({ active }) => active);
  }

  async #send(sql: string): Promise<Outcome> {
    await this.#surroundings.look(this.#client, sql);
    const outcome = await send(this.#client, sql, () => this.#script.copyData());
    if (outcome.conforming !== undefined) this.#script.backslashes = outcome.conforming === "off";
    // The session ended with it. What stands behind is looked at all the same.
    if (outcome.error && !("severity" in outcome.error && outcome.error.severity === "ERROR"))
      await this.#connect();
    return outcome;
  }

  async #connect(user?: string): Promise<void> {
    this.#client = await this.#surroundings.connect(user);
    this.#script.backslashes = false;
  }
}
