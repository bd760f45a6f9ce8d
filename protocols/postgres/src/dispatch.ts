import type { AdapterRefusal, Command, OpenSession } from "@gatehouse/core";
import type { Expectation, Expectations } from "./expectations.ts";
import type { Failure, Upstream } from "./upstream.ts";

/** A message of the client's, and the answer that it will have. */
export interface Part {
  readonly expectation: Expectation;
  readonly bytes: Buffer;
}

export interface DispatchOptions {
  readonly session: OpenSession;
  readonly upstream: Upstream;
  readonly expectations: Expectations;
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
   * Decides a command, and sends the messages that carry it.
   * @returns whether it is let through. One that is may still fail at its place, when the audit log does not take it.
   */
  command(command: Command, parts: readonly Part[], failure: Failure): boolean {
    const { session, upstream, expectations } = this.#options;
    const { effect, verdict } = session.decide(command);
    const allowed = effect === "allow";
    const messages: Buffer[] = [];
    let first = allowed ? parts[0]?.expectation : undefined;
    if (first === undefined) {
      first = failingAs(failure);
      expectations.push(first);
    } else {
      for (const { expectation, bytes } of parts) {
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
