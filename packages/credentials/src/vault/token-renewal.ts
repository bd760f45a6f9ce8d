import { type Clock, type Logger, messageOf } from "@gatehouse/core";
import { isOver, noWait, type Wait, waitOf } from "../waits.ts";
import type { VaultClient } from "./client.ts";

/** In milliseconds: how soon what has failed is tried again, and how long nothing is looked at. */
const RETRY = 10_000;
const LONGEST = 60 * 60_000;

export interface TokenRenewalOptions {
  readonly engine: Pick<VaultClient, "place" | "lookUpToken" | "renewToken">;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Keeps the gateway's own token from ending, where it can be renewed: with it would end all that was issued by it. One
 * that can't be is somebody else's to replace, as an agent does in its file.
 */
export class TokenRenewal {
  readonly #options: TokenRenewalOptions;
  #wait: Wait = noWait;
  #place: string | undefined;
  #busy = false;
  #failing = false;
  #told = false;

  constructor(options: TokenRenewalOptions) {
    this.#options = options;
  }

  /** When there is something to do; undefined where that is not a question of time. */
  get next(): number | undefined {
    return this.#busy || this.#options.engine.place === undefined ? undefined : this.#wait.until;
  }

  /** Looks at the token, if that is due. @returns undefined where nothing is begun; never rejects */
  begin(): Promise<void> | undefined {
    const { engine, clock } = this.#options;
    if (this.#busy || engine.place === undefined) return undefined;
    if (engine.place === this.#place && !isOver(this.#wait, clock.now())) return undefined;
    this.#place = engine.place;
    return this.#work();
  }

  async #work(): Promise<void> {
    const { clock, log } = this.#options;
    this.#busy = true;
    let wait = RETRY;
    try {
      const lasts = await this.#look();
      wait = Math.min(LONGEST, Math.max(RETRY, lasts / 2));
      this.#failing = false;
    } catch (error) {
      // The first says all.
      if (!this.#failing) {
        log.warn(
          { error: messageOf(error) },
          "the secrets engine's token was not renewed; it is tried again",
        );
      }
      this.#failing = true;
    }
    this.#wait = waitOf(wait, clock.now());
    this.#busy = false;
  }

  /** @returns milliseconds that the token lasts from now on */
  async #look(): Promise<number> {
    const { engine, log } = this.#options;
    const { lasts, renewable } = await engine.lookUpToken();
    if (!Number.isFinite(lasts)) return lasts;
    if (renewable) return engine.renewToken();
    if (!this.#told) {
      this.#told = true;
      log.info(
        { lasts },
        "the secrets engine's token can't be renewed: somebody has to put another in its place",
      );
    }
    return lasts;
  }
}
