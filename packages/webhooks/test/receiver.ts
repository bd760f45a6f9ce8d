import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import {
  createServer as createHttp,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "@gatehouse/certs";
import type { Test } from "tap";

export interface Received {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  readonly response: ServerResponse;
}

/** Somebody else's system: keeps what it is sent, and answers as the test says. */
export interface Receiver {
  readonly url: string;
  /** The path of its authority's certificate; of an http one an empty text. */
  readonly ca: string;
  readonly received: readonly Received[];
  /** Resolves when it has been sent so many requests in all. */
  until(count: number): Promise<void>;
}

export type Answering = (request: Received, index: number) => void;

/** Answers with the first status, then the second, and with the last one from then on. */
export function statuses(
  ...list: readonly (number | readonly [number, Record<string, string>])[]
): Answering {
  return ({ response }, index) => {
    const answer = list[Math.min(index, list.length - 1)] ?? 200;
    if (typeof answer === "number") response.writeHead(answer).end();
    else response.writeHead(...answer).end();
  };
}

export const hangs: Answering = () => undefined;

/** @param secure over TLS, with a certificate for 127.0.0.1 of an authority of its own */
export async function startReceiver(
  t: Test,
  answer: Answering,
  { secure = false }: { secure?: boolean } = {},
): Promise<Receiver> {
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const one = {
        path: request.url ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
        response,
      };
      received.push(one);
      answer(one, received.length - 1);
      for (const look of waiting) look();
    });
  };
  const { server, ca } = secure ? await overTls(t, listener) : { server: createHttp(listener), ca: "" };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `${secure ? "https" : "http"}://127.0.0.1:${port}/hook/T0-hunter2`,
    ca,
    received,
    until: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (received.length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}

async function overTls(t: Test, listener: RequestListener) {
  const now = Date.now();
  const authority = await createAuthority({ name: "webhook test CA", now });
  const pair = await authority.issue({ use: "server", commonName: "hooks", names: ["127.0.0.1"], now });
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-webhooks-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const ca = join(folder, "ca.crt");
  writeFileSync(ca, authority.certificatePem);
  return { ca, server: createHttps({ cert: pair.certificatePem, key: pair.key.reveal() }, listener) };
}
