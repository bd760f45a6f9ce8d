import { readFile } from "node:fs/promises";
import { GatehouseError, messageOf, type SecretReference, type WebhookSettings } from "@gatehouse/core";
import { resolveSigningKey, type Secrets } from "@gatehouse/credentials";
import { httpsComplaint } from "@gatehouse/documents";
import { Agent, type Dispatcher, request } from "undici";
import { headerOf, signatureOf } from "./signature.ts";

/** More is not read of an answer: nobody looks at it. */
const MAX_ANSWER_BYTES = 16 * 1024;

/** What came of asking once. */
export type Attempt =
  | { readonly delivered: true; readonly last: string; readonly host: string }
  | {
      readonly delivered: false;
      /** Whether it may go better another time. */
      readonly retry: boolean;
      /** A status, or why there was none: never the URL, nor what the other side said. */
      readonly last: string;
      /** Milliseconds that the other side asks to be left alone. */
      readonly after?: number;
      readonly host?: string;
      /** For the gateway's own log: what is missing on this side. */
      readonly detail?: string;
    };

export interface Message {
  /** The same at every attempt. */
  readonly id: string;
  readonly body: string;
}

export interface AttemptOptions {
  readonly secrets: Pick<Secrets, "resolve">;
  readonly now: number;
  readonly signal: AbortSignal;
}

/**
 * Posts a message once. URL, key and authorities are looked up and the message is signed anew each time, so that what
 * was rotated is in force at once. It goes straight to the URL's host: no proxy of the environment and no redirect is
 * followed, since either could take it to a host that nobody configured. Never rejects.
 */
export async function attempt(
  hook: WebhookSettings,
  { id, body }: Message,
  { secrets, now, signal }: AttemptOptions,
): Promise<Attempt> {
  let prepared: Prepared;
  try {
    prepared = await prepare(hook, body, { secrets, now });
  } catch (error) {
    const last = error instanceof GatehouseError ? error.code : messageOf(error);
    return { delivered: false, retry: true, last, detail: messageOf(error) };
  }
  const { url, headers, dispatcher } = prepared;
  try {
    const answer = await request(url, {
      dispatcher,
      signal,
      method: "POST",
      headers: {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "gatehouse",
        "idempotency-key": id,
        ...headers,
      },
      body,
    });
    // The status has said all; a rest that does not come changes nothing.
    await answer.body.dump({ limit: MAX_ANSWER_BYTES, signal }).catch(() => undefined);
    return judged(answer, url.host, now);
  } catch (error) {
    return { delivered: false, retry: true, last: reasonOf(error, signal), host: url.host };
  } finally {
    await dispatcher.destroy();
  }
}

interface Prepared {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
}

/** @throws Error that says what is missing, without a secret */
async function prepare(
  hook: WebhookSettings,
  body: string,
  { secrets, now }: Pick<AttemptOptions, "secrets" | "now">,
): Promise<Prepared> {
  const address = await secrets.resolve(hook.url);
  const text = address.reveal();
  address.wipe();
  const complaint = httpsComplaint(text, { development: hook.plaintext });
  if (complaint !== undefined) throw new Error(`its URL can't be used: ${complaint}`);
  const headers = hook.secret ? await signed(secrets, hook.secret, body, now) : {};
  const ca = hook.ca === undefined ? {} : { ca: await authorities(hook.ca) };
  const dispatcher = new Agent({ connect: { minVersion: "TLSv1.2", ...ca } });
  return { url: new URL(text), headers, dispatcher };
}

async function signed(
  secrets: AttemptOptions["secrets"],
  secret: SecretReference,
  body: string,
  now: number,
): Promise<Readonly<Record<string, string>>> {
  const timestamp = String(Math.floor(now / 1000));
  const key = await resolveSigningKey(secrets, secret);
  const signature = headerOf("v1", signatureOf(key, "v1", timestamp, body));
  key.wipe();
  return { "x-gatehouse-timestamp": timestamp, "x-gatehouse-signature": signature };
}

async function authorities(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new Error(`its CA file can't be read (${codeOf(cause) ?? "unknown error"})`, { cause });
  }
}

function judged({ statusCode, headers }: Dispatcher.ResponseData, host: string, now: number): Attempt {
  const last = `status ${statusCode}`;
  if (statusCode >= 200 && statusCode < 300) return { delivered: true, last, host };
  const retry = statusCode === 429 || statusCode >= 500;
  const after = retry ? retryAfter(headers["retry-after"], now) : undefined;
  return { delivered: false, retry, last, host, ...(after === undefined ? {} : { after }) };
}

/** RFC 9110, section 10.2.3: seconds, or a date. */
function retryAfter(header: string | string[] | undefined, now: number): number | undefined {
  if (typeof header !== "string") return undefined;
  const milliseconds = /^[0-9]{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return milliseconds > 0 ? milliseconds : undefined;
}

/** The code alone: messages of TLS repeat the other side's certificate, others the URL. */
function reasonOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return "no answer in time";
  return codeOf(error) ?? "the request failed";
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
