import { createAuthority } from "@gatehouse/certs";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createServer, type TLSSocket } from "node:tls";
import { ACK, type Frame, frame, FrameReader, TYPE } from "./frames.ts";

/** A target of HTTP/2 that says exactly what a test has it say. */
export interface RawHttp2Target {
  readonly port: number;
  readonly ca: string;
  /** All frames that have come on each connection. */
  readonly heard: readonly (readonly Frame[])[];
  stop(): Promise<void>;
}

/** @param answer is called with each request's head, and which connection it has come on */
export async function startRawHttp2Target(
  folder: string,
  answer: (socket: TLSSocket, head: Frame, connection: number) => void,
): Promise<RawHttp2Target> {
  const now = Date.now();
  const authority = await createAuthority({ name: "target", now });
  const names = ["localhost", "127.0.0.1"];
  const pair = await authority.issue({ use: "server", commonName: "target", names, now });
  const ca = join(folder, "raw-target-ca.crt");
  await writeFile(ca, authority.certificatePem);
  const heard: Frame[][] = [];
  const sockets = new Set<TLSSocket>();
  const server = createServer(
    { cert: pair.certificatePem, key: pair.key.reveal(), ALPNProtocols: ["h2"] },
    (socket) => {
      const frames: Frame[] = [];
      const connection = heard.push(frames) - 1;
      const reader = new FrameReader();
      let preface = 24;
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
      socket.write(frame(TYPE.SETTINGS, 0, 0));
      socket.on("data", (bytes: Buffer) => {
        const rest = bytes.subarray(preface);
        preface = Math.max(0, preface - bytes.length);
        for (const found of reader.push(rest)) {
          frames.push(found);
          if (found.type === TYPE.SETTINGS && (found.flags & ACK) === 0) {
            socket.write(frame(TYPE.SETTINGS, ACK, 0));
          }
          if (found.type === TYPE.HEADERS) answer(socket, found, connection);
        }
      });
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    ...{ ca, heard },
    async stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}
