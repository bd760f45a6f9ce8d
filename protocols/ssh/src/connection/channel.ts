import { GatehouseError } from "@gatehouse/core";
import {
  dataHeader,
  encodeClose,
  encodeEof,
  encodeWindowAdjust,
  extendedDataHeader,
} from "../codec/channel-data.ts";
import type { Terms } from "../codec/channel-open.ts";
import { type ChannelRequest, encodeChannelAnswer, encodeChannelRequest } from "../codec/channel-request.ts";
import { Answers } from "./answers.ts";

/** Bytes that a peer may send ahead of who takes them, on each channel: what OpenSSH gives as well. */
export const WINDOW = 2 * 1024 * 1024;
/** Bytes of data in one message: all receivers have to take so many (RFC 4253 section 6.1). */
export const PACKET = 32 * 1024;
/** Pieces up to this size are joined while they wait. */
const SMALL = 16 * 1024;
/** RFC 4254 section 5.2: windows end here. */
const MAX_WINDOW = 2 ** 32 - 1;

/** What a channel's owner is told of its peer, in the order in which the peer did it. Nothing of this may throw but for what ends the connection. */
export interface ChannelEvents {
  /**
   * Bytes have come: standard output or input, or extended data of that type. They count against the window until
   * `Channel.consumed` says that they are taken.
   */
  data(bytes: Buffer, type: number | undefined): void;
  /** @param answer is told, in time, whether it was done; the peer's requests are answered in their order */
  request(request: ChannelRequest, answer: (ok: boolean) => void): void;
  /** No more data will come. */
  eof(): void;
  /**
   * The peer has closed it, or the connection is gone: nothing more comes, and no more bytes are taken. Whoever owns it closes it as well,
   * now or when there is nothing more to tell: a program's status can come after its client has heard enough.
   */
  closed(): void;
}

/** Where bytes came from. */
export interface Source {
  /** So many of its bytes are on their way, or for nobody any more: it may send as many more. */
  consumed(bytes: number): void;
}

/** Where a channel's messages go. */
export interface Wire {
  send(...parts: readonly Uint8Array[]): void;
  /** Whether so much waits to be taken by the system that bulk has to wait; `Channel.flush` is called when it is over. */
  readonly congested: boolean;
}

/** What waits for its turn: bytes for the window, the end for the bytes before it. */
type Waiting = Piece | "end" | "close";

interface Piece {
  bytes: Buffer;
  readonly type: number | undefined;
  readonly from: Source | undefined;
  readonly counts: number;
}

/**
 * One channel, open on both sides (RFC 4254 section 5). What is sent goes in order and no faster than the peer takes it; what
 * waits is bounded by the windows of those who send it.
 */
export class Channel implements Source {
  readonly number: number;
  readonly #peer: number;
  readonly #packet: number;
  readonly #wire: Wire;
  readonly #gone: (channel: Channel) => void;
  /** Bytes that the peer still takes, and those that it may still send. */
  #room: number;
  #credit = WINDOW;
  /** Bytes that were taken since the peer was last given more to send. */
  #taken = 0;
  #waiting: Waiting[] = [];
  #events: ChannelEvents | undefined;
  /** Settled in the order of the requests that were sent. */
  #asked: ((ok: boolean) => void)[] = [];
  readonly #answers: Answers<boolean>;
  #ended = false;
  #closing = false;
  #closedByPeer = false;
  #over = false;

  /**
   * @param number this side's
   * @param peer what the other side has said of its own
   * @param gone is called when both sides have closed it, and its number is free
   */
  constructor(number: number, peer: Terms, wire: Wire, gone: (channel: Channel) => void) {
    this.number = number;
    this.#peer = peer.channel;
    this.#room = peer.window;
    this.#packet = Math.min(peer.packet, PACKET);
    this.#wire = wire;
    this.#gone = gone;
    this.#answers = new Answers((ok) => {
      if (!this.#over) wire.send(encodeChannelAnswer(peer.channel, ok));
    });
  }

  /** Who is told; before anything else happens. */
  set events(events: ChannelEvents) {
    this.#events = events;
  }

  /** Whether nothing can be sent any more. */
  get isClosing(): boolean {
    return this.#closing || this.#over;
  }

  /** Bytes that wait to be sent. */
  get pending(): number {
    return this.#waiting.reduce((sum, item) => sum + (isPiece(item) ? item.bytes.length : 0), 0);
  }

  /**
   * Sends bytes; after `end` or `close` they vanish.
   * @param type of extended data
   * @param from where they came from: it is told when they are on their way, or for nobody any more
   * @param counts how many of its bytes they stand for
   */
  write(bytes: Buffer, type?: number, from?: Source, counts = bytes.length): void {
    this.#add({ bytes, type, from, counts });
    this.flush();
  }

  /**
   * Sends what lies in parts as if it lay in one piece.
   * @param from is told of the last part alone
   */
  writeAll(parts: readonly Buffer[], from?: Source): void {
    const last = parts.length - 1;
    for (const [at, bytes] of parts.entries()) {
      this.#add({ bytes, type: undefined, from: at === last ? from : undefined, counts: bytes.length });
    }
    this.flush();
  }

  #add(added: Piece): void {
    if (added.bytes.length === 0 || this.#ended || this.isClosing || this.#closedByPeer) {
      added.from?.consumed(added.counts);
      return;
    }
    let piece = added;
    // A peer that sends byte by byte must not cost an object a byte. Joined with a neighbour that is no larger, as in a ChunkQueue:
    // each byte is copied a logarithmic number of times.
    for (let last = this.#waiting.at(-1); joins(last, piece); last = this.#waiting.at(-1)) {
      this.#waiting.pop();
      piece = {
        ...piece,
        bytes: Buffer.concat([last.bytes, piece.bytes]),
        counts: last.counts + piece.counts,
      };
    }
    this.#waiting.push(piece);
  }

  /**
   * Asks the peer for something. Bytes that wait for the peer do not keep it waiting: a signal is for a program that reads nothing,
   * too.
   * @param answered is called with its answer, before anything else that it sends is looked at; with false when the channel ends
   */
  ask(type: string, data: Buffer, answered: (ok: boolean) => void): void {
    if (this.isClosing || this.#closedByPeer) {
      answered(false);
      return;
    }
    this.#asked.push(answered);
    this.#wire.send(encodeChannelRequest(this.#peer, { type, wantReply: true, data }));
  }

  /**
   * Tells the peer something that it need not answer. One that reads nothing is told nothing but how its program has ended: what
   * others have to say to it would have no bound.
   */
  tell(type: string, data: Buffer): void {
    if (this.isClosing || (this.#wire.congested && !type.startsWith("exit-"))) return;
    this.#wire.send(encodeChannelRequest(this.#peer, { type, wantReply: false, data }));
  }

  /** Says that no more bytes will come. */
  end(): void {
    if (this.#ended || this.isClosing || this.#closedByPeer) return;
    this.#ended = true;
    this.#waiting.push("end");
    this.flush();
  }

  /** Closes it once all that waits has been sent; a peer that has not done so closes its side then. */
  close(): void {
    if (this.isClosing) return;
    this.#closing = true;
    this.#waiting.push("close");
    this.flush();
  }

  /** Closes it at once: what waits for a peer that does not take it is for nobody. */
  abort(): void {
    if (this.#over) return;
    this.#closing = true;
    this.#letGo();
    this.#sendClose();
  }

  /** Lets the peer send so many bytes more. */
  consumed(bytes: number): void {
    this.#taken += bytes;
    // Not for each packet: an adjustment is a packet as well.
    if (this.#taken < WINDOW / 2 || this.#over || this.#closedByPeer) return;
    this.#wire.send(encodeWindowAdjust(this.#peer, this.#taken));
    this.#credit += this.#taken;
    this.#taken = 0;
  }

  /** Sends what there is room for. */
  flush(): void {
    for (let [first] = this.#waiting; first !== undefined; [first] = this.#waiting) {
      if (typeof first !== "string") {
        if (this.#room === 0 || this.#wire.congested) return;
        this.#sendData(first.type);
        continue;
      }
      this.#waiting.shift();
      if (first === "end") this.#wire.send(encodeEof(this.#peer));
      else this.#sendClose();
    }
  }

  /** Sends one message of what waits first: as many pieces as it takes. */
  #sendData(type: number | undefined): void {
    const limit = Math.min(this.#room, this.#packet);
    const parts: Buffer[] = [];
    const sent: Piece[] = [];
    let size = 0;
    for (const piece of this.#waiting) {
      if (!isPiece(piece) || piece.type !== type || size === limit) break;
      const part = piece.bytes.subarray(0, limit - size);
      parts.push(part);
      size += part.length;
      if (part.length === piece.bytes.length) sent.push(piece);
      else piece.bytes = piece.bytes.subarray(part.length);
    }
    this.#waiting.splice(0, sent.length);
    this.#room -= size;
    const header =
      type === undefined ? dataHeader(this.#peer, size) : extendedDataHeader(this.#peer, type, size);
    this.#wire.send(header, ...parts);
    for (const { from, counts } of sent) from?.consumed(counts);
  }

  /** Whether it has more to send than it may. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  // What the connection hands it of the peer's messages.

  /** @throws GatehouseError PROTOCOL_VIOLATION, as do the others, for what a peer may not send on a channel in this state */
  receiveData(bytes: Buffer, type?: number): void {
    if (this.#closedByPeer) throw afterTheEnd();
    if (bytes.length > this.#credit) {
      throw new GatehouseError("PROTOCOL_VIOLATION", "channel data beyond the window");
    }
    // It costs its sender nothing, and must cost nobody anything.
    if (bytes.length === 0) return;
    this.#credit -= bytes.length;
    // Who has closed it looks at nothing any more; the peer may not know yet.
    if (this.#over || this.#closing) this.consumed(bytes.length);
    else this.#events?.data(bytes, type);
  }

  receiveRoom(bytes: number): void {
    if (this.#closedByPeer) throw afterTheEnd();
    this.#room += bytes;
    if (this.#room > MAX_WINDOW) throw new GatehouseError("PROTOCOL_VIOLATION", "channel window overflow");
    this.flush();
  }

  receiveRequest(request: ChannelRequest): void {
    if (this.#closedByPeer) throw afterTheEnd();
    const answer = this.#answers.expect(request.wantReply);
    // Also behind this side's close: what a peer tells last, it tells until its own.
    if (this.#events) this.#events.request(request, answer);
    else answer(false);
  }

  receiveAnswer(ok: boolean): void {
    const answered = this.#asked.shift();
    if (answered === undefined && !this.#over) {
      throw new GatehouseError("PROTOCOL_VIOLATION", "an answer to a channel request that was not made");
    }
    answered?.(ok);
  }

  receiveEof(): void {
    if (this.#closedByPeer) throw afterTheEnd();
    if (!this.isClosing) this.#events?.eof();
  }

  receiveClose(): void {
    if (this.#closedByPeer) throw afterTheEnd();
    this.#closedByPeer = true;
    const wasClosing = this.#closing;
    // The peer takes nothing any more: what waits for it is for nobody.
    this.#letGo();
    if (wasClosing && !this.#over) this.#sendClose();
    else if (this.#over) this.#gone(this);
    this.#events?.closed();
  }

  /** The connection is gone. */
  drop(): void {
    const wasOpen = !this.#closedByPeer;
    this.#closedByPeer = true;
    this.#over = true;
    this.#letGo();
    if (wasOpen) this.#events?.closed();
  }

  /** This side's last message. */
  #sendClose(): void {
    this.#wire.send(encodeClose(this.#peer));
    this.#over = true;
    this.#answerNobody();
    if (this.#closedByPeer) this.#gone(this);
  }

  #letGo(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const item of waiting) if (isPiece(item)) item.from?.consumed(item.counts);
    this.#answerNobody();
  }

  #answerNobody(): void {
    for (const answered of this.#asked.splice(0)) answered(false);
  }
}

function afterTheEnd(): GatehouseError {
  return new GatehouseError("PROTOCOL_VIOLATION", "a message for a channel that its peer has closed");
}

function isPiece(item: Waiting | undefined): item is Piece {
  return item !== undefined && typeof item !== "string";
}

function joins(last: Waiting | undefined, piece: Piece): last is Piece {
  return (
    isPiece(last) &&
    last.type === piece.type &&
    last.from === piece.from &&
    last.bytes.length <= piece.bytes.length &&
    last.bytes.length + piece.bytes.length <= SMALL
  );
}
