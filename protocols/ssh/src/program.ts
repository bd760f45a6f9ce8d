import type { Held, SavedRecording } from "@gatehouse/core";
import type { WindowSize } from "./codec/channel-request.ts";
import { EchoedInput } from "./echoed-input.ts";
import { Output, type OutputOptions } from "./output.ts";
import type { Running } from "./session-channel.ts";

export interface ProgramOptions extends OutputOptions {
  /** The people who let it run. */
  readonly held: Held | undefined;
  readonly saved: (recording: SavedRecording) => void;
  /** Called once when it can't be recorded any more: nobody runs unseen. */
  readonly unrecorded: () => void;
}

/** A program, or a shell, that runs at the target: its output goes by masks and recording, its input as it comes. */
export class Program implements Running {
  readonly #options: ProgramOptions;
  readonly #output: Output;
  readonly #input: EchoedInput | undefined;
  #exit: { readonly status?: number; readonly signal?: string } = {};
  #unrecorded = false;
  #over = false;

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.#output = new Output(options);
    const { recording, terminal } = options;
    // Without a terminal nothing is echoed: what goes in may be anything, a password above all.
    if (recording && terminal) this.#input = new EchoedInput((bytes) => recording.input(bytes));
  }

  fromClient(bytes: Buffer): void {
    const { client, target } = this.#options;
    this.#input?.typed(bytes);
    target.write(bytes, undefined, client);
  }

  clientEnded(): void {
    this.#options.target.end();
  }

  fromTarget(bytes: Buffer, type: number | undefined): void {
    const { recording, target, unrecorded } = this.#options;
    if (recording?.failed !== undefined) {
      target.consumed(bytes.length);
      if (!this.#unrecorded) unrecorded();
      this.#unrecorded = true;
      return;
    }
    this.#input?.shown(bytes);
    this.#output.write(bytes, type);
  }

  targetEnded(): void {
    this.#output.flush();
    this.#options.client.end();
  }

  resized({ columns, rows }: WindowSize): void {
    this.#options.recording?.resize(columns, rows);
  }

  exited(exit: { readonly status?: number; readonly signal?: string }): void {
    this.#exit = exit;
  }

  over(): void {
    if (this.#over) return;
    this.#over = true;
    this.#output.flush();
    const { recording, held, saved } = this.#options;
    void recording?.end(this.#exit).then((file) => {
      if (file) saved(file);
    });
    const { status, signal } = this.#exit;
    if (status === undefined && signal === undefined) held?.outcome("in_doubt");
    else held?.outcome(status === 0 ? "done" : "failed");
  }
}
