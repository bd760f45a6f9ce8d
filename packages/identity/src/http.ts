import { readFile } from "node:fs/promises";
import { messageOf } from "@gatehouse/core";
import { Agent, fetch as undiciFetch, type Response } from "undici";

/** Both documents of a provider are a few kilobytes; what is larger is not one of them. */
export const MAX_DOCUMENT_BYTES = 1024 * 1024;

/** How documents are fetched: undici's `fetch`, or one in its place. */
export type Fetch = typeof undiciFetch;

export interface ConnectionOptions {
  /** The path of a CA bundle that replaces the public authorities. */
  readonly ca: string | undefined;
  /** Ends every question. */
  readonly signal: AbortSignal;
  readonly fetch?: Fetch | undefined;
}

/** A GET without a body, unless it says otherwise. */
export interface Question {
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Ends this one. */
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly status: number;
  /** Its media type, or nothing. */
  readonly type: string;
  readonly text: string;
}

/** Asks a provider. Rejects with an Error that says in a few words why there is no answer. */
export type Ask = (url: string, question: Question) => Promise<Answer>;

/** Fetches one JSON document. Rejects with an Error that says in a few words why there is none. */
export type ReadDocument = (url: string) => Promise<unknown>;

/** Lends `use` a way to fetch JSON documents, as `withConnections` does. */
export function withDocuments<T>(
  options: ConnectionOptions,
  use: (read: ReadDocument) => Promise<T>,
): Promise<T> {
  return withConnections(options, (ask) =>
    use(async (url) => {
      const { status, text } = await ask(url, { headers: { accept: "application/json" } });
      if (status !== 200) throw new Error(`${url} answered with status ${status}`);
      return parse(text, url);
    }),
  );
}

/**
 * Lends `use` a way to ask a provider over connections that are closed with it. The CA bundle is read
 * anew each time, so that one that was replaced is in force without a restart. No redirect is followed:
 * documents stand where their address says (OpenID Connect Discovery 1.0 section 4.2, RFC 8414
 * section 3.2), and a redirect could lead to a host that nobody configured.
 */
export async function withConnections<T>(
  options: ConnectionOptions,
  use: (ask: Ask) => Promise<T>,
): Promise<T> {
  const ca = options.ca === undefined ? undefined : await readBundle(options.ca);
  const connect = { minVersion: "TLSv1.2" as const, ...(ca === undefined ? {} : { ca }) };
  const dispatcher = new Agent({ connect });
  const fetch = options.fetch ?? undiciFetch;
  try {
    return await use(async (url, { method = "GET", headers, body, signal }) => {
      const signals = [options.signal, ...(signal ? [signal] : [])];
      const response = await answerOf(
        fetch(url, {
          ...{ dispatcher, method, headers, redirect: "manual", signal: AbortSignal.any(signals) },
          ...(body === undefined ? {} : { body }),
        }),
        url,
      );
      const text = await boundedText(response, url);
      return { status: response.status, type: response.headers.get("content-type") ?? "", text };
    });
  } finally {
    await dispatcher.destroy();
  }
}

async function readBundle(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new Error(`the CA bundle ${path} could not be read (${reasonOf(error)})`, { cause: error });
  }
}

async function answerOf<T>(answer: Promise<T>, url: string): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new Error(`${url} did not answer (${reasonOf(error)})`, { cause: error });
  }
}

/** Counts what was decompressed, so that a small body can't become a large one. */
async function boundedText(response: Response, url: string): Promise<string> {
  const { body } = response;
  if (body === null) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader: { read(): Promise<{ value?: unknown }> } = body.getReader();
  for (;;) {
    const { value } = await answerOf(reader.read(), url);
    if (!(value instanceof Uint8Array)) return Buffer.concat(chunks).toString("utf8");
    size += value.byteLength;
    if (size > MAX_DOCUMENT_BYTES)
      throw new Error(`${url} answered with more than ${MAX_DOCUMENT_BYTES} bytes`);
    chunks.push(value);
  }
}

function parse(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may be anything.
    throw new Error(`${url} did not answer with JSON`);
  }
}

/** undici says only "fetch failed"; what failed is in the cause, and with Happy Eyeballs that has only a code. */
function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (inner instanceof Error && "code" in inner && typeof inner.code === "string") return inner.code;
  return messageOf(inner);
}
