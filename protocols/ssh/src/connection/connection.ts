import { GatehouseError } from "@gatehouse/core";
import {
  decodeChannelData,
  decodeExtendedData,
  decodeWindowAdjust,
  recipientOf,
} from "../codec/channel-data.ts";
import {
  type ChannelOpen,
  decodeChannelOpen,
  decodeOpenConfirmation,
  decodeOpenFailure,
  encodeChannelOpen,
  encodeOpenConfirmation,
  encodeOpenFailure,
  type OpenFailure,
  openFailure,
} from "../codec/channel-open.ts";
import { decodeChannelRequest } from "../codec/channel-request.ts";
import {
  decodeGlobalRequest,
  encodeGlobalRequest,
  encodeRequestFailure,
  encodeRequestSuccess,
  type GlobalRequest,
} from "../codec/global-request.ts";
import { number } from "../codec/numbers.ts";
import type { Transport } from "../transport/transport.ts";
import { Answers } from "./answers.ts";
import { Channel, PACKET, type Wire, WINDOW } from "./channel.ts";

/** Bytes on their way to the peer at which bulk waits: windows are for what is on the network, not for what is in memory. */
const CONGESTED = 1024 * 1024;

/** What carries a connection's messages. */
export interface MessageLink extends Pick<Transport, "send" | "queued" | "onDrain" | "disconnect"> {
  /** Whoever takes the messages, and the end, from now on. */
  set onMessage(take: (payload: Buffer) => void);
  set onClose(closed: (why: GatehouseError | undefined) => void);
}

export interface ConnectionOptions {
  readonly link: MessageLink;
  /** Channels at once, of either side's asking. */
  readonly most: number;
}

/** A peer asks for a channel. One of the two is called, once. */
export interface Opening {
  accept(): Channel;
  refuse(failure: OpenFailure): void;
}

export type GlobalAnswer = { readonly ok: true; readonly data?: Buffer } | { readonly ok: false };

/** What the owner of a connection is told. */
export interface ConnectionEvents {
  open(request: ChannelOpen, opening: Opening): void;
  /** @param answer is told, in time; the peer's requests are answered in their order */
  request(request: GlobalRequest, answer: (answer: GlobalAnswer) => void): void;
  /** @param why undefined where the peer has left as peers do */
  closed(why: GatehouseError | undefined): void;
}

export type Opened =
  | { readonly ok: true; readonly channel: Channel }
  | { readonly ok: false; readonly failure: OpenFailure };

/** The connection protocol (RFC 4254) over one transport: channels, and requests that are about none of them. */
export class Connection {
  readonly #transport: MessageLink;
  readonly #events: ConnectionEvents;
  readonly #most: number;
  readonly #channels = new Map<number, Channel>();
  /** Those that the peer has been asked for, and those that it asks for, by this side's number. */
  readonly #opening = new Map<number, (opened: Opened) => void>();
  #coming = 0;
  #next = 0;
  readonly #wire: Wire;
  readonly #asked: ((answer: GlobalAnswer) => void)[] = [];
  readonly #answers: Answers<GlobalAnswer>;
  #over = false;

  constructor({ link, most }: ConnectionOptions, events: ConnectionEvents) {
    this.#transport = link;
    this.#events = events;
    this.#most = most;
    this.#wire = {
      send: (...parts) => link.send(...parts),
      get congested() {
        return link.queued > CONGESTED;
      },
    };
    this.#answers = new Answers((answer) => {
      link.send(answer.ok ? encodeRequestSuccess(answer.data) : encodeRequestFailure());
    });
  }

  /**
   * Begins to take messages: when all that its events lead to is there.
   * @param early that have come before there was anybody to take them
   * @throws GatehouseError PROTOCOL_VIOLATION for one of those that no peer may send
   */
  start(early: readonly Buffer[] = []): void {
    const link = this.#transport;
    link.onDrain = () => {
      for (const channel of this.#channels.values()) if (channel.isWaiting) channel.flush();
    };
    link.onClose = (why) => this.#end(why);
    for (const payload of early) this.#receive(payload);
    link.onMessage = (payload) => this.#receive(payload);
  }

  get channels(): number {
    return this.#channels.size;
  }

  /**
   * Asks the peer for a channel.
   * @param data what its type has to say
   * @param opened is called when it answers, before anything else that it sends is looked at
   */
  open(type: string, data: Buffer, opened: (opened: Opened) => void): void {
    if (this.#over || this.#isFull) {
      opened(failed(this.#over ? "the connection is gone" : `at most ${this.#most} channels at once`));
      return;
    }
    const own = this.#free();
    this.#opening.set(own, opened);
    this.#transport.send(encodeChannelOpen(type, { channel: own, window: WINDOW, packet: PACKET }, data));
  }

  /**
   * Asks the peer for something that is about no channel.
   * @param answered is called when it answers, before anything else that it sends is looked at
   */
  ask(name: string, data: Buffer, answered: (answer: GlobalAnswer) => void): void {
    if (this.#over) {
      answered({ ok: false });
      return;
    }
    this.#asked.push(answered);
    this.#transport.send(encodeGlobalRequest(name, true, data));
  }

  /** Tells the peer why, and ends it. */
  disconnect(reason: number, description: string): void {
    this.#transport.disconnect(reason, description);
  }

  #receive(payload: Buffer): void {
    switch (payload[0]) {
      case number.channelData:
        this.#channelOf(payload).receiveData(decodeChannelData(payload));
        break;
      case number.channelExtendedData: {
        const { type, data } = decodeExtendedData(payload);
        this.#channelOf(payload).receiveData(data, type);
        break;
      }
      case number.channelWindowAdjust:
        this.#channelOf(payload).receiveRoom(decodeWindowAdjust(payload));
        break;
      case number.channelRequest:
        this.#channelOf(payload).receiveRequest(decodeChannelRequest(payload));
        break;
      case number.channelSuccess:
      case number.channelFailure:
        this.#channelOf(payload).receiveAnswer(payload[0] === number.channelSuccess);
        break;
      case number.channelEof:
        this.#channelOf(payload).receiveEof();
        break;
      case number.channelClose:
        this.#channelOf(payload).receiveClose();
        break;
      case number.channelOpen:
        this.#asksForChannel(decodeChannelOpen(payload));
        break;
      case number.channelOpenConfirmation:
        this.#opened(payload);
        break;
      case number.channelOpenFailure: {
        const { recipient, ...failure } = decodeOpenFailure(payload);
        this.#answered(recipient)({ ok: false, failure });
        break;
      }
      case number.globalRequest: {
        const request = decodeGlobalRequest(payload);
        this.#events.request(request, this.#answers.expect(request.wantReply));
        break;
      }
      case number.requestSuccess:
        this.#answeredGlobally({ ok: true, data: payload.subarray(1) });
        break;
      case number.requestFailure:
        this.#answeredGlobally({ ok: false });
        break;
      default:
        throw new GatehouseError("PROTOCOL_VIOLATION", `unexpected message ${payload[0]}`);
    }
  }

  #channelOf(payload: Buffer): Channel {
    const channel = this.#channels.get(recipientOf(payload));
    if (channel) return channel;
    throw new GatehouseError("PROTOCOL_VIOLATION", "a message for a channel that is not open");
  }

  #asksForChannel(request: ChannelOpen): void {
    const refuse = (failure: OpenFailure) => {
      this.#transport.send(encodeOpenFailure(request.channel, failure));
    };
    if (this.#isFull) {
      refuse({ reason: openFailure.resourceShortage, description: `at most ${this.#most} channels at once` });
      return;
    }
    const own = this.#free();
    this.#coming++;
    let answered = false;
    const once = (): boolean => {
      if (answered) return false;
      answered = true;
      this.#coming--;
      return !this.#over;
    };
    this.#events.open(request, {
      accept: () => {
        const alive = once();
        const channel = this.#add(own, request);
        if (!alive) channel.drop();
        else {
          const terms = { channel: own, window: WINDOW, packet: PACKET };
          this.#transport.send(encodeOpenConfirmation(request.channel, terms));
        }
        return channel;
      },
      refuse: (failure) => {
        if (once()) refuse(failure);
      },
    });
  }

  #opened(payload: Buffer): void {
    const { recipient, ...terms } = decodeOpenConfirmation(payload);
    const opened = this.#answered(recipient);
    opened({ ok: true, channel: this.#add(recipient, terms) });
  }

  #answered(recipient: number): (opened: Opened) => void {
    const opened = this.#opening.get(recipient);
    this.#opening.delete(recipient);
    if (opened) return opened;
    throw new GatehouseError("PROTOCOL_VIOLATION", "an answer to a channel that was not asked for");
  }

  #add(own: number, terms: Omit<ChannelOpen, "type">): Channel {
    const channel = new Channel(own, terms, this.#wire, () => this.#channels.delete(own));
    this.#channels.set(own, channel);
    return channel;
  }

  #answeredGlobally(answer: GlobalAnswer): void {
    const answered = this.#asked.shift();
    if (answered) answered(answer);
    else throw new GatehouseError("PROTOCOL_VIOLATION", "an answer to a request that was not made");
  }

  get #isFull(): boolean {
    return this.#channels.size + this.#opening.size + this.#coming >= this.#most;
  }

  /** A number that no channel has, nor is to have. */
  #free(): number {
    // Never one that was just given back: a late message for it must find nobody.
    do this.#next = (this.#next + 1) % 2 ** 31;
    while (this.#channels.has(this.#next) || this.#opening.has(this.#next));
    return this.#next;
  }

  #end(why: GatehouseError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    for (const opened of this.#opening.values()) opened(failed("the connection is gone"));
    this.#opening.clear();
    for (const answered of this.#asked.splice(0)) answered({ ok: false });
    for (const channel of [...this.#channels.values()]) channel.drop();
    this.#channels.clear();
    this.#events.closed(why);
  }
}

function failed(description: string): Opened {
  return { ok: false, failure: { reason: openFailure.resourceShortage, description } };
}
