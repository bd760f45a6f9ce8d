import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type AuditEvent,
  type AuditLog,
  type Clock,
  GatehouseError,
  type Logger,
  messageOf,
} from "@gatehouse/core";
import type { AppendFile } from "./append-file.ts";
import type { Head } from "./head.ts";
import { encodeLine, MAX_LINE } from "./line.ts";

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

interface Waiting {
  readonly bytes: Buffer;
  readonly head: Head;
  readonly resolve: () => void;
  readonly reject: (error: GatehouseError) => void;
}

/**
 * Appends lines to an open file. Lines are chained in the order of the calls; those of one turn of the event loop,
 * and those that come while the disk is busy, share one write. There is one write at a time.
 */
export class ChainedLog implements AuditLog {
  readonly #file: AppendFile;
  readonly #options: ChainedLogOptions;
  /** The last line that was chained, and the last that is on the file; `#length` is the file's up to that one. */
  #head: Head;
  #written: Head;
  #length: number;
  #queue: Waiting[] = [];
  #waiting = 0;
  #writer: Promise<void> | undefined;
  /** The file may hold bytes after `#length` that belong to no event. */
  #ragged = false;
  #failure: string | undefined;
  #closed: Promise<void> | undefined;

  /** @param start the file's last line, and its length in bytes, which ends with that line. */
  constructor(
    file: AppendFile,
    start: { readonly head: Head; readonly length: number },
    options: ChainedLogOptions,
  ) {
    this.#file = file;
    this.#options = options;
    this.#head = start.head;
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
    let line: ReturnType<typeof encodeLine>;
    try {
      line = encodeLine(event, new Date(this.#options.clock.now()).toISOString(), this.#head);
    } catch (cause) {
      return Promise.reject(this.#refusal("the event can't be put into a line", undefined, cause));
    }
    const { bytes, head } = line;
    if (bytes.length > MAX_LINE) {
      const hint = "Lower the limit on the size of a statement in the config.";
      return Promise.reject(this.#refusal(`the event is longer than ${MAX_LINE} bytes`, hint));
    }
    if (this.#waiting + bytes.length > MAX_WAITING) {
      const hint = "The disk is slower than the events come: give the log a faster one.";
      return Promise.reject(this.#refusal(`${MAX_WAITING} bytes of events wait for the disk already`, hint));
    }
    return new Promise((resolve, reject) => {
      this.#head = head;
      this.#waiting += bytes.length;
      this.#queue.push({ bytes, head, resolve, reject });
      this.#writer ??= this.#write();
    });
  }

  /** Waits for what was appended, then closes the file. Later events are rejected. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      await this.#writer;
      await this.#file.close();
    })();
    return this.#closed;
  }

  /** Writes until nothing waits. Never rejects. */
  async #write(): Promise<void> {
    do {
      await nextTurn();
      const batch = this.#queue;
      this.#queue = [];
      try {
        await this.#writeBatch(batch);
      } catch (cause) {
        await this.#failed(batch, cause);
      }
    } while (this.#queue.length > 0);
    this.#writer = undefined;
  }

  async #writeBatch(batch: readonly Waiting[]): Promise<void> {
    const last = batch.at(-1);
    if (last === undefined) return;
    await this.#mend();
    const bytes = Buffer.concat(batch.map((line) => line.bytes));
    this.#ragged = true;
    for (let done = 0; done < bytes.length; ) {
      const count = await this.#file.write(bytes.subarray(done), this.#length + done);
      if (count === 0) throw new Error("the file takes no more bytes");
      done += count;
    }
    if (this.#options.durability === "synced") await this.#file.sync();
    this.#ragged = false;
    this.#length += bytes.length;
    this.#written = last.head;
    this.#waiting -= bytes.length;
    for (const line of batch) line.resolve();
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#options.log.info({ seq: this.#written.seq }, "The audit log is written again.");
  }

  /**
   * Takes off what a failed write left. A file that another cut or wrote to is not touched and not continued: no
   * verifier would take what came of it.
   */
  async #mend(): Promise<void> {
    const length = await this.#file.length();
    if (this.#ragged && length > this.#length) await this.#file.truncate(this.#length);
    else if (length !== this.#length) {
      throw new Error(`it has ${length} bytes and should have ${this.#length}: another program changed it`);
    }
    this.#ragged = false;
  }

  /** Fails closed: what was chained to a line that is not on the file goes down with it. */
  async #failed(batch: readonly Waiting[], cause: unknown): Promise<void> {
    const lost = [...batch, ...this.#queue];
    this.#queue = [];
    this.#waiting = 0;
    this.#head = this.#written;
    const error = this.#refusal(messageOf(cause), undefined, cause);
    for (const line of lost) line.reject(error);
    if (this.#failure === undefined) this.#options.log.error({ events: lost.length }, error.message);
    this.#failure = error.message;
    try {
      await this.#mend();
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
