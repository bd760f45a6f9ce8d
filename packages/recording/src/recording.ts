import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { type Exit, GatehouseError, messageOf, type Recorded, type Recording } from "@gatehouse/core";
import { Allowance } from "./allowance.ts";
import { type EventCode, eventLine, headerLine, MAX_BYTES, markLine } from "./cast.ts";
import { type Bytes, jsonOfBytes } from "./json.ts";
import { WholeCharacters } from "./whole-characters.ts";

/** A file that is written from its beginning to its end. */
export interface CastFile {
  /** Adds all of the bytes. */
  appendFile(bytes: Uint8Array): Promise<void>;
  /** Leaves its first so many bytes. */
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

export interface CastOptions {
  /** As it is named to others. */
  readonly name: string;
  readonly of: Recorded;
  readonly open: () => Promise<CastFile>;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number;
  /** Bytes, above which there is no `room`. */
  readonly highWater: number;
  /** Bytes of the file, above which output is left out, with a mark that says how much. */
  readonly limit: number;
  readonly failed: (error: GatehouseError) => void;
}

type Ended = Awaited<ReturnType<Recording["end"]>>;

/**
 * A recording that is written as it happens: all that comes in one turn of the event loop, or while the disk is busy, by one
 * write. Whenever the process dies, all lines but the last are whole. They are not forced to the disk:
 * what a power failure takes is the system's to say.
 */
export class CastRecording implements Recording {
  readonly #options: CastOptions;
  readonly #begun: number;
  readonly #allowance: Allowance;
  readonly #shown = new WholeCharacters();
  readonly #typed = new WholeCharacters();
  readonly #digest = createHash("sha256");
  readonly #file: Promise<CastFile>;
  #lines: Bytes[] = [];
  /** Bytes of lines that are not written yet. */
  #waiting = 0;
  #written = 0;
  /** Bytes since the last mark that says so. */
  #leftOut = 0;
  #over = false;
  #writing: Promise<void> | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  #failed: GatehouseError | undefined;
  readonly #ended = Promise.withResolvers<Ended>();

  constructor(options: CastOptions) {
    this.#options = options;
    this.#begun = options.monotonic();
    this.#allowance = new Allowance(options.limit);
    this.#file = options.open();
    this.#file.catch((error: unknown) => this.#fail(error));
    this.#add(headerLine(options.of));
  }

  get room(): Promise<void> | undefined {
    return this.#room?.promise;
  }

  get failed(): GatehouseError | undefined {
    return this.#failed;
  }

  output(bytes: Uint8Array): void {
    this.#text("o", this.#shown.take(bytes));
  }

  input(bytes: Uint8Array): void {
    this.#text("i", this.#typed.take(bytes));
  }

  resize(columns: number, rows: number): void {
    if (columns <= 0 || rows <= 0) return;
    const line = eventLine(this.#now(), "r", `"${columns}x${rows}"`);
    if (this.#allowance.take(line.length, this.#now())) this.#add(line);
  }

  mark(label: string): void {
    this.#sayLeftOut();
    this.#add(markLine(this.#now(), label));
  }

  /** Resolves when all of it is in its file. */
  get ended(): Promise<Ended> {
    return this.#ended.promise;
  }

  end(exit: Exit): Promise<Ended> {
    if (!this.#over) void this.#end(exit).then(this.#ended.resolve);
    return this.ended;
  }

  async #end({ status, signal }: Exit): Promise<Ended> {
    this.#text("o", this.#shown.end());
    this.#text("i", this.#typed.end());
    const how = status === undefined ? signal : `status ${status}`;
    this.mark(how === undefined ? "ended" : `ended: ${how}`);
    this.#over = true;
    await this.#writing;
    try {
      const file = await this.#file;
      // Stock players take no line that was cut off.
      if (this.#failed) await file.truncate(this.#written);
      await file.close();
    } catch (error) {
      this.#fail(error);
    }
    if (this.#failed) return undefined;
    return { file: this.#options.name, bytes: this.#written, sha256: this.#digest.digest("hex") };
  }

  #text(code: EventCode, bytes: Buffer): void {
    for (let start = 0; start < bytes.length; start += MAX_BYTES) {
      const piece = bytes.subarray(start, start + MAX_BYTES);
      const at = this.#now();
      // By its length first: past the limit nothing is made of it.
      if (!this.#allowance.take(piece.length, at)) {
        this.#leftOut += piece.length;
        continue;
      }
      this.#sayLeftOut();
      const line = eventLine(at, code, jsonOfBytes(piece));
      this.#allowance.took(line.length - piece.length);
      this.#add(line);
    }
  }

  #sayLeftOut(): void {
    if (this.#leftOut === 0) return;
    const label = `${this.#leftOut} bytes are left out: more than a recording takes`;
    this.#leftOut = 0;
    this.#add(markLine(this.#now(), label));
  }

  #add(line: Bytes): void {
    if (this.#failed || this.#over) return;
    this.#lines.push(line);
    this.#waiting += line.length;
    if (this.#waiting > this.#options.highWater) this.#room ??= Promise.withResolvers();
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    try {
      // All of this turn.
      await setImmediate();
      const file = await this.#file;
      while (this.#lines.length > 0) {
        const bytes = Buffer.from(this.#lines.join(""), "latin1");
        this.#lines = [];
        await file.appendFile(bytes);
        this.#digest.update(bytes);
        this.#written += bytes.length;
        this.#waiting -= bytes.length;
        if (this.#waiting <= this.#options.highWater / 2) this.#makeRoom();
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#writing = undefined;
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  /** What is on the disk stays. */
  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = new GatehouseError(
      "RECORDING_FAILED",
      `the recording ${this.#options.name} could not be written: ${messageOf(error)}`,
      { hint: "see whether the disk of the state folder is full", cause: error },
    );
    this.#lines = [];
    this.#waiting = 0;
    this.#makeRoom();
    this.#options.failed(this.#failed);
  }

  #now(): number {
    return this.#options.monotonic() - this.#begun;
  }
}
