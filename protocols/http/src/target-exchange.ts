import type { OpenSession, Permit } from "@gatehouse/core";
import { GatehouseError } from "@gatehouse/core";
import type { HttpCommand } from "./commands.ts";
import type { Switched } from "./connection/switched.ts";
import { type Outgoing, type TargetAnswer, type TargetLink, Unprocessed } from "./upstream/target-link.ts";
import type { TargetLinks } from "./upstream/target-links.ts";

/** Methods that do the same however often they are done (RFC 9110, section 9.2.2). */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

export interface TargetExchangeOptions {
  readonly session: OpenSession;
  readonly links: TargetLinks;
  /** Milliseconds after which TCP asks a silent target whether it is still there. */
  readonly keepalive: number;
  /** Milliseconds in which the target has to begin to answer, from the moment on in which it has all of the request. */
  readonly timeout: number;
}

/** The one way by which a request reaches a target (promise 1). */
export class TargetExchange {
  readonly #options: TargetExchangeOptions;
  #link: TargetLink | undefined;
  #isAnswered = false;
  #isSent = false;
  /** Why it was given up, where it was: it is not begun again then. */
  #abandoned: string | undefined;

  constructor(options: TargetExchangeOptions) {
    this.#options = options;
  }

  /**
   * Sends a request, and hands on its answer.
   * @returns the connection where the target has changed the protocol: it is the caller's then, and has no end here
   * @throws GatehouseError of the TARGET_ family;
   * what the client's side throws
   */
  async run(
    permit: Permit,
    command: HttpCommand,
    outgoing: Outgoing,
    answer: TargetAnswer,
  ): Promise<Switched | undefined> {
    permit.redeem(command);
    this.#check();
    const { links, session } = this.#options;
    const { switches = false } = outgoing;
    const used = switches ? undefined : links.take(session);
    try {
      return await this.#on(used ?? (await this.#connect(switches)), outgoing, answer);
    } catch (error) {
      // A connection that was used before may have been closed by its target in the very moment in which it was used again (RFC 9112,
      // section 9.3.1): what is safe to do twice, and can be sent once more, is. So is what has not been done at all.
      const isUnprocessed = error instanceof Unprocessed;
      const isSafe = isUnprocessed || (used !== undefined && isLost(error) && canRepeat(outgoing));
      if (this.#isAnswered || !isSafe) throw error;
      this.#check();
      const next = isUnprocessed ? links.take(session) : undefined;
      return this.#on(next ?? (await this.#connect()), outgoing, answer);
    }
  }

  /** Whether something of it has gone out: the target may have done what it asks for. */
  get isSent(): boolean {
    return this.#isSent;
  }

  /** Ends it from outside: the client has gone, or the session was ended. */
  abort(): void {
    this.#abandon("The request was taken back.");
  }

  #abandon(why: string): void {
    this.#abandoned ??= why;
    this.#link?.destroy();
  }

  /** @throws GatehouseError TARGET_UNREACHABLE where it was given up */
  #check(): void {
    if (this.#abandoned !== undefined) throw new GatehouseError("TARGET_UNREACHABLE", this.#abandoned);
  }

  /** @param alone for this request, and for no other */
  async #connect(alone = false): Promise<TargetLink> {
    const { session, keepalive, links } = this.#options;
    const link = await (alone ? links.connectAlone(session, keepalive) : links.connect(session, keepalive));
    if (this.#abandoned !== undefined) link.destroy();
    this.#check();
    return link;
  }

  async #on(link: TargetLink, outgoing: Outgoing, answer: TargetAnswer): Promise<Switched | undefined> {
    this.#link = link;
    const { session, links, timeout } = this.#options;
    let silence: NodeJS.Timeout | undefined;
    try {
      const { trailers, isReusable, switched } = await link.exchange(outgoing, answer, {
        sent: () => {
          this.#isSent = true;
        },
        waiting: () => {
          silence = setTimeout(() => this.#abandon("The target did not answer in time."), timeout);
        },
        answered: () => {
          this.#isAnswered = true;
        },
        begun: () => clearTimeout(silence),
      });
      if (switched) return switched;
      if (isReusable) links.put(session, link);
      else link.destroy();
      await answer.end(trailers);
      return undefined;
    } catch (error) {
      link.destroy();
      this.#check();
      throw error;
    } finally {
      clearTimeout(silence);
      this.#link = undefined;
    }
  }
}

function canRepeat({ method, framing, body }: Outgoing): boolean {
  return (
    IDEMPOTENT.has(method) &&
    (framing.kind === "none" || (framing.kind === "length" && framing.length === 0 && body.isWhole))
  );
}

function isLost(error: unknown): boolean {
  return (
    error instanceof GatehouseError &&
    (error.code === "TARGET_UNREACHABLE" || error.code === "PROTOCOL_VIOLATION")
  );
}
