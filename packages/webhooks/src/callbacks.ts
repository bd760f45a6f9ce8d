import { randomBytes } from "node:crypto";
import {
  type CallbackSettings,
  type Clock,
  GatehouseError,
  type Logger,
  messageOf,
  Secret,
} from "@gatehouse/core";
import { resolveSigningKey, type Secrets } from "@gatehouse/credentials";
import { type CallbackAnswer, readAnswer, signedBy } from "./callback-forms.ts";
import { ReplayGuard } from "./replay-guard.ts";
import { matches, signatureOf } from "./signature.ts";

const MAX_BODY_BYTES = 64 * 1024;

/** By how much a callback's time may differ from the gateway's, either way. */
const WINDOW = 5 * 60_000;

export type CallbackHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface CallbacksOptions {
  /** As the config says now. */
  readonly callbacks: () => readonly CallbackSettings[];
  readonly secrets: Pick<Secrets, "resolve">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Takes the answers that other people's systems bring, each once, and only what their key may say. */
export class Callbacks {
  readonly #options: CallbacksOptions;
  readonly #guard: ReplayGuard;
  /** Who guesses at the names of callbacks is answered as one who guesses at their keys, and as slowly. */
  readonly #nobodysKey = new Secret(randomBytes(32).toString("hex"));

  constructor(options: CallbacksOptions) {
    this.#options = options;
    this.#guard = new ReplayGuard(options.clock);
  }

  /**
   * Checks one callback. Whether its person may answer the approval is not looked at here.
   * @param headers by their names in small letters
   * @param body as it came, byte by byte: what is signed is not what it means
   * @throws GatehouseError CALLBACK_REFUSED, CALLBACK_STALE or CALLBACK_REPLAYED
   */
  async verify(name: string, headers: CallbackHeaders, body: Buffer): Promise<CallbackAnswer> {
    const settings = this.#options.callbacks().find((callback) => callback.name === name);
    const { timestamp, signature } = await this.#verified(settings, headers, body);
    const signedAt = Number(timestamp) * 1000;
    const now = this.#options.clock.now();
    if (settings === undefined) throw forged();
    if (Math.abs(now - signedAt) > WINDOW) throw stale();
    switch (this.#guard.take(signature, signedAt + WINDOW)) {
      case "seen":
        throw replayed();
      case "full":
        this.#options.log.error(
          { callback: name },
          "more callbacks came than can be remembered; one was refused",
        );
        throw refused("more callbacks came than can be told apart from replays");
      case "new":
        break;
    }
    const answer = readAnswer(settings, body);
    if (typeof answer === "string") throw refused(answer);
    return answer;
  }

  /** The timestamp as it was signed, and the signature itself: not what a header made of it. */
  async #verified(settings: CallbackSettings | undefined, headers: CallbackHeaders, body: Buffer) {
    if (body.length > MAX_BODY_BYTES) throw refused("its body is larger than 64 KiB");
    const { version, timestamp: timeHeader, signature: header } = signedBy[settings?.form ?? "generic"];
    const key = await this.#keyOf(settings);
    const timestamp = headers[timeHeader];
    const given = headers[header];
    // A header that came twice is none: who reads the first and who reads the last would not agree.
    const timed = typeof timestamp === "string" && /^[0-9]{1,12}$/.test(timestamp) ? timestamp : "";
    const signature = signatureOf(key, version, timed, body);
    key.wipe();
    const holds = matches(typeof given === "string" ? given : "", version, signature);
    if (!holds || timed === "") throw forged();
    return { timestamp: timed, signature };
  }

  /** To be wiped by its caller. Where a callback's own key can't be read, nothing that it is sent holds; its operator is told why. */
  async #keyOf(settings: CallbackSettings | undefined): Promise<Secret> {
    // For an unknown name another's key is looked up, since that may take a while; it is not used.
    const looked = settings ?? this.#options.callbacks()[0];
    if (looked === undefined) return this.#nobodysKey.copy();
    try {
      const key = await resolveSigningKey(this.#options.secrets, looked.secret);
      if (settings) return key;
      key.wipe();
      return this.#nobodysKey.copy();
    } catch (error) {
      if (settings) {
        const fields = { callback: settings.name, error: messageOf(error) };
        this.#options.log.error(fields, "a callback was refused, since its key is missing");
      }
      return this.#nobodysKey.copy();
    }
  }
}

const HINT = "How callbacks are signed, and for whom they may speak, is in docs/webhooks.md.";

function refused(why: string): GatehouseError {
  return new GatehouseError("CALLBACK_REFUSED", `The callback was refused: ${why}. Nothing was answered.`, {
    hint: HINT,
  });
}

function forged(): GatehouseError {
  return refused("its signature does not hold");
}

function stale(): GatehouseError {
  return new GatehouseError(
    "CALLBACK_STALE",
    "The callback was signed more than five minutes ago, or as far in the future. Nothing was answered.",
    { hint: "Set both clocks, and sign each attempt anew." },
  );
}

function replayed(): GatehouseError {
  return new GatehouseError(
    "CALLBACK_REPLAYED",
    "The callback was taken before. Nothing was answered again.",
    {
      hint: "Sign each attempt anew, with its own time.",
    },
  );
}
