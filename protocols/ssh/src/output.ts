import type { Mask, MaskingStream, Recording, ValueMasks } from "@gatehouse/core";
import { STDERR } from "./codec/channel-data.ts";
import type { Channel, Source } from "./connection/channel.ts";

/**
 * Milliseconds for which output is kept back, since what follows could make it something that is to be hidden. Timers are late, and
 * nobody who types is to wait for more than 20.
 */
const DELAY = 17;

export interface OutputOptions {
  readonly client: Channel;
  readonly target: Channel;
  readonly values: ValueMasks;
  /** Those of the decision that let the program run. */
  readonly masks: readonly Mask[];
  /** It is a terminal's: control sequences may stand in the middle of a value. */
  readonly terminal: boolean;
  readonly recording: Recording | undefined;
}

/** Standard output, or standard error. */
interface Text {
  readonly type: number | undefined;
  readonly stream: MaskingStream;
  /** Runs while something is kept back. */
  timer: NodeJS.Timeout | undefined;
}

/** What a program writes, on its way from the target to the client: masked, recorded as it is shown, and no faster than the client reads. */
export class Output {
  readonly #options: OutputOptions;
  readonly #texts = new Map<number | undefined, Text>();

  /** The target. A recording that the disk can't follow slows it down, so that nothing is left out. */
  readonly #source: Source = {
    consumed: (bytes) => {
      const { target, recording } = this.#options;
      const { room } = recording ?? {};
      if (room === undefined) target.consumed(bytes);
      else void room.then(() => target.consumed(bytes));
    },
  };

  constructor(options: OutputOptions) {
    this.#options = options;
  }

  /** @param type of extended data */
  write(bytes: Buffer, type: number | undefined): void {
    const { client, masks } = this.#options;
    if (masks.length === 0) {
      this.#record(bytes, type);
      client.write(bytes, type, this.#source);
      return;
    }
    const text = this.#text(type);
    const pieces = text.stream.write(bytes);
    const last = pieces.at(-1);
    for (const piece of pieces) {
      this.#record(piece, type);
      client.write(piece, type, this.#source, piece === last ? bytes.length : 0);
    }
    // What is kept back is bounded by the stream.
    if (last === undefined) this.#source.consumed(bytes.length);
    else stopTimer(text);
    // After a step forward the time begins anew: what is kept back is the end of what came just now. So a program that writes
    // without a pause has none of its values cut in two.
    if (text.stream.pending) text.timer ??= this.#flushLater(text);
  }

  /** Lets out what is kept back: the time is over, or nothing more comes. */
  flush(): void {
    for (const text of this.#texts.values()) this.#flush(text);
  }

  #flush(text: Text): void {
    stopTimer(text);
    for (const piece of text.stream.flush()) {
      this.#record(piece, text.type);
      this.#options.client.write(piece, text.type);
    }
  }

  #flushLater(text: Text): NodeJS.Timeout {
    const timer = setTimeout(() => {
      // What has come meanwhile is read first: a gateway that is busy must not show half of what is all there.
      setImmediate(() => {
        if (text.timer === timer) this.#flush(text);
      });
    }, DELAY);
    return timer;
  }

  #text(type: number | undefined): Text {
    const { values, masks, terminal } = this.#options;
    const known = this.#texts.get(type) ?? {
      type,
      stream: values.stream(masks, { terminal }),
      timer: undefined,
    };
    this.#texts.set(type, known);
    return known;
  }

  #record(bytes: Buffer, type: number | undefined): void {
    if (type === undefined || type === STDERR) this.#options.recording?.output(bytes);
  }
}

function stopTimer(text: Text): void {
  clearTimeout(text.timer);
  text.timer = undefined;
}
