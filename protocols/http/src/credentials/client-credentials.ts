import { createHash } from "node:crypto";
import { type Clock, GatehouseError, type Lease, Secret } from "@gatehouse/core";
import { z } from "zod";
import type { AskIssuer } from "./issuer.ts";
import type { OauthSetting } from "./setting.ts";

/** For one question and its answer, in milliseconds: a client's request waits for it. */
const DEADLINE = 8_000;
/** How long a token lasts whose issuer does not say it. */
const UNSAID = 5 * 60_000;
/** However long an issuer says: what it has taken back is found out that way. */
const LONGEST = 24 * 3_600_000;
/** How long before its end a token is renewed: this, or a tenth of its time where that is less. */
const AHEAD = 60_000;
/** How long an issuer is not asked again after it has failed: each request of each client would ask it. */
const PAUSE = 2_000;
/** Tokens that are kept; leases of their own for each session would bring more and more. */
const MOST = 1_000;

const granted = z.object({
  access_token: z.string().regex(/^[\x21-\x7e]{1,16384}$/),
  token_type: z.string().regex(/^bearer$/i),
  // Some write it as text.
  expires_in: z.coerce.number().positive().exactOptional(),
});
/** The codes of RFC 6749, section 5.2: of an answer these are repeated, and nothing else. */
const CODES = [
  "invalid_request",
  "invalid_client",
  "invalid_grant",
  "unauthorized_client",
  "unsupported_grant_type",
  "invalid_scope",
] as const;
const refused = z.object({ error: z.enum(CODES) });

/** For whom a token is: those of one target and level have one together. */
export interface TokenRequest {
  readonly target: string;
  readonly level: string;
  readonly setting: OauthSetting;
  readonly lease: Lease;
}

interface Known {
  token?: Secret;
  /** By the clock: from then on it is renewed; until then it is good; until then the issuer is not asked. */
  renewAt: number;
  endsAt: number;
  pausedUntil: number;
  failure?: GatehouseError;
  fetching?: Promise<Secret>;
}

/** Tokens by the client credentials grant (RFC 6749, section 4.4): fetched when one is needed, kept, renewed before their end. */
export class ClientCredentials {
  readonly #clock: Clock;
  readonly #ask: AskIssuer;
  readonly #deadline: number;
  /** By what they were asked with: with another secret, another token. The least lately used first. */
  readonly #known = new Map<string, Known>();
  readonly #closing = new AbortController();

  /** @param options `deadline` in milliseconds; 8 seconds when left out */
  constructor(options: { readonly clock: Clock; readonly ask: AskIssuer; readonly deadline?: number }) {
    this.#clock = options.clock;
    this.#ask = options.ask;
    this.#deadline = options.deadline ?? DEADLINE;
  }

  /**
   * A token that is good now; a copy, which its user wipes.
   * Rejects with GatehouseError TARGET_AUTHENTICATION where the issuer gives none.
   */
  async token(request: TokenRequest): Promise<Secret> {
    const known = this.#entry(keyOf(request));
    const now = this.#clock.now();
    if (known.token !== undefined && now < known.endsAt) {
      // Whoever comes in its last minute does not wait: if the renewal fails, the token is still good.
      if (now >= known.renewAt && now >= known.pausedUntil)
        this.#fetch(known, request).catch(() => undefined);
      return known.token.copy();
    }
    if (known.failure !== undefined && now < known.pausedUntil) throw known.failure;
    return (await this.#fetch(known, request)).copy();
  }

  /** The target did not take this token: the next request gets another. One that is not kept any more is left alone. */
  reject(request: TokenRequest, token: Secret): void {
    const known = this.#known.get(keyOf(request));
    if (known?.token === undefined || known.token.reveal() !== token.reveal()) return;
    known.token.wipe();
    delete known.token;
  }

  /** Ends what is under way, and forgets all tokens. */
  close(): void {
    this.#closing.abort();
    for (const { token } of this.#known.values()) token?.wipe();
    this.#known.clear();
  }

  #entry(key: string): Known {
    const known = this.#known.get(key) ?? { renewAt: 0, endsAt: 0, pausedUntil: 0 };
    this.#known.delete(key);
    this.#known.set(key, known);
    const [oldest] = this.#known;
    if (this.#known.size > MOST && oldest !== undefined) {
      this.#known.delete(oldest[0]);
      oldest[1].token?.wipe();
    }
    return known;
  }

  /** One at a time: all that need the token wait for the same answer. */
  #fetch(known: Known, request: TokenRequest): Promise<Secret> {
    known.fetching ??= this.#fetched(known, request).finally(() => {
      delete known.fetching;
    });
    return known.fetching;
  }

  async #fetched(known: Known, { setting, lease }: TokenRequest): Promise<Secret> {
    const asked = this.#clock.now();
    try {
      const { token, lasts } = await this.#exchange(setting, lease);
      known.token?.wipe();
      known.token = token;
      known.endsAt = asked + lasts;
      known.renewAt = known.endsAt - Math.min(AHEAD, lasts / 10);
      known.pausedUntil = 0;
      delete known.failure;
      return token;
    } catch (error) {
      const failure = error instanceof GatehouseError ? error : failed(setting, "could not be asked");
      known.failure = failure;
      known.pausedUntil = this.#clock.now() + PAUSE;
      throw failure;
    }
  }

  async #exchange(setting: OauthSetting, lease: Lease): Promise<{ token: Secret; lasts: number }> {
    const time = AbortSignal.timeout(this.#deadline);
    const signal = AbortSignal.any([this.#closing.signal, time]);
    const { headers, body } = questionOf(setting, lease);
    let answer: { readonly status: number; readonly text: string };
    try {
      answer = await this.#ask({ url: setting.tokenUrl, headers, body, ca: setting.ca, signal });
    } catch (error) {
      // The error itself may hold what was sent.
      throw failed(setting, time.aborted ? "did not answer in time" : `did not answer${codeOf(error)}`);
    }
    const json = parsed(answer.text);
    if (answer.status !== 200) {
      const code = refused.safeParse(json).data?.error;
      throw failed(setting, `answered with status ${answer.status}${code === undefined ? "" : ` (${code})`}`);
    }
    const { data } = granted.safeParse(json);
    if (data === undefined) throw failed(setting, "answered with no bearer's token");
    const lasts = data.expires_in === undefined ? UNSAID : Math.min(data.expires_in * 1000, LONGEST);
    return { token: new Secret(data.access_token), lasts };
  }
}

/** What is asked, and how it is proved who asks (sections 4.4.2 and 2.3.1). */
function questionOf({ scope, audience, clientAuth }: OauthSetting, { user, password }: Lease) {
  const secret = password?.reveal() ?? "";
  const form = new URLSearchParams({ grant_type: "client_credentials" });
  if (scope !== undefined) form.set("scope", scope);
  if (audience !== undefined) form.set("audience", audience);
  const headers = {
    accept: "application/json",
    "content-type": "application/x-www-form-urlencoded",
    "user-agent": "gatehouse",
  };
  if (clientAuth === "body") {
    form.set("client_id", user);
    form.set("client_secret", secret);
    return { headers, body: form.toString() };
  }
  const pair = Buffer.from(`${formEncoded(user)}:${formEncoded(secret)}`, "utf8").toString("base64");
  return { headers: { ...headers, authorization: `Basic ${pair}` }, body: form.toString() };
}

function formEncoded(text: string): string {
  return new URLSearchParams({ "": text }).toString().slice(1);
}

/** In memory alone, and no way back to the secret that is in it: it is a client's secret, and not a person's password. */
function keyOf({ target, level, setting, lease }: TokenRequest): string {
  const { tokenUrl, scope, audience, clientAuth, ca } = setting;
  const parts = [
    target,
    level,
    tokenUrl,
    scope,
    audience,
    clientAuth,
    ca,
    lease.user,
    lease.password?.reveal(),
  ];
  return createHash("sha256")
    .update(JSON.stringify(parts.map((part) => part ?? null)))
    .digest("base64");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may be the token.
    return undefined;
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^[A-Z][A-Z0-9_]{1,63}$/.test(code) ? ` (${code})` : "";
}

/** With the issuer's host, and nothing of what was sent or answered. */
function failed({ tokenUrl }: OauthSetting, what: string): GatehouseError {
  return new GatehouseError(
    "TARGET_AUTHENTICATION",
    `The issuer of the target's tokens, ${new URL(tokenUrl).host}, ${what}; nothing was sent to the target.`,
    { hint: "Look at `inject` of the target, its level's credential, and the issuer's own log." },
  );
}
