import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";

/** An issuer's answer is a token and a few words. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** A form that an issuer of tokens is sent. */
export interface IssuerQuestion {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The absolute path of a CA bundle in place of the public authorities. */
  readonly ca: string | undefined;
  /** Ends it. */
  readonly signal: AbortSignal;
}

export interface IssuerAnswer {
  readonly status: number;
  readonly text: string;
}

/** Sends a form and reads the answer. Rejects with an Error, of which nothing but its code is told to anybody. */
export type AskIssuer = (question: IssuerQuestion) => Promise<IssuerAnswer>;

/**
 * By HTTPS, over a connection of its own, with the CA bundle of this moment. No redirect is followed: it could take the client's
 * secret to a host that nobody configured.
 */
export const askIssuer: AskIssuer = async ({ url, headers, body, ca, signal }) => {
  const tls = { minVersion: "TLSv1.2" as const, ...(ca === undefined ? {} : { ca: await readFile(ca) }) };
  return await new Promise((resolve, reject) => {
    const take = (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES) asked.destroy(new Error("the answer is too large"));
      });
      response.on("error", reject);
      response.on("end", () => {
        const bytes = Buffer.concat(chunks);
        resolve({ status: response.statusCode ?? 0, text: bytes.toString("utf8") });
        for (const chunk of [...chunks, bytes]) chunk.fill(0);
      });
    };
    const length = { "content-length": String(Buffer.byteLength(body)) };
    const asked = request(
      url,
      { method: "POST", agent: false, headers: { ...headers, ...length }, signal, ...tls },
      take,
    );
    asked.on("error", reject);
    asked.end(body);
  });
};
