import { createAuthority } from "@gatehouse/certs";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import {
  type ClientHttp2Session,
  connect,
  createSecureServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type SecureServerOptions,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Test } from "tap";
import { type Front, type FrontOptions, startFront, TOKEN } from "../support/front.ts";

/** A real server of HTTP/2 of Node's, over TLS, behind the adapter. */
export interface Http2Target {
  readonly port: number;
  /** The file with the authority that has issued its certificate. */
  readonly ca: string;
  /** Its connections, in the order in which they were made. */
  readonly sessions: readonly ServerHttp2Session[];
  /** The heads that have come, in order. */
  readonly heads: readonly IncomingHttpHeaders[];
  stop(): Promise<void>;
}

export type AnswerStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

export async function startHttp2Target(
  folder: string,
  answer: AnswerStream,
  options: SecureServerOptions = {},
): Promise<Http2Target> {
  const now = Date.now();
  const authority = await createAuthority({ name: "target", now });
  const names = ["localhost", "127.0.0.1"];
  const pair = await authority.issue({ use: "server", commonName: "target", names, now });
  const ca = join(folder, "target-ca.crt");
  await writeFile(ca, authority.certificatePem);
  const server = createSecureServer({ cert: pair.certificatePem, key: pair.key.reveal(), ...options });
  const sessions: ServerHttp2Session[] = [];
  const heads: IncomingHttpHeaders[] = [];
  server.on("session", (session) => {
    sessions.push(session);
    session.on("error", () => undefined);
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    heads.push(headers);
    answer(stream, headers);
  });
  if (options.allowHTTP1 === true) {
    server.on("request", (request, response) => {
      if (request.httpVersion === "1.1") response.end("in HTTP/1.1");
    });
  }
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    ...{ ca, sessions, heads },
    async stop() {
      server.close();
      for (const session of sessions) session.destroy();
      await once(server, "close");
    },
  };
}

/** The adapter in front of such a target. */
export async function behind(
  t: Test,
  answer: AnswerStream,
  options: Omit<FrontOptions, "target"> & { readonly server?: SecureServerOptions } = {},
): Promise<{ readonly front: Front; readonly target: Http2Target; readonly client: ClientHttp2Session }> {
  const target = await startHttp2Target(t.testdir(), answer, options.server);
  const front = await startFront({ target, tls: { mode: "verify-full", ca: target.ca }, ...options });
  const client = dialHttp2(front);
  t.teardown(async () => {
    client.destroy();
    await front.close();
    await target.stop();
  });
  return { front, target, client };
}

/** A client's connection of HTTP/2. */
export function dialHttp2({ port, ca }: Front): ClientHttp2Session {
  const client = connect(`https://localhost:${port}`, { ca });
  client.on("error", () => undefined);
  return client;
}

export interface Http2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** How the stream was closed. */
  readonly code: number;
  readonly trailers: IncomingHttpHeaders;
  /** Heads before the answer's own. */
  readonly interim: readonly IncomingHttpHeaders[];
}

/** Asks on a connection, with a token. */
export async function askHttp2(
  client: ClientHttp2Session,
  path: string,
  { headers = {}, body }: { readonly headers?: OutgoingHttpHeaders; readonly body?: string | Buffer } = {},
): Promise<Http2Answer> {
  const all = { ":path": path, authorization: `Bearer ${TOKEN}`, ...headers };
  const stream = client.request(all, { endStream: body === undefined });
  const parts: Buffer[] = [];
  const interim: IncomingHttpHeaders[] = [];
  let head: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  stream.on("error", () => undefined);
  stream.on("headers", (found) => interim.push(found));
  stream.on("response", (found) => {
    head = found;
  });
  stream.on("trailers", (found: IncomingHttpHeaders) => {
    trailers = found;
  });
  stream.on("data", (part: Buffer) => parts.push(part));
  if (body !== undefined) stream.end(body);
  await once(stream, "close");
  return {
    status: Number(head[":status"] ?? 0),
    ...{ headers: head, trailers, interim, code: stream.rstCode },
    body: Buffer.concat(parts).toString(),
  };
}
