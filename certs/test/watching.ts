import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { connect, TLSSocket } from "node:tls";
import type { Test } from "tap";
import { createAuthority, type ReloadingCertificate, watchCertificate, writePair } from "../src/index.ts";

export const DAY = 24 * 60 * 60 * 1000;
export const NOW = Date.now();
export const NEVER = 2_000_000_000;

export const authority = await createAuthority({ name: "Test CA", now: NOW });

export const issue = (commonName: string, now = NOW) =>
  authority.issue({ use: "server", commonName, names: ["localhost"], now });

export function recordingLog() {
  const lines: { level: string; fields: object; message: string }[] = [];
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields, message });
  };
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** A pair in a folder of its own, watched: looked at only when a test says so. */
export async function watched(t: Test, options: { ca?: string } = {}) {
  const dir = t.testdir();
  const files = await writePair(dir, "gw", await issue("first"));
  const log = recordingLog();
  const certificate = await watchCertificate({ ...files, ...options, log, interval: NEVER });
  t.teardown(() => certificate.close());
  return { dir, files, log, certificate };
}

/** A server that asks for the current certificate at each connection, and says back what it is told. */
export async function echoServer(t: Test, certificate: ReloadingCertificate): Promise<number> {
  const server = createServer((socket) => {
    const secure = new TLSSocket(socket, { isServer: true, secureContext: certificate.current() });
    secure.on("error", () => secure.destroy());
    secure.pipe(secure);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

export async function client(t: Test, port: number): Promise<TLSSocket> {
  const socket = connect({ host: "127.0.0.1", port, ca: authority.certificatePem, servername: "localhost" });
  t.teardown(() => socket.destroy());
  await once(socket, "secureConnect");
  return socket;
}

export const nameOn = (socket: TLSSocket): unknown => socket.getPeerCertificate().subject.CN;
