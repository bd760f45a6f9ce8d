import { formatAddress, type OpenSession, type Secret } from "@gatehouse/core";
import type { RequestHead } from "./codec/request-head.ts";
import type { ClientCredentials, TokenRequest } from "./credentials/client-credentials.ts";
import { type Injection, injectionOf } from "./credentials/injection.ts";
import { injectedParameter } from "./credentials/setting.ts";
import type { Answering } from "./incoming.ts";
import { type ClientRequest, outgoingHead, takesTrailers } from "./outgoing.ts";
import { writeTarget } from "./path.ts";
import type { Place } from "./place.ts";
import { Place as References } from "./references.ts";
import type { HttpSettings } from "./settings.ts";
import type { Outgoing } from "./upstream/target-link.ts";

export interface WayOptions {
  readonly place: Place;
  readonly head: RequestHead;
  readonly settings: HttpSettings;
  /** Whether the answer has to be looked into. */
  readonly mustOpen: boolean;
  /** Tokens of issuers, where the target wants one. */
  readonly tokens: ClientCredentials;
}

/** One request's way to its target and back: where it goes, with which credential, and what of the heads is rewritten. */
export class Way {
  readonly #session: OpenSession;
  readonly #options: WayOptions;
  readonly #host: string;
  readonly #injection: Injection;
  /** An issuer's. */
  readonly #token: Secret | undefined;

  private constructor(
    session: OpenSession,
    options: WayOptions,
    { injection, token }: { readonly injection: Injection; readonly token: Secret | undefined },
  ) {
    this.#session = session;
    this.#options = options;
    this.#host = options.settings.host ?? formatAddress(session.session.target.addresses[0]);
    this.#injection = injection;
    this.#token = token;
  }

  /**
   * Finds the way, with the credential that is put in.
   * @throws GatehouseError SECRET_UNAVAILABLE or TARGET_AUTHENTICATION where there is none
   */
  static async find(session: OpenSession, options: WayOptions): Promise<Way> {
    const asked = tokenRequest(session, options);
    const token = asked && (await options.tokens.token(asked));
    return new Way(session, options, {
      injection: injectionOf(options.settings.inject, session.lease, token),
      token,
    });
  }

  /** The target has not taken the credential: a token is not used again. */
  refused(): void {
    const asked = tokenRequest(this.#session, this.#options);
    if (asked && this.#token) this.#options.tokens.reject(asked, this.#token);
  }

  /** It is gone: what it had of a secret is wiped. */
  close(): void {
    this.#token?.wipe();
  }

  /** @param content what stands behind the head */
  outgoing(asked: ClientRequest, { framing, body }: Pick<Outgoing, "framing" | "body">): Outgoing {
    const { head, place, settings } = this.#options;
    const { client } = this.#session.session;
    const sent = outgoingHead(asked, {
      host: this.#host,
      framing,
      injection: this.#injection,
      ...(settings.forwarded
        ? { from: { address: client, authority: head.authority, prefix: place.prefix } }
        : {}),
      trailers: takesTrailers(head),
      mustOpen: this.#options.mustOpen,
    });
    return { ...sent, body };
  }

  get answering(): Answering {
    const { head, place, settings } = this.#options;
    const { addresses } = this.#session.session.target;
    return {
      method: head.method,
      cookies: settings.cookies,
      place: new References({
        hosts: () => [this.#host, ...addresses.map(formatAddress)],
        sent: writeTarget(place.asked),
        prefix: place.prefix,
        authority: head.authority,
        parameter: injectedParameter(settings.inject),
      }),
      redactor: this.#injection.redactor,
    };
  }
}

/** What an issuer is asked for, where the target wants a token. */
function tokenRequest(
  { session, lease }: OpenSession,
  { settings: { inject } }: WayOptions,
): TokenRequest | undefined {
  if (typeof inject !== "object" || !("oauth" in inject)) return undefined;
  return { target: session.target.name, level: session.level.name, setting: inject.oauth, lease };
}
