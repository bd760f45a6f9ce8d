import { randomFillSync } from "node:crypto";
import type { Sealer } from "./ciphers.ts";

/** RFC 4253 section 6. */
const LEAST_PADDING = 4;
/** Of packets that are not encrypted yet. */
const PLAIN_BLOCK = 8;
const LENGTH = 4;

/** Random bytes, drawn many at a time and used once: padding is there to be unlike anything else. */
const padding = { bytes: Buffer.alloc(16 * 1024), used: 16 * 1024 };

/**
 * Where packets are put together before they are encrypted; one for all connections, since each is encrypted before the next is
 * begun. A larger packet gets one of its own.
 */
const workbench = Buffer.alloc(64 * 1024);

/** Makes binary packets (RFC 4253 section 6) of payloads. */
export class PacketWriter {
  #sealer: Sealer | undefined;
  #sequence = 0;
  /** Since the keys were changed. */
  #packets = 0;
  #bytes = 0;

  get packets(): number {
    return this.#packets;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @param restart packets are counted from 0 again (strict key exchange) */
  use(sealer: Sealer, restart: boolean): void {
    this.#sealer = sealer;
    this.#packets = 0;
    this.#bytes = 0;
    if (restart) this.#sequence = 0;
  }

  /**
   * @param parts one payload
   * @returns the bytes to send, in order
   */
  write(parts: readonly Uint8Array[]): readonly Buffer[] {
    let payload = 0;
    for (const part of parts) payload += part.length;
    const block = this.#sealer?.block ?? PLAIN_BLOCK;
    // The length counts for the alignment of a packet in the clear; of an encrypted one it stands beside.
    const beside = this.#sealer ? 0 : LENGTH;
    const unpadded = beside + 1 + payload + LEAST_PADDING;
    const pad = LEAST_PADDING + ((block - (unpadded % block)) % block);
    const size = 1 + payload + pad;

    const plain = size <= workbench.length ? workbench.subarray(0, size) : Buffer.allocUnsafe(size);
    plain[0] = pad;
    let at = 1;
    for (const part of parts) {
      plain.set(part, at);
      at += part.length;
    }
    fillPadding(plain.subarray(at));

    const length = Buffer.allocUnsafe(LENGTH);
    length.writeUInt32BE(size);
    const packet = this.#sealer
      ? [length, ...this.#sealer.seal(this.#sequence, length, plain)]
      : [Buffer.concat([length, plain])];
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#packets++;
    this.#bytes += size;
    return packet;
  }
}

function fillPadding(target: Buffer): void {
  if (padding.used + target.length > padding.bytes.length) {
    randomFillSync(padding.bytes);
    padding.used = 0;
  }
  padding.bytes.copy(target, 0, padding.used, padding.used + target.length);
  padding.used += target.length;
}
