import type { FileHandle } from "node:fs/promises";
import { GatehouseError } from "@gatehouse/core";
import { emptyHead, type Head } from "./head.ts";
import { MAX_LINE, readLine } from "./line.ts";

const LINE_FEED = 0x0a;
const CHUNK = 64 * 1024;

/** The end of a log's file. */
export interface Tail {
  /** The last whole line. */
  readonly head: Head;
  /** Bytes up to the end of that line. */
  readonly length: number;
  /** Bytes after it: a line that was not written to its end. */
  readonly torn: number;
}

/**
 * Reads a log's end backwards: no more than its last line and what is torn, however long the log is.
 * @param path for messages.
 * @throws GatehouseError AUDIT_BROKEN when the last whole line is not one that can be continued.
 */
export async function readTail(handle: FileHandle, path: string): Promise<Tail> {
  const { size } = await handle.stat();
  const length = (await lastLineFeed(handle, 0, size)) + 1;
  const torn = size - length;
  if (length === 0) return { head: emptyHead, length, torn };
  const end = length - 1;
  const start = (await lastLineFeed(handle, Math.max(0, end - MAX_LINE), end)) + 1;
  if (end - start >= MAX_LINE) throw broken(path, `Its last line is longer than ${MAX_LINE} bytes`);
  const line = readLine(await readExactly(handle, start, end - start));
  if (!line.ok) {
    const seq = line.seq === undefined ? "" : ` (seq ${line.seq})`;
    throw broken(path, `Its last line${seq} ${line.message}`);
  }
  return { head: { seq: line.seq, hash: line.hash }, length, torn };
}

/** The position of the last `\n` in [from, to); `from - 1` when there is none. */
async function lastLineFeed(handle: FileHandle, from: number, to: number): Promise<number> {
  for (let end = to; end > from; ) {
    const start = Math.max(from, end - CHUNK);
    const at = (await readExactly(handle, start, end - start)).lastIndexOf(LINE_FEED);
    if (at !== -1) return start + at;
    end = start;
  }
  return from - 1;
}

async function readExactly(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) throw new Error("the file became shorter while it was read");
    done += bytesRead;
  }
  return bytes;
}

function broken(path: string, what: string): GatehouseError {
  return new GatehouseError("AUDIT_BROKEN", `The audit log ${path} is not continued. ${what}.`, {
    hint:
      "Run `gatehouse audit verify` to see what happened to it, and keep the file. " +
      "To go on, move its folder away or set another state folder.",
  });
}
