import { GatehouseError } from "@gatehouse/core";
import type { Opener } from "./ciphers.ts";

const LENGTH = 4;
/** RFC 4253 section 6: the least that padding may be, and a packet without its length in the clear. */
const LEAST_PADDING = 4;
const LEAST_PLAIN = 12;
const PLAIN_BLOCK = 8;

const NOTHING = Buffer.alloc(0);

/**
 * Finds binary packets (RFC 4253 section 6) in bytes that come in whatever pieces. A packet that lies in one piece is opened where it
 * lies; one that does not is put together in a buffer of its length, which was found to be possible before.
 */
export class PacketReader {
  #opener: Opener | undefined;
  #limit: number;
  #sequence = 0;
  #packets = 0;
  #bytes = 0;
  /** What has come and was not looked at yet. */
  #chunk: Buffer = NOTHING;
  /** A packet, or its length, of which there is only the beginning. */
  #begun: Buffer = NOTHING;
  #filled = 0;

  /** @param limit the largest packet length that a peer may announce */
  constructor(limit: number) {
    this.#limit = limit;
  }

  set limit(limit: number) {
    this.#limit = limit;
  }

  /** The number of the packet that was read last. */
  get lastSequence(): number {
    return (this.#sequence - 1) >>> 0;
  }

  /** Since the keys were changed. */
  get packets(): number {
    return this.#packets;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** From the next packet on. @param restart packets are counted from 0 again (strict key exchange) */
  use(opener: Opener, restart: boolean): void {
    this.#opener = opener;
    this.#packets = 0;
    this.#bytes = 0;
    if (restart) this.#sequence = 0;
  }

  push(chunk: Buffer): void {
    // The next one comes when this one is used up, save where reading was stopped in the middle of it.
    this.#chunk = this.#chunk.length === 0 ? chunk : Buffer.concat([this.#chunk, chunk]);
  }

  /**
   * The next packet's payload; undefined while there is none. The receiver may keep it.
   * @throws GatehouseError PROTOCOL_VIOLATION when it is not one
   */
  next(): Buffer | undefined {
    const packet = this.#whole();
    if (packet === undefined) return undefined;
    const plain = this.#opener ? this.#opener.open(this.#sequence, packet) : packet.subarray(LENGTH);
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#packets++;
    this.#bytes += packet.length;
    const padding = plain[0] ?? 0;
    const end = plain.length - padding;
    if (padding < LEAST_PADDING || end < 2) throw invalid("invalid padding of a packet");
    return plain.subarray(1, end);
  }

  /** A packet with its length and its proof. */
  #whole(): Buffer | undefined {
    const proof = this.#opener?.proof ?? 0;
    if (this.#filled === 0 && this.#chunk.length >= LENGTH) {
      const size = this.#sizeOf(this.#chunk) + proof;
      if (this.#chunk.length >= size) {
        const packet = this.#chunk.subarray(0, size);
        this.#pass(size);
        return packet;
      }
      this.#begun = Buffer.allocUnsafe(size);
    }
    if (this.#filled < LENGTH) {
      if (this.#begun.length === 0) this.#begun = Buffer.allocUnsafe(LENGTH);
      this.#fill();
      if (this.#filled < LENGTH) return undefined;
      if (this.#begun.length === LENGTH) {
        const size = this.#sizeOf(this.#begun) + proof;
        this.#begun = Buffer.concat([this.#begun], size);
      }
    }
    this.#fill();
    if (this.#filled < this.#begun.length) return undefined;
    const packet = this.#begun;
    this.#begun = NOTHING;
    this.#filled = 0;
    return packet;
  }

  #fill(): void {
    const copied = this.#chunk.copy(this.#begun, this.#filled);
    this.#filled += copied;
    this.#pass(copied);
  }

  /** What is used up is not kept: even an empty part keeps the whole in memory. */
  #pass(size: number): void {
    this.#chunk = size === this.#chunk.length ? NOTHING : this.#chunk.subarray(size);
  }

  /** With its length, without its proof. */
  #sizeOf(head: Buffer): number {
    const length = head.readUInt32BE();
    const block = this.#opener?.block ?? PLAIN_BLOCK;
    const aligned = this.#opener ? length : length + LENGTH;
    const least = this.#opener ? block : LEAST_PLAIN;
    if (length < least || length > this.#limit || aligned % block !== 0) {
      throw invalid("invalid length of a packet");
    }
    return LENGTH + length;
  }
}

function invalid(message: string): GatehouseError {
  return new GatehouseError("PROTOCOL_VIOLATION", message);
}
