import {
  type AuditEvent,
  type AuditLog,
  type Clock,
  GatehouseError,
  type Logger,
  messageOf,
} from "@gatehouse/core";
import type { AppendFile } from "./append-file.ts";
import { Batch } from "./batch.ts";
import type { Head } from "./head.ts";
import { lineLength, MAX_LINE } from "./line.ts";

/** Bytes that a batch begins with, and the most that are kept for the next one. */
const MEMORY = 64 * 1024;
const KEPT_MEMORY = 1024 * 1024;

/** Bytes of lines that may wait for the disk: with more, the disk is too slow for what is asked of it. */
const MAX_WAITING = 64 * 1024 * 1024;

/**
 * When an event counts as written: `written` when the operating system has it, which outlives the gateway's process;
 * `synced` when the disk has it, which outlives the machine's power.
 */
export type Durability = "written" | "synced";

interface ChainedLogOptions {
  /** For messages. */
  readonly path: string;
  readonly durability: Durability;
  readonly clock: Clock;
  readonly log: Logger;
}

/** For readiness: `ok` until a write fails, and again after the next one that succeeds. */
export type AuditStatus = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/**
 * Appends lines to an open file. Lines are chained in the order of the calls. Those of one turn of the event loop, and
 * those that come during a sync, are a batch: one write at the turn's end, and one promise.
 */
export class ChainedLog implements AuditLog {
  readonly #file: AppendFile;
  readonly #options: ChainedLogOptions;
  /** The last line that is on the file, and the file's length up to it. */
  #written: Head;
  #length: number;
  /** What the next write takes; its first line follows that of the batch which is synced, or what is written. */
  #filling: Batch | undefined;
  /** What is on the file, but not yet on the disk. */
  #syncing: { readonly batch: Batch; readonly ended: Promise<void> } | undefined;
  /** Bytes of both. */
  #waiting = 0;
  #memory: Buffer | undefined;
  /** The file may hold bytes after `#length` that belong to no event. */
  #ragged = false;
  #failure: string | undefined;
  #closed: Promise<void> | undefined;
  /** The clock's last answer, and its text. */
  #now = Number.NaN;
  #time = "";

  /** @param start the file's last line, and its length in bytes, which ends with that line. */
  constructor(
    file: AppendFile,
    start: { readonly head: Head; readonly length: number },
    options: ChainedLogOptions,
  ) {
    this.#file = file;
    this.#options = options;
    this.#written = start.head;
    this.#length = start.length;
  }

  /** The last line that is on the file: what a checkpoint may keep. */
  head(): Head {
    return this.#written;
  }

  status(): AuditStatus {
    return this.#failure === undefined ? { ok: true } : { ok: false, reason: this.#failure };
  }

  /**
   * Resolves when the event is on the file (see Durability). An event that was rejected is not on the file, save
   * where the disk failed so that it could not be taken off again, and the machine or process ended then.
   * @throws GatehouseError AUDIT_FAILED, as a rejection.
   */
  append(event: AuditEvent): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#refusal("it is closed"));
    const batch = this.#filling;
    const prev = (batch ?? this.#syncing?.batch)?.head ?? this.#written;
    let text: string;
    try {
      text = JSON.stringify(event);
    } catch (cause) {
      return Promise.reject(this.#refusal("the event can't be put into a line", undefined, cause));
    }
    const length = lineLength(text, prev.seq + 1);
    if (length > MAX_LINE) {
      const hint = "Lower the limit on the size of a statement in the config.";
      return Promise.reject(this.#refusal(`the event is longer than ${MAX_LINE} bytes`, hint));
    }
    if (this.#waiting + length > MAX_WAITING) {
      const hint = "The disk is slower than the events come: give the log a faster one.";
      return Promise.reject(this.#refusal(`${MAX_WAITING} bytes of events wait for the disk already`, hint));
    }
    const filling = batch ?? this.#begin(prev);
    filling.add(text, this.#timeNow(), length);
    this.#waiting += length;
    return filling.written;
  }

  /** Waits for what was appended, then closes the file. Later events are rejected. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      await this.#syncing?.ended;
      // Whoever appended to it is told of its failure.
      await this.#filling?.written.catch(() => undefined);
      await this.#file.close();
    })();
    return this.#closed;
  }

  #timeNow(): string {
    const now = this.#options.clock.now();
    if (now !== this.#now) {
      this.#time = new Date(now).toISOString();
      this.#now = now;
    }
    return this.#time;
  }

  #begin(prev: Head): Batch {
    this.#filling = new Batch(this.#memory ?? Buffer.allocUnsafeSlow(MEMORY), prev);
    this.#memory = undefined;
    if (this.#syncing === undefined) setImmediate(this.#flush);
    return this.#filling;
  }

  /** Writes what waits. */
  readonly #flush = (): void => {
    const batch = this.#filling;
    if (batch === undefined) return;
    this.#filling = undefined;
    try {
      this.#write(batch.bytes);
    } catch (cause) {
      this.#failed(batch, cause);
      return;
    }
    if (this.#options.durability === "synced") this.#syncing = { batch, ended: this.#sync(batch) };
    else this.#succeeded(batch);
  };

  /** Never rejects. */
  async #sync(batch: Batch): Promise<void> {
    try {
      await this.#file.sync();
    } catch (cause) {
      this.#syncing = undefined;
      this.#failed(batch, cause);
      return;
    }
    this.#syncing = undefined;
    this.#succeeded(batch);
    if (this.#filling !== undefined) setImmediate(this.#flush);
  }

  #write(bytes: Buffer): void {
    this.#mend();
    this.#ragged = true;
    for (let done = 0; done < bytes.length; ) {
      const count = this.#file.write(bytes.subarray(done), this.#length + done);
      if (count === 0) throw new Error("the file takes no more bytes");
      done += count;
    }
  }

  #succeeded(batch: Batch): void {
    const { length } = batch.bytes;
    this.#ragged = false;
    this.#length += length;
    this.#written = batch.head;
    this.#waiting -= length;
    if (batch.memory.length <= KEPT_MEMORY) this.#memory = batch.memory;
    batch.resolve();
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#options.log.info({ seq: this.#written.seq }, "The audit log is written again.");
  }

  /**
   * Takes off what a failed write left. A file that another cut or wrote to is not touched and not continued: no
   * verifier would take what came of it.
   */
  #mend(): void {
    const length = this.#file.length();
    if (this.#ragged && length > this.#length) this.#file.truncate(this.#length);
    else if (length !== this.#length) {
      throw new Error(`it has ${length} bytes and should have ${this.#length}: another program changed it`);
    }
    this.#ragged = false;
  }

  /** Fails closed: what was chained to a line that is not on the file goes down with it. */
  #failed(batch: Batch, cause: unknown): void {
    const behind = this.#filling;
    this.#filling = undefined;
    this.#waiting = 0;
    const error = this.#refusal(messageOf(cause), undefined, cause);
    batch.reject(error);
    behind?.reject(error);
    const events = batch.count + (behind?.count ?? 0);
    if (this.#failure === undefined) this.#options.log.error({ events }, error.message);
    this.#failure = error.message;
    try {
      this.#mend();
    } catch {
      // The next write tries again, and fails with the same cause while it lasts.
    }
  }

  #refusal(reason: string, hint?: string, cause?: unknown): GatehouseError {
    return new GatehouseError(
      "AUDIT_FAILED",
      `The audit log ${this.#options.path} was not written: ${reason}. What the event was to record was refused.`,
      { hint: hint ?? "See to the disk and the file; each later event is tried anew.", cause },
    );
  }
}
