import { constants, type ServerHttp2Stream } from "node:http2";
import { fieldOf } from "../encode.ts";
import type { OwnAnswer } from "../refusal.ts";
import { headerList } from "./header-list.ts";
import { inTime } from "./stalled.ts";

/** Whether nothing more can be said on it. */
export function isOver(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
}

/**
 * Ends an answer. A client that takes nothing of what is left has the stream taken from it.
 * @param isRead whether all of the request has been read by then
 */
export async function finish(stream: ServerHttp2Stream, isRead: () => boolean): Promise<void> {
  if (isOver(stream)) return;
  stream.end();
  if (!stream.writableFinished) {
    const { promise, resolve } = Promise.withResolvers<void>();
    stream.once("finish", resolve);
    stream.once("close", resolve);
    await inTime(stream, promise);
  }
  // What still comes of the request is for nobody (RFC 9113, section 8.1).
  if (!isRead() && !isOver(stream)) stream.close(constants.NGHTTP2_NO_ERROR);
}

/**
 * Sends an answer of the gateway's own, whole.
 * @param bodyless it answers a HEAD
 * @param isRead as in `finish`
 */
export async function answer(
  stream: ServerHttp2Stream,
  { status, fields, body }: OwnAnswer,
  { bodyless, isRead }: { readonly bodyless: boolean; readonly isRead: () => boolean },
): Promise<void> {
  if (isOver(stream)) return;
  const own = fields.map(([name, value]) => fieldOf(name, value));
  respond(stream, status, headerList(own, { kind: "length", length: body.length }), { endStream: bodyless });
  if (!bodyless) stream.write(body);
  await finish(stream, isRead);
}

/** Sends an answer's head, and no date of the gateway's own. */
export function respond(
  stream: ServerHttp2Stream,
  status: number,
  list: readonly string[],
  options: { readonly endStream: boolean; readonly waitForTrailers?: boolean },
): void {
  const all = { ...options, sendDate: false };
  stream.respond([":status", String(status), ...list], all);
}
