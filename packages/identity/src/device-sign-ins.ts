import {
  type Address,
  type Clock,
  type DeviceClient,
  GatehouseError,
  hostOf,
  messageOf,
  networkOf,
  type OidcProvider,
  type Secret,
  type SecretReference,
  Shares,
  type SignIn,
} from "@gatehouse/core";
import * as openid from "openid-client";
import { type Ask, type Fetch, withConnections } from "./http.ts";

/** Those of one gateway that wait at once: each keeps a code at its provider, and asks it every few seconds. */
export const MOST_SIGN_INS = 100;
/** And of one client address: who begins them and never goes there must not keep everybody else from it. */
export const MOST_OF_ADDRESS = 20;
/** Milliseconds that one waits at the most, whatever its provider says. */
const LONGEST = 10 * 60_000;
/** Seconds for one answer of a provider's. */
const ANSWER = 10;
/** Seconds between two questions whether it is done (RFC 8628 section 3.5). */
const INTERVAL = 5;

export interface DeviceSignInsOptions {
  readonly providers: readonly OidcProvider[];
  readonly clock: Clock;
  /** Looks up a client's secret. */
  readonly secret: (reference: SecretReference) => Promise<Secret>;
  /** undici's `fetch` when left out. */
  readonly fetch?: Fetch | undefined;
}

/** People who sign in with a browser, while their client waits: the device authorization grant (RFC 8628). */
export class DeviceSignIns {
  readonly #options: DeviceSignInsOptions;
  readonly #closing = new AbortController();
  readonly #waiting = new Set<PromiseWithResolvers<SignIn>>();
  readonly #shares = new Shares(MOST_OF_ADDRESS);

  constructor(options: DeviceSignInsOptions) {
    this.#options = options;
  }

  /**
   * Begins one at the first provider that has a client for it.
   * @param address has its share of those that wait
   * @param gone ends it
   * @returns undefined where no provider has
   * @throws GatehouseError IDENTITY_UNAVAILABLE
   */
  async start(address: Address, gone: AbortSignal): Promise<SignIn | undefined> {
    const provider = this.#options.providers.find(({ device }) => device !== undefined);
    const client = provider?.device;
    if (!provider || !client) return undefined;
    if (this.#waiting.size >= MOST_SIGN_INS) throw unavailable(provider, "as many people sign in now as may");
    const giveBack = this.#shares.take(networkOf(hostOf(address)));
    if (!giveBack) throw unavailable(provider, "as many people sign in now from this address as may");
    const begun = Promise.withResolvers<SignIn>();
    this.#waiting.add(begun);
    const end = () => {
      this.#waiting.delete(begun);
      giveBack();
    };
    const signal = AbortSignal.any([gone, this.#closing.signal, AbortSignal.timeout(LONGEST)]);
    withConnections({ ca: provider.ca, signal, fetch: this.#options.fetch }, async (ask) => {
      const { signIn, ended } = await this.#begin(provider, client, ask, signal);
      begun.resolve(signIn);
      // The connections are for its questions, too.
      await ended;
      end();
    })
      .catch((error: unknown) => begun.reject(unavailable(provider, reasonOf(error))))
      .finally(end);
    return begun.promise;
  }

  /** Ends all of them. */
  close(): void {
    this.#closing.abort(new Error("the gateway is shutting down"));
  }

  async #begin(provider: OidcProvider, client: DeviceClient, ask: Ask, signal: AbortSignal) {
    const config = await this.#configuration(provider, client, ask);
    const asked = await openid.initiateDeviceAuthorization(config, { scope: client.scopes.join(" ") });
    const lasts = Math.min(asked.expires_in * 1000, LONGEST);
    const ending = AbortSignal.any([signal, AbortSignal.timeout(lasts)]);
    const polled = { ...asked, interval: Math.max(asked.interval ?? INTERVAL, 1) };
    const answered = openid.pollDeviceAuthorizationGrant(config, polled, undefined, { signal: ending });
    const token = unlessAborted(answered, ending).then(
      ({ access_token }) => access_token,
      (error: unknown) => {
        throw refusalOf(error, provider, signal);
      },
    );
    // Its client may have gone before it listens.
    const ended = token.then(nothing, nothing);
    const { user_code, verification_uri, verification_uri_complete: complete } = asked;
    const signIn: SignIn = {
      url: addressOf(verification_uri, provider),
      code: codeOf(user_code),
      ...(complete === undefined ? {} : { complete: addressOf(complete, provider) }),
      until: this.#options.clock.now() + lasts,
      token,
    };
    return { signIn, ended };
  }

  async #configuration(
    provider: OidcProvider,
    client: DeviceClient,
    ask: Ask,
  ): Promise<openid.Configuration> {
    const { clientId, clientSecret } = client;
    const authentication = clientSecret ? await this.#bySecret(clientSecret) : openid.None();
    return openid.discovery(new URL(provider.issuer), clientId, undefined, authentication, {
      timeout: ANSWER,
      // The config takes such an issuer in development alone.
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- it is marked so only to stand out
      execute: isPlain(provider) ? [openid.allowInsecureRequests] : [],
      [openid.customFetch]: async (url, { method, headers, body, signal }) => {
        const answer = await ask(url, { method, headers, body: formOf(body), signal });
        const { status, type, text } = answer;
        return new Response(text === "" ? null : text, { status, headers: { "content-type": type } });
      },
    });
  }

  /** By the header, which every provider has to take (RFC 6749 section 2.3.1), unless it says that it takes the form alone. */
  async #bySecret(reference: SecretReference): Promise<openid.ClientAuth> {
    const secret = await this.#options.secret(reference);
    const [basic, post] = [
      openid.ClientSecretBasic(secret.reveal()),
      openid.ClientSecretPost(secret.reveal()),
    ];
    secret.wipe();
    return (server, client, body, headers) => {
      const methods = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
      const chosen = methods.includes("client_secret_basic") ? basic : post;
      chosen(server, client, body, headers);
    };
  }
}

function nothing(): void {}

/** openid-client looks at the signal between two waits alone. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason instanceof Error ? signal.reason : new Error("it was ended"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function formOf(body: openid.FetchBody): string | undefined {
  if (body === undefined || body === null || typeof body === "string") return body ?? undefined;
  if (body instanceof URLSearchParams) return body.toString();
  throw new Error("a provider is asked by forms alone");
}

function isPlain({ issuer }: OidcProvider): boolean {
  return issuer.startsWith("http:");
}

/** It is shown on a terminal, and somebody goes there: nothing but an address, and protected as the provider is. */
function addressOf(text: string, provider: OidcProvider): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" || (url?.protocol === "http:" && isPlain(provider))) return url.href;
  throw new Error("its verification_uri is no https address");
}

/** It is shown on a terminal. */
function codeOf(text: string): string {
  if (/^[\x20-\x7e]{1,64}$/.test(text)) return text;
  throw new Error("its user_code can't be shown");
}

function refusalOf(error: unknown, provider: OidcProvider, ended: AbortSignal): GatehouseError {
  const code = error instanceof openid.ResponseBodyError ? error.error : undefined;
  if (code === "access_denied") return refusal("IDENTITY_INVALID", "The sign-in was denied at the provider");
  if (code === "expired_token" || (isTimeout(error) && !isGone(ended)))
    return refusal("IDENTITY_EXPIRED", "Nobody signed in in time");
  return unavailable(provider, reasonOf(error));
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

/** Aborted by its client or by the gateway, and not by the time. */
function isGone(signal: AbortSignal): boolean {
  return signal.aborted && !isTimeout(signal.reason);
}

/** openid-client says what went wrong, and hides why in the cause. */
function reasonOf(error: unknown): string {
  const { cause } = error instanceof Error ? error : {};
  return cause instanceof Error ? `${messageOf(error)}: ${cause.message}` : messageOf(error);
}

function refusal(code: "IDENTITY_INVALID" | "IDENTITY_EXPIRED", what: string): GatehouseError {
  return new GatehouseError(code, `${what}. The log-in was refused.`, { hint: "Log in again." });
}

function unavailable({ name }: OidcProvider, reason: string): GatehouseError {
  return new GatehouseError(
    "IDENTITY_UNAVAILABLE",
    `Nobody could sign in at the identity provider ${name}: ${reason}. The log-in was refused.`,
    { hint: "Log in with an access token as the password, or with a key." },
  );
}
