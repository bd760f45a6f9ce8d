import type { FileHandle } from "node:fs/promises";

/** What the log asks of its file: narrow, so that a test can be a full disk. */
export interface AppendFile {
  /** Bytes that the file has now. Rejects when the file was deleted: what is written to it then is lost. */
  length(): Promise<number>;
  /** Writes bytes at a position; returns how many it wrote, which may be fewer. */
  write(bytes: Uint8Array, position: number): Promise<number>;
  truncate(length: number): Promise<void>;
  /** Resolves when all that was written would survive a power failure. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** An open file of the file system as an AppendFile. */
export function appendFile(handle: FileHandle): AppendFile {
  return {
    length: async () => {
      const { size, nlink } = await handle.stat();
      if (nlink === 0) throw new Error("the file was deleted while the gateway wrote to it");
      return size;
    },
    write: async (bytes, position) => {
      const { bytesWritten } = await handle.write(bytes, 0, bytes.length, position);
      return bytesWritten;
    },
    truncate: (length) => handle.truncate(length),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}
