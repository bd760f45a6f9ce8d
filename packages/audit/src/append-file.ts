import { fstatSync, ftruncateSync, writeSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";

/**
 * What the log asks of its file: narrow, so that a test can be a full disk. All but `sync` is done when the call
 * returns: bytes are in the system's cache sooner than another thread would have begun with them, and however many
 * they are, to encode and hash them has held the event loop for longer.
 */
export interface AppendFile {
  /** Bytes that the file has now. Throws when the file was deleted: what is written to it then is lost. */
  length(): number;
  /** Writes bytes at a position; returns how many it wrote, which may be fewer. */
  write(bytes: Uint8Array, position: number): number;
  truncate(length: number): void;
  /** Resolves when all that was written would survive a power failure. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** An open file of the file system as an AppendFile. */
export function appendFile(handle: FileHandle): AppendFile {
  return {
    length: () => {
      const { size, nlink } = fstatSync(handle.fd);
      if (nlink === 0) throw new Error("the file was deleted while the gateway wrote to it");
      return size;
    },
    write: (bytes, position) => writeSync(handle.fd, bytes, 0, bytes.length, position),
    truncate: (length) => ftruncateSync(handle.fd, length),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}
