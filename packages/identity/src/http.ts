import { readFile } from "node:fs/promises";
import { messageOf } from "@gatehouse/core";
import { Agent, fetch as undiciFetch, type Response } from "undici";

/** Both documents of a provider are a few kilobytes; what is larger is not one of them. */
export const MAX_DOCUMENT_BYTES = 1024 * 1024;

/** How documents are fetched: undici's `fetch`, or one in its place. */
export type Fetch = typeof undiciFetch;

export interface DocumentOptions {
  /** The path of a CA bundle that replaces the public authorities. */
  readonly ca: string | undefined;
  readonly signal: AbortSignal;
  readonly fetch?: Fetch | undefined;
}

/** Fetches one JSON document. Rejects with an Error that says in a few words why there is none. */
export type ReadDocument = (url: string) => Promise<unknown>;

/**
 * Lends `use` a way to fetch JSON documents over connections that are closed with it. The CA bundle is read
 * anew each time, so that one that was replaced is in force without a restart. No redirect is followed:
 * both documents stand where their address says (OpenID Connect Discovery 1.0 section 4.2, RFC 8414
 * section 3.2), and a redirect could lead to a host that nobody configured.
 */
export async function withDocuments<T>(
  options: DocumentOptions,
  use: (read: ReadDocument) => Promise<T>,
): Promise<T> {
  const ca = options.ca === undefined ? undefined : await readBundle(options.ca);
  const connect = { minVersion: "TLSv1.2" as const, ...(ca === undefined ? {} : { ca }) };
  const dispatcher = new Agent({ connect });
  const fetch = options.fetch ?? undiciFetch;
  try {
    return await use(async (url) => {
      const response = await answerOf(
        fetch(url, {
          dispatcher,
          signal: options.signal,
          redirect: "manual",
          headers: { accept: "application/json" },
        }),
        url,
      );
      if (response.status !== 200) throw new Error(`${url} answered with status ${response.status}`);
      return parse(await boundedText(response, url), url);
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
