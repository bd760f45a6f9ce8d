import { createHash } from "node:crypto";
import { openFailure } from "../../src/codec/channel-open.ts";
import { encodeExec, encodeExitStatus } from "../../src/codec/channel-request.ts";
import type { Channel } from "../../src/connection/channel.ts";
import { Connection } from "../../src/connection/connection.ts";
import type { Transport } from "../../src/transport/transport.ts";

const NOTHING = Buffer.alloc(0);

/** A server whose every command is `cat`. */
export function serveCat(transport: Transport): void {
  const connection = new Connection(
    { link: transport, most: 10 },
    {
      open: (_, opening) => cat(opening.accept()),
      request: (_, answer) => answer({ ok: false }),
      closed: () => {},
    },
  );
  connection.start();
}

function cat(channel: Channel): void {
  channel.events = {
    data: (bytes) => channel.write(bytes, undefined, channel),
    request: ({ type }, answer) => answer(type === "exec"),
    eof: () => {
      channel.tell("exit-status", encodeExitStatus(0));
      channel.close();
    },
    closed: () => {},
  };
}

/**
 * Has a server run `cat`, and sends it so many bytes.
 * @returns the SHA-256 of what was sent, and of what came back
 */
export function throughCat(transport: Transport, size: number): Promise<readonly [string, string]> {
  const there = createHash("sha256");
  const back = createHash("sha256");
  const connection = new Connection(
    { link: transport, most: 10 },
    {
      open: (_, opening) => opening.refuse({ reason: openFailure.prohibited, description: "" }),
      request: (_, answer) => answer({ ok: false }),
      closed: () => {},
    },
  );
  connection.start();
  transport.resume();
  return new Promise((resolve, reject) => {
    connection.open("session", NOTHING, (opened) => {
      if (!opened.ok) {
        reject(new Error(opened.failure.description));
        return;
      }
      const { channel } = opened;
      channel.events = {
        data: (bytes) => {
          back.update(bytes);
          channel.consumed(bytes.length);
        },
        request: (_, answer) => answer(true),
        eof: () => {},
        closed: () => resolve([there.digest("hex"), back.digest("hex")]),
      };
      channel.ask("exec", encodeExec(Buffer.from("cat")), () => {
        for (let left = size, count = 0; left > 0; count++) {
          const bytes = Buffer.alloc(Math.min(left, 100_000), count);
          there.update(bytes);
          channel.write(bytes);
          left -= bytes.length;
        }
        channel.end();
      });
    });
  });
}
