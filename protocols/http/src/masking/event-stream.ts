import type { FactValue, Mask, MaskingStream, MaskText, ValueMasks } from "@gatehouse/core";
import type { ApiDecoder } from "../api/decoder.ts";
import { Malformed } from "../codec/malformed.ts";
import { EventJson } from "./event-json.ts";
import { EventReader, readField, type StreamEvent, writeEvent } from "./events.ts";
import { JsonMasks } from "./json-masks.ts";
import { withoutEscapes } from "./nearly-json.ts";
import { PiecedText, type Share } from "./pieced-text.ts";
import { remembering } from "./remembered.ts";
import type { Sink } from "./sink.ts";

/** Milliseconds for which an event waits for what may follow. Timers are late, and nobody is to wait for more than 200. */
const DELAY = 190;
/** Bytes of events that wait, with so many for each beside its own. */
const MOST_WAITING = 1024 * 1024;
const EVENT_COST = 256;
/** Texts of one answer: above OpenAI's 128 choices. A text that was forgotten could go on with the rest of a value. */
const MOST_TEXTS = 256;

/** How APIs of OpenAI's shape say that nothing more comes. */
const DONE = "[DONE]";

export interface EventStreamTerms {
  /** Those of the decision, about answers. */
  readonly masks: readonly Mask[];
  readonly values: ValueMasks;
  /** The target's, where it has one. */
  readonly api?: ApiDecoder | undefined;
  /** What each text of the API's goes through behind the masks. */
  readonly after?: (() => MaskingStream) | undefined;
  /** The same for texts that come whole. */
  readonly whole?: ((text: string) => string) | undefined;
  /** Milliseconds; for tests. */
  readonly monotonic?: () => number;
}

interface WaitingEvent {
  readonly event: StreamEvent;
  readonly came: number;
  readonly shares: readonly Share[];
  /** What its data has become, when the shares are settled. */
  readonly data: () => string | undefined;
}

/**
 * Masks text/event-stream. Each event goes on as soon as nothing that follows can make a part of it something that is to be hidden, in its order, and as
 * it came where nothing is hidden.
 *
 * - JSON: each value by itself, and with an API's decoder the pieces of each of its texts together.
 * - Other data, and JSON that is a string: what events of one type say together, as it would be shown by somebody who joins them; and what each
 *   says by itself. A mask of fields can't be put on it: but for `[DONE]` and nothing at all, the stream is broken off.
 * - Comments and other lines: each line by itself. Where masks have fields, nothing is left of comments and of what is no line of an event's.
 *
 * What is not seen: without a decoder, a value that is cut over several events of JSON; what is encoded in a text, such as an escape in a
 * tool's arguments.
 */
export class EventStreamMask implements Sink {
  readonly #terms: EventStreamTerms;
  readonly #next: Sink;
  readonly #reader = new EventReader();
  readonly #json: EventJson;
  readonly #masks: JsonMasks;
  readonly #detecting: readonly Mask[];
  readonly #detect: MaskText;
  readonly #hasFields: boolean;
  readonly #monotonic: () => number;
  readonly #texts = new Map<string, PiecedText>();
  readonly #waiting: WaitingEvent[] = [];
  #waitingBytes = 0;
  #out: Buffer[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** Pending while the next step has no room; rejected where it has failed. */
  #room: Promise<void> | undefined;
  #roomSince = 0;
  #isOver = false;

  constructor(terms: EventStreamTerms, next: Sink) {
    this.#terms = terms;
    this.#next = next;
    this.#monotonic = terms.monotonic ?? (() => performance.now());
    const values = remembering(terms.values);
    this.#masks = new JsonMasks(terms.masks, values);
    // Where nothing is hidden, there is nothing that they could repeat.
    const emptied = terms.masks.length > 0 ? (terms.api?.repeats ?? []) : [];
    this.#json = new EventJson({ masks: this.#masks, emptied, whole: terms.whole });
    this.#detecting = terms.masks.filter(({ detect }) => detect.length > 0);
    this.#detect = this.#detecting.length > 0 ? values.detectors(this.#detecting) : (text) => text;
    this.#hasFields = terms.masks.some(({ fields = [] }) => fields.length > 0);
  }

  write(content: readonly Buffer[]): Promise<void> | undefined {
    if (this.#isOver) return this.#goneOn();
    try {
      for (const bytes of content) for (const event of this.#reader.push(bytes)) this.#take(event);
      this.#wakeLater();
      return this.#send();
    } catch (error) {
      this.#stop();
      throw error;
    }
  }

  end(): Promise<void> | undefined {
    if (this.#isOver) return this.#goneOn();
    try {
      const last = this.#reader.end();
      if (last) this.#take(last);
      this.#flushAll();
      const room = this.#send();
      return room ? room.then(() => this.#next.end()) : this.#next.end();
    } finally {
      this.#stop();
    }
  }

  abort(): void {
    this.#stop();
    this.#next.abort();
  }

  /** What was kept back is lost: whatever came now would go on without it. */
  #goneOn(): Promise<void> {
    return this.#room ?? Promise.reject(new TypeError("an event stream that was broken off goes on"));
  }

  #take(event: StreamEvent): void {
    if (event.isAside) {
      this.#out.push(this.#written(event, undefined));
      return;
    }
    const { data } = event;
    if (data?.trim() === DONE) this.#flushAll();
    this.#waiting.push({ event, came: this.#monotonic(), ...this.#understood(event) });
    this.#waitingBytes += event.bytes.length + EVENT_COST;
    while (this.#waitingBytes > MOST_WAITING) this.#settleFirst();
    this.#moveSettled();
  }

  #understood({ data, type }: StreamEvent): Pick<WaitingEvent, "shares" | "data"> {
    if (data === undefined || data.trim() === "" || data.trim() === DONE)
      return { shares: [], data: () => data };
    const value = parsed(data);
    const isText = typeof value === "string";
    if ((isText && this.#masks.root.hits.length > 0) || typeof value === "object") {
      const { api } = this.#terms;
      const pieces = api?.pieces(value) ?? [];
      const { shares, text } = this.#json.mask(data, pieces, (name, piece) => this.#apiText(name).add(piece));
      // There are servers that say of each piece that it is the last.
      const saysNothing = shares.every(({ piece }) => piece.length === 0);
      const over = saysNothing ? api?.ended?.(value) : undefined;
      for (const names of over ?? []) this.#endTexts(names);
      return { shares, data: text };
    }
    if (this.#hasFields && !isText)
      throw new Malformed("an event is not JSON, and parts of JSON are to be hidden");
    if (!isText) this.#checkEscapes(data);
    const was = isText ? value : data;
    const share = this.#text(`event ${type}`).add(was);
    return {
      shares: [share],
      data: () => {
        const is = this.#shown(share.text);
        if (is === was) return data;
        return isText ? JSON.stringify(is) : is;
      },
    };
  }

  /** @throws Malformed where somebody who takes it for JSON would find in it what was not seen here */
  #checkEscapes(data: string): void {
    if (!data.includes("\\")) return;
    const shown = this.#detect(data) ?? "";
    const read = withoutEscapes(shown);
    if (read !== shown && this.#detect(read) !== read)
      throw new Malformed("an event that is no JSON, with escapes in what is to be hidden");
  }

  /** A text that came whole. */
  #shown(text: string): string {
    const masked = this.#detect(text) ?? "";
    return this.#terms.whole?.(masked) ?? masked;
  }

  #apiText(name: string): PiecedText {
    const { after } = this.#terms;
    return this.#text(`api ${name}`, after ? [after()] : []);
  }

  #text(name: string, after: readonly MaskingStream[] = []): PiecedText {
    const known = this.#texts.get(name);
    if (known) return known;
    if (this.#texts.size === MOST_TEXTS) throw new Malformed("an answer has more texts than can be masked");
    const { values } = this.#terms;
    const masking =
      this.#detecting.length > 0
        ? [values.stream(this.#detecting, { terminal: false, keep: "beginnings" })]
        : [];
    const text = new PiecedText([...masking, ...after]);
    this.#texts.set(name, text);
    return text;
  }

  #endTexts(names: string): void {
    for (const [name, text] of this.#texts) {
      if (!name.startsWith(`api ${names}`)) continue;
      text.flush();
      this.#texts.delete(name);
    }
  }

  #written(event: StreamEvent, data: string | undefined): Buffer {
    const lines = event.lines.map((line) => (readField(line).name === "data" ? line : this.#line(line)));
    const same = data === event.data && lines.every((line, number) => line === event.lines[number]);
    return same ? event.bytes : writeEvent(event, data, (line) => this.#line(line));
  }

  #line(line: string): string | undefined {
    if (this.#hasFields && !/^(?:event|id|retry)(?::|$)/.test(line))
      return line.startsWith(":") ? ":" : undefined;
    return this.#detect(line) ?? undefined;
  }

  /** Moves on what waits for nothing. */
  #moveSettled(): void {
    let count = 0;
    for (const { event, shares, data } of this.#waiting) {
      if (!shares.every(({ isSettled }) => isSettled)) break;
      this.#out.push(this.#written(event, data()));
      this.#waitingBytes -= event.bytes.length + EVENT_COST;
      count++;
    }
    if (count > 0) this.#waiting.splice(0, count);
  }

  #settleFirst(): void {
    for (const share of this.#waiting[0]?.shares ?? []) if (!share.isSettled) share.settle();
    this.#moveSettled();
  }

  #flushAll(): void {
    for (const text of this.#texts.values()) text.flush();
    this.#moveSettled();
  }

  #send(): Promise<void> | undefined {
    if (this.#out.length === 0) return this.#room;
    const out = this.#out;
    this.#out = [];
    const room = this.#next.write(out);
    this.#room = room;
    room?.then(
      () => {
        if (this.#room !== room) return;
        this.#room = undefined;
        this.#roomSince = this.#monotonic();
        this.#wakeLater();
      },
      // Whoever writes next is told.
      () => this.#stop(),
    );
    return room;
  }

  /**
   * While the client takes nothing, nothing is taken from the target: what follows may be there, and time does not count. Else a client could choose
   * by its pauses where a value is cut in two.
   */
  #wakeLater(): void {
    const [first] = this.#waiting;
    if (this.#timer || this.#isOver || this.#room || first === undefined) return;
    const due = Math.max(first.came, this.#roomSince) + DELAY;
    const timer = setTimeout(
      () => {
        // What has come meanwhile is read first: a gateway that is busy must not show half of what is all there.
        setImmediate(() => {
          if (this.#timer === timer) this.#wake();
        });
      },
      Math.max(due - this.#monotonic(), 1),
    );
    this.#timer = timer;
  }

  #wake(): void {
    this.#timer = undefined;
    if (this.#room || this.#isOver) return;
    const latest = this.#monotonic() - DELAY;
    try {
      for (let [first] = this.#waiting; first; [first] = this.#waiting) {
        if (Math.max(first.came, this.#roomSince) > latest) break;
        this.#settleFirst();
      }
      void this.#send();
    } catch (error) {
      // Whoever writes next is told.
      this.#stop();
      this.#room = Promise.reject(
        error instanceof Error ? error : new TypeError("what was kept back can't go on"),
      );
      this.#room.catch(() => undefined);
    }
    this.#wakeLater();
  }

  #stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting.length = 0;
    this.#texts.clear();
  }
}

/** Undefined where it is none, and for numbers and words, which could be parts of a text. */
function parsed(data: string): FactValue | undefined {
  if (!/^[\t\n\r ]*["[{]/.test(data)) return undefined;
  const parse: (text: string) => FactValue = JSON.parse;
  try {
    return parse(data);
  } catch {
    return undefined;
  }
}
