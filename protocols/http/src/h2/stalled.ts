import { constants, type Http2Stream } from "node:http2";

/** Milliseconds in which a peer has to send a body's next piece, or make room for one. */
const STALLED = 60_000;

/** Bounds a wait for a stream's peer: one that lasts too long ends the stream, and so the wait. */
export async function inTime<T>(stream: Http2Stream, wait: Promise<T>): Promise<T> {
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), STALLED);
  try {
    return await wait;
  } finally {
    clearTimeout(timer);
  }
}
