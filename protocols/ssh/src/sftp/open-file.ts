import type { Modes } from "./action.ts";
import { type Ahead, Transfer, type Unhashed } from "./transfer.ts";

/** What was moved through a handle, for the audit log. */
export interface SftpTransfer {
  /** As it was when the file was opened. */
  readonly path: string;
  /** To the target, or from it. */
  readonly direction: "up" | "down";
  readonly bytes: number;
  readonly sha256: string | null;
  readonly unhashed?: Unhashed;
  /**
   * All of it, from the first byte on: up, every write was taken by the target and the file closed; down, its end was
   * reached.
   */
  readonly complete: boolean;
}

/** What needs no decision of its own. WRITE is another, and looks at `modes` itself. */
export type FreeType = "close" | "fstat" | "fstatvfs" | "fsync" | "read" | "readdir";

export interface Opened {
  readonly path: string;
  /** `undefined` for a folder. */
  readonly modes: Modes | undefined;
  /** What there was is gone, or there was nothing: also without a byte it is an upload. */
  readonly fresh: boolean;
  /** Whatever is written goes behind what there is. */
  readonly appends: boolean;
}

/** Something that the target has opened for this client. */
export class OpenFile {
  readonly path: string;
  readonly modes: Modes | undefined;
  /** A CLOSE was sent: nothing more is. */
  closing = false;
  /** WRITEs that the target has not answered. */
  unanswered = 0;
  readonly #ahead: Ahead;
  #up: Transfer | undefined;
  #down: Transfer | undefined;
  #end: number | undefined;

  constructor({ path, modes, fresh, appends }: Opened, ahead: Ahead) {
    this.path = path;
    this.modes = modes;
    this.#ahead = ahead;
    if (fresh) this.#up = new Transfer(ahead);
    if (appends) this.#uploading.spoil("partial");
  }

  allows(type: FreeType): boolean {
    switch (type) {
      case "read":
        return this.modes?.reads ?? false;
      case "fsync":
        return this.modes?.writes ?? false;
      case "readdir":
        return this.modes === undefined;
      case "close":
      case "fstat":
      case "fstatvfs":
        return true;
    }
  }

  /** A WRITE is being sent. */
  wrote(offset: number, data: readonly Buffer[], length: number): void {
    this.unanswered++;
    const up = this.#uploading;
    // Clients write in order, or mean not to: nothing is kept until a hole is filled.
    if (offset > up.contiguous) up.spoil(up.contiguous === 0 ? "partial" : "out-of-order");
    up.add(offset, data, length);
  }

  /** It was answered. */
  written(ok: boolean): void {
    this.unanswered--;
    if (!ok) this.#uploading.spoil("failed");
  }

  /** The target was told to copy into it. */
  copiedInto(): void {
    this.#uploading.spoil("copied");
  }

  read(offset: number, data: readonly Buffer[], length: number): void {
    this.#downloading.add(offset, data, length);
  }

  /** Where a file ends that was read from is known, or of no use. */
  get isMeasured(): boolean {
    const reached = this.#down?.contiguous ?? 0;
    return reached === 0 || (this.#end !== undefined && this.#end <= reached);
  }

  /** There it ends: so a READ found, or its attributes say. */
  ended(offset: number): void {
    this.#end = Math.min(offset, this.#end ?? offset);
    this.#down ??= new Transfer(this.#ahead);
  }

  /** @param closed by the client, and the target agreed */
  finish(closed: boolean): readonly SftpTransfer[] {
    const all: SftpTransfer[] = [];
    if (this.#up) {
      const moved = this.#up.end();
      const complete = closed && this.unanswered === 0 && moved.sha256 !== null;
      all.push({ path: this.path, direction: "up", ...moved, complete });
    }
    if (this.#down) {
      const reached = this.#down.contiguous;
      const moved = this.#down.end();
      const complete = moved.sha256 !== null && this.#end !== undefined && this.#end <= reached;
      all.push({ path: this.path, direction: "down", ...moved, complete });
    }
    return all;
  }

  get #uploading(): Transfer {
    this.#up ??= new Transfer(this.#ahead);
    return this.#up;
  }

  get #downloading(): Transfer {
    this.#down ??= new Transfer(this.#ahead);
    return this.#down;
  }
}
