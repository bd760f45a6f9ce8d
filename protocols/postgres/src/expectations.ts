import type { Refusal } from "@gatehouse/core";
import { GatehouseError } from "@gatehouse/core";
import { typeCode } from "./codec/framing.ts";
import type { MaskedAnswer } from "./masking/answer.ts";

/** A message that was sent to the server, and what its answer changes. */
export interface Expectation {
  /** `copy-data` and `copy-end` (CopyDone, CopyFail) have no answer, but tell which Syncs have one. */
  readonly message:
    | "parse"
    | "bind"
    | "describe"
    | "execute"
    | "close"
    | "copy-data"
    | "copy-end"
    | "sync"
    | "query"
    | "function-call";
  /** It was made to fail in place of a refused one: the client is told this instead. */
  refusal?: Refusal;
  /** It is the gateway's own, and so are its answers: about this setting. */
  readonly own?: string;
  /** What becomes of its answer on the way back; absent where that passes as it is. */
  masking?: MaskedAnswer;
  /** A Describe of the portal whose rows come behind it: its answer says of which types they are, and in which form. */
  readonly rows?: true;
  /** It is the gateway's own, put in front of the client's next message: what it says is not the client's, a failure is. */
  readonly unasked?: true;
  /** Told of which types a statement's parameters are. */
  readonly parameterTypes?: (types: readonly number[]) => void;
  /**
   * Called once, with whether the server did what was asked, and how many statements of a simple query it has
   * completed: those before a failure are done, and of what they did to the session's names nothing is undone.
   */
  settle?: (done: boolean, completed: number) => void;
}

/** Messages that one session may have unanswered. Drivers that pipeline send some hundreds. */
const MAX_OPEN = 8192;

/** The types of message that end an answer: which of the sent messages they answer. */
const ENDS: (Expectation["message"] | undefined)[] = [];
for (const [letter, message] of [
  ["1", "parse"],
  ["2", "bind"],
  ["3", "close"],
  ["T", "describe"],
  ["n", "describe"],
  ["C", "execute"],
  ["I", "execute"],
  ["s", "execute"],
] as const) {
  ENDS[typeCode(letter)] = message;
}

/**
 * The messages that the server has yet to answer, in the order in which it will. From it the gateway knows
 * which answer belongs to which message, what an error made the server skip, and when nothing is under way.
 */
export class Expectations {
  #queue: Expectation[] = [];
  #head = 0;
  #copying = false;
  /** Syncs behind a COPY's data: the server passes over them while it copies, and answers them when it has failed. */
  #passedOver = 0;
  /** Of a COPY that has failed: the Syncs that it may have passed over before that, and which have no answer then. */
  #doubtful = 0;
  /** Of the simple query under way: statements that are done, and whether one has failed. */
  #completed = 0;
  #failed = false;
  #segmentOpen = false;
  #skipping = false;
  #waiting: { readonly open: number; readonly resume: () => void } | undefined;

  get empty(): boolean {
    return this.#open === 0;
  }

  get next(): Expectation | undefined {
    return this.#queue[this.#head];
  }

  /** The server is taking the data of a COPY, and the client has not said that they end. */
  get copying(): boolean {
    return this.#copying;
  }

  /** Something was sent that only a Sync ends: the server may keep the answers to itself until then. */
  get segmentOpen(): boolean {
    return this.#segmentOpen;
  }

  /** The server has failed in a segment whose Sync is still to come: it answers nothing until then. */
  get skipping(): boolean {
    return this.#skipping;
  }

  push(expectation: Expectation): void {
    const { message } = expectation;
    if (message !== "copy-end" && message !== "copy-data") {
      this.#segmentOpen = message !== "sync" && message !== "query" && message !== "function-call";
    }
    if (message === "sync") this.#skipping = false;
    this.#queue.push(expectation);
  }

  /**
   * Resolves when there is room for more. A client that sends and never reads is not read on from: the
   * kernel's buffers hold millions of its shortest messages, and this process does not.
   */
  room(): Promise<void> | undefined {
    return this.#open >= MAX_OPEN ? this.#atMost(MAX_OPEN / 2) : undefined;
  }

  /** Whether every message that is not answered yet is the gateway's own. */
  get ownOnly(): boolean {
    for (let at = this.#head; at < this.#queue.length; at++)
      if (this.#queue[at]?.own === undefined) return false;
    return true;
  }

  /**
   * Resolves when everything that was sent is answered.
   * @throws GatehouseError PROTOCOL_VIOLATION when it can't be known what is going to be answered
   */
  answers(): Promise<void> | undefined {
    if (this.empty) return undefined;
    if (this.#doubtful > 0) throw new GatehouseError("PROTOCOL_VIOLATION", "unexpected Sync during COPY");
    return this.#atMost(0);
  }

  /**
   * A message of the server that may end an answer.
   * @throws GatehouseError PROTOCOL_VIOLATION when it answers something that was not asked: from here on the
   * gateway would not know what the client is told.
   */
  answered(type: number): void {
    const message = ENDS[type];
    if (message === "execute") this.#endCopy();
    const next = this.next;
    // A simple query's answer has any number of these, and ends with ReadyForQuery.
    if (next?.message === "query") {
      if (message === "execute") this.#completed++;
      return;
    }
    if (message === undefined) return;
    if (next?.message !== message) {
      if (!this.#passesOver()) throw outOfStep();
      this.answered(type);
      return;
    }
    this.#take()?.settle?.(true, 1);
  }

  /**
   * CopyInResponse or CopyBothResponse: the message under way takes data. The server passes over any Sync up to the data's end
   * ("COPY Operations"), since clients send one behind each Execute before they know that it is a COPY.
   * @throws GatehouseError PROTOCOL_VIOLATION
   */
  copyBegins(): void {
    this.#passesOver();
    const message = this.next?.message;
    if (message !== "query" && message !== "execute") throw outOfStep();
    const waiting = this.#queue.slice(this.#head);
    const end = waiting.findIndex((expectation) => expectation.message === "copy-end");
    this.#copying = end === -1;
    const during = end === -1 ? waiting : waiting.slice(0, end);
    const after = end === -1 ? [] : waiting.slice(end + 1);
    const data = during.findLastIndex((expectation) => expectation.message === "copy-data");
    this.#passedOver = data === -1 ? 0 : countSyncs(during.slice(data));
    this.#queue = [...during.filter((expectation) => expectation.message !== "sync"), ...after];
    this.#head = 0;
    this.#tell();
  }

  /** The client has sent data of a COPY; perhaps ahead of the server's CopyInResponse. */
  copyData(): void {
    if (this.#copying) this.#passedOver = 0;
    else if (!this.empty && this.#queue.at(-1)?.message !== "copy-data") this.push({ message: "copy-data" });
  }

  /** A Sync goes out during a COPY. @returns whether it may: so many are answered by nobody, and more are for nothing */
  passOver(): boolean {
    if (this.#passedOver === MAX_OPEN) return false;
    this.#passedOver++;
    return true;
  }

  /** The client has sent CopyDone or CopyFail; perhaps ahead of the server's CopyInResponse. */
  copyEnds(): void {
    if (this.#copying) this.#copying = false;
    else if (!this.empty) this.push({ message: "copy-end" });
  }

  /** ReadyForQuery. @throws GatehouseError PROTOCOL_VIOLATION */
  ready(): void {
    const done = this.#take();
    if (done?.message !== "sync" && done?.message !== "query" && done?.message !== "function-call")
      throw outOfStep();
    const failed = this.#failed;
    const completed = this.#completed;
    this.#failed = false;
    this.#completed = 0;
    this.#endCopy();
    done.settle?.(!failed, completed);
  }

  /**
   * ErrorResponse: the message that it answers has failed; after one of the extended protocol, the server
   * skips all up to the next Sync.
   * @param canceled by the client. It says so of a COPY by CopyFail, up to which the server has passed over all Syncs
   * @returns the message that has failed
   */
  failed(canceled = false): Expectation | undefined {
    this.#passesOver();
    const failed = this.next;
    if (this.#passedOver > 0 && (this.#copying || !canceled)) {
      const syncs = Array.from({ length: this.#passedOver }, (): Expectation => ({ message: "sync" }));
      this.#queue.splice(this.#head + 1, 0, ...syncs);
      this.#doubtful = this.#passedOver;
    }
    this.#endCopy();
    switch (failed?.message) {
      case undefined:
        return undefined;
      case "query":
      case "function-call":
      case "sync":
        this.#failed = true;
        return failed;
      default:
        while (this.next !== undefined && this.next.message !== "sync") this.#take()?.settle?.(false, 0);
        this.#skipping = this.empty;
        return failed;
    }
  }

  /** The connection is gone: nothing will be answered any more. */
  abandon(): void {
    while (!this.empty) this.#take()?.settle?.(false, 0);
  }

  #take(): Expectation | undefined {
    const first = this.#queue[this.#head];
    if (first !== undefined) this.#head++;
    while (this.next?.message === "copy-end" || this.next?.message === "copy-data") this.#head++;
    if (this.#head === this.#queue.length) {
      this.#queue.length = 0;
      this.#head = 0;
      this.#doubtful = 0;
    } else if (this.#head > 1024) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
    this.#tell();
    return first;
  }

  /**
   * The server answers what stands behind Syncs that it may have passed over: so it has.
   * @returns whether that is so
   */
  #passesOver(): boolean {
    if (this.#doubtful === 0) return false;
    const end = this.#queue.findIndex(({ message }, at) => at >= this.#head && message !== "sync");
    const syncs = end - this.#head;
    if (syncs <= 0 || syncs > this.#doubtful) return false;
    this.#doubtful -= syncs;
    for (let left = syncs; left > 0; left--) this.#take();
    return true;
  }

  #endCopy(): void {
    this.#copying = false;
    this.#passedOver = 0;
  }

  get #open(): number {
    return this.#queue.length - this.#head;
  }

  /** Only whoever reads the client's messages waits here, and that one at a time. */
  #atMost(open: number): Promise<void> {
    return new Promise((resume) => {
      this.#waiting = { open, resume };
    });
  }

  #tell(): void {
    if (this.#waiting === undefined || this.#open > this.#waiting.open) return;
    this.#waiting.resume();
    this.#waiting = undefined;
  }
}

function outOfStep(): GatehouseError {
  return new GatehouseError("PROTOCOL_VIOLATION", "The target answered what it was not asked.");
}

function countSyncs(expectations: readonly Expectation[]): number {
  return expectations.filter(({ message }) => message === "sync").length;
}
