import type { AdapterRefusal, Deciding, Held, OpenSession } from "@gatehouse/core";
import type { SessionCatalog } from "./catalog/session-catalog.ts";
import { describing } from "./codec/execute.ts";
import type { SqlCommand } from "./commands.ts";
import type { Expectation, Expectations } from "./expectations.ts";
import { MaskedAnswer } from "./masking/answer.ts";
import { hasOrigins, masksRows } from "./masking/plan.ts";
import type { ValueMasks } from "@gatehouse/core";
import type { SessionReading } from "./reading.ts";
import type { Statement } from "./sql-context.ts";
import type { Failure, Upstream } from "./upstream.ts";

/** A message of the client's, and the answer that it will have. */
export interface Part {
  readonly expectation: Expectation;
  readonly bytes: Buffer;
}

/** A command that waits for nobody any more, and how it is made to fail where it is not let through. */
export interface Decided {
  readonly command: SqlCommand;
  readonly decided: Exclude<Deciding, { effect: "hold" }>;
  readonly failure: Failure;
  /** Of the extended protocol, that it runs. */
  readonly statement?: Statement | undefined;
  /** What it waited for. */
  readonly held?: Held | undefined;
}

export interface DispatchOptions {
  readonly session: OpenSession;
  readonly upstream: Upstream;
  readonly expectations: Expectations;
  readonly reading: SessionReading;
  readonly catalog: SessionCatalog;
  readonly values: ValueMasks;
  /** Bytes. */
  readonly limits: { readonly message: number };
}

/** Sends on what is let through, and in place of what is not, something that the server is sure to reject. */
export class Dispatch {
  readonly #options: DispatchOptions;

  constructor(options: DispatchOptions) {
    this.#options = options;
  }

  /** What carries no command. */
  control({ expectation, bytes }: Part): void {
    this.#options.expectations.push(expectation);
    this.#options.upstream.control(bytes);
  }

  /**
   * Sends the messages that carry a command which was decided.
   * @returns whether it is let through. One that is may still fail at its place, when the audit log does not take it.
   */
  command({ command, decided, failure, statement }: Decided, parts: readonly Part[]): boolean {
    const { upstream, expectations } = this.#options;
    const { effect, access = command.access, verdict } = decided;
    const allowed = effect === "allow";
    const messages: Buffer[] = [];
    let first = allowed ? parts[0]?.expectation : undefined;
    if (first === undefined) {
      first = failingAs(failure);
      expectations.push(first);
    } else {
      this.#options.catalog.sent(command.shape, access, command.text);
      const masked = this.#masked(command, parts, statement);
      first = masked[0]?.expectation ?? first;
      for (const { expectation, bytes } of masked) {
        expectations.push(expectation);
        messages.push(bytes);
      }
    }
    const answered = first;
    upstream.send(verdict, {
      command,
      messages,
      failure,
      refused: (refusal) => {
        answered.refusal = refusal;
      },
    });
    return allowed;
  }

  /**
   * The same messages with answers that are masked, where the decision says so. What an Execute gives is described to
   * those who ask alone; where the client has not, and it matters, the gateway does, right before. Where no row is
   * touched, it matters once for each plan, which is another one as soon as the catalog is.
   */
  #masked({ plan }: SqlCommand, parts: readonly Part[], statement: Statement | undefined): readonly Part[] {
    if (plan === undefined) return parts;
    const { reading, values, limits, catalog } = this.#options;
    const compared = (fits: boolean) => {
      if (!fits) catalog.contradicted();
      else if (statement) statement.compared = plan;
    };
    const masking = new MaskedAnswer(plan, { values, limit: limits.message, reading, compared });
    for (const { expectation } of parts) expectation.masking = masking;
    const has = (which: (expectation: Expectation) => boolean | undefined) =>
      parts.some(({ expectation }) => which(expectation));
    if (has(({ rows }) => rows)) return parts;
    const known =
      !hasOrigins(plan) || statement?.compared === plan || has(({ message }) => message === "describe");
    if (known && !masksRows(plan)) return parts;
    return parts.flatMap((part) => {
      if (part.expectation.message !== "execute") return [part];
      const expectation: Expectation = { message: "describe", rows: true, unasked: true, masking };
      return [{ expectation, bytes: describing(part.bytes) }, part];
    });
  }

  /** Refuses what stands at this place on the adapter's own grounds. */
  refuse(refused: AdapterRefusal, failure: Failure): void {
    const { session, upstream, expectations } = this.#options;
    const expectation = failingAs(failure);
    expectations.push(expectation);
    upstream.fail(session.refuse(refused), failure, (refusal) => {
      expectation.refusal = refusal;
    });
  }
}

function failingAs(failure: Failure): Expectation {
  return { message: failure === "extended" ? "bind" : failure };
}
