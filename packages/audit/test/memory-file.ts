import type { AppendFile } from "../src/append-file.ts";

/** A file in memory that can be a full disk, a slow one, or one that another program writes to. */
export class MemoryFile implements AppendFile {
  bytes = Buffer.alloc(0);
  /** Bytes that the disk holds. */
  room = Number.POSITIVE_INFINITY;
  /** Bytes that one write takes at the most. */
  atOnce = Number.POSITIVE_INFINITY;
  refuses = new Set<"write" | "truncate" | "sync">();
  writes = 0;
  busy = 0;
  busiest = 0;
  /** Syncs wait for it. */
  gate: Promise<void> = Promise.resolve();

  length(): number {
    return this.bytes.length;
  }

  write(bytes: Uint8Array, position: number): number {
    this.writes += 1;
    this.#refuse("write");
    const count = Math.min(bytes.length, this.atOnce, this.room - position);
    if (count <= 0) throw new Error("ENOSPC: no space left on device");
    const before = this.bytes.subarray(0, position);
    this.bytes = Buffer.concat([before, bytes.subarray(0, count), this.bytes.subarray(position + count)]);
    return count;
  }

  truncate(length: number): void {
    this.#refuse("truncate");
    this.bytes = this.bytes.subarray(0, length);
  }

  async sync(): Promise<void> {
    this.busy += 1;
    this.busiest = Math.max(this.busiest, this.busy);
    await this.gate;
    this.busy -= 1;
    this.#refuse("sync");
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #refuse(what: "write" | "truncate" | "sync"): void {
    if (this.refuses.has(what)) throw new Error(`EIO: ${what} failed`);
  }
}
