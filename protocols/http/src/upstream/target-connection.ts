import type { Socket } from "node:net";
import { type Address, formatAddress, GatehouseError, type Lease, type Target } from "@gatehouse/core";
import { dial, secureUpstream } from "@gatehouse/wire";
import { encodeChunk, encodeLastChunk } from "../codec/chunks.ts";
import { Fields } from "../codec/fields.ts";
import { Malformed } from "../codec/malformed.ts";
import { parseResponseHead, type ResponseHead } from "../codec/response-head.ts";
import { MessageReader } from "../connection/message-reader.ts";
import { send } from "../connection/send.ts";
import { encodeRequestHead } from "../encode.ts";
import type { Answered, Outgoing, Progress, TargetAnswer, TargetLink } from "./target-link.ts";

/** Heads before an answer's own, at most: nobody waits for them, so that they could fill the memory. */
const MOST_INTERIM = 32;

const SWITCHING = 101;

const NO_FIELDS = new Fields([]);

/** The gateway's own connection of HTTP/1.1 to a target: one request at a time. */
export class TargetConnection implements TargetLink {
  readonly #socket: Socket;
  readonly #reader: MessageReader;
  #isClosed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#reader = new MessageReader(socket);
    socket.once("close", () => {
      this.#isClosed = true;
    });
  }

  /** Whether another request may go out on it: nothing has come that nobody had asked for, not even its end. */
  get isUsable(): boolean {
    const socket = this.#socket;
    return (
      !this.#isClosed &&
      socket.writable &&
      !socket.readableEnded &&
      socket.readableLength === 0 &&
      !this.#reader.hasMore
    );
  }

  /** Has nothing to do for now: it is seen if its target closes it, or says what nobody has asked for. */
  rest(): void {
    this.#reader.watch(() => this.destroy());
  }

  async exchange(outgoing: Outgoing, answer: TargetAnswer, progress: Progress): Promise<Answered> {
    let brokenOff: Malformed | undefined;
    let isBegun = false;
    progress.sent();
    // Both at once: a target may answer before it has seen all of the body.
    const sending = this.#send(outgoing);
    let isSent = sending === undefined;
    if (isSent) progress.waiting();
    // Of a body that its client has not ended, the target must not wait for the rest. That the target takes no more is no reason: it may
    // have answered already.
    void sending?.then(
      () => {
        isSent = true;
        if (!isBegun) progress.waiting();
      },
      (error: unknown) => {
        isBegun = true;
        if (!(error instanceof Malformed)) return;
        brokenOff = error;
        this.destroy();
      },
    );
    try {
      const { head, trailers } = await this.#receive(outgoing.method, answer, progress, () => {
        isBegun = true;
      });
      if (head.status === SWITCHING) {
        const early = await this.#reader.handOver();
        return { trailers, isReusable: false, switched: { socket: this.#socket, early } };
      }
      const isLast = outgoing.last || outgoing.switches === true;
      // A target that has answered before it took all of the request may never take the rest: it is not waited for.
      return { trailers, isReusable: isSent && !isLast && persists(head) };
    } catch (error) {
      isBegun = true;
      // What the target made of a body that was broken off is not what is wrong. All else that is malformed is the target's, and nothing that
      // the client is told to have done.
      throw brokenOff ?? (error instanceof Malformed ? broken(error.message) : error);
    }
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** @returns undefined where all of it is on its way, and there is room for more */
  #send(outgoing: Outgoing): Promise<void> | undefined {
    const room = send(this.#socket, [encodeRequestHead(outgoing)]);
    return outgoing.framing.kind === "none" ? room : this.#sendBody(outgoing, room);
  }

  async #sendBody({ framing, body }: Outgoing, room: Promise<void> | undefined): Promise<void> {
    await room;
    const isChunked = framing.kind === "chunked";
    await body.sendTo((content) =>
      send(this.#socket, isChunked ? content.flatMap((piece) => encodeChunk(piece)) : content),
    );
    // Without trailers: nobody has decided on them.
    if (isChunked) await send(this.#socket, [encodeLastChunk(NO_FIELDS)]);
  }

  async #receive(
    method: string,
    answer: TargetAnswer,
    progress: Progress,
    begun: () => void,
  ): Promise<{ readonly head: ResponseHead; readonly trailers: Fields }> {
    for (let before = 0; ; before++) {
      const lines = await this.#reader.head();
      if (lines === undefined) {
        throw new GatehouseError("TARGET_UNREACHABLE", "The target closed the connection without an answer.");
      }
      const head = parseResponseHead(lines, method);
      progress.answered();
      if (head.status === SWITCHING && answer.switching) {
        begun();
        progress.begun();
        answer.switching(head);
        return { head, trailers: NO_FIELDS };
      }
      if (head.status < 200) {
        if (before === MOST_INTERIM) throw broken("more heads before it than anybody needs");
        answer.interim(head);
        continue;
      }
      begun();
      progress.begun();
      const sink = answer.begin(head);
      try {
        const trailers = await this.#reader.body(head.framing, (content) => sink.write(content));
        await sink.end();
        return { head, trailers };
      } catch (error) {
        sink.abort();
        throw error;
      }
    }
  }
}

/** Whether the target keeps its connection open behind this answer (RFC 9112, section 9.3). */
function persists({ version, fields, framing }: ResponseHead): boolean {
  return version === "1.1" && framing.kind !== "close" && !fields.list("connection").includes("close");
}

function broken(what: string): GatehouseError {
  return new GatehouseError("TARGET_REJECTED", `The target's answer is none: ${what}.`);
}

/** A version of this protocol in TLS (ALPN), as IANA has it. */
export type HttpProtocol = "h2" | "http/1.1";

export interface Dialled {
  readonly socket: Socket;
  /** What the target speaks on it. */
  readonly protocol: HttpProtocol;
}

export interface DialOptions {
  /** Milliseconds after which TCP asks a silent target whether it is still there. */
  readonly keepalive: number;
  /** The versions that may be spoken, the best first. Without TLS it is HTTP/1.1. */
  readonly alpn: readonly HttpProtocol[];
}

/**
 * Connects to a target, protected as its config says. Its addresses are tried in order, each within the connect deadline.
 * @throws GatehouseError of the TARGET_ family, or CERTIFICATE_INVALID; where several addresses were tried, the last one's
 */
export async function dialTarget(
  target: Target,
  lease: Pick<Lease, "certificate">,
  options: DialOptions,
): Promise<Dialled> {
  let failure: GatehouseError | undefined;
  for (const address of target.addresses) {
    try {
      return await open(target, address, lease, options);
    } catch (error) {
      if (!(error instanceof GatehouseError) || error.code !== "TARGET_UNREACHABLE") throw error;
      failure = error;
    }
  }
  throw failure ?? new TypeError("A target without an address was handed to the HTTP adapter.");
}

async function open(
  { tls, connectTimeout }: Target,
  address: Address,
  { certificate }: Pick<Lease, "certificate">,
  { keepalive, alpn }: DialOptions,
): Promise<Dialled> {
  const deadline = AbortSignal.timeout(connectTimeout);
  const socket = await dial(address, deadline, keepalive);
  if (tls.mode === "off") return { socket, protocol: "http/1.1" };
  if (tls.mode === "own" || "socket" in address) {
    socket.destroy();
    throw new GatehouseError("TARGET_UNREACHABLE", `${formatAddress(address)} has no TLS.`);
  }
  const secured = await secureUpstream(socket, address, { tls, certificate, alpn }, deadline);
  return { socket: secured, protocol: secured.alpnProtocol === "h2" ? "h2" : "http/1.1" };
}
