import { GatehouseError } from "@gatehouse/core";

/** RFC 4253 section 4.2: with its CR and LF. */
const MAX_LINE = 255;
/** What a server may say before it says who it is. */
const MAX_BANNER_LINES = 50;
const MAX_BANNER = 16 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/** `SSH-2.0-SOFTWARE`, without the end of its line. */
export function identification(software: string): string {
  return `SSH-2.0-${software}`;
}

/**
 * Finds the peer's identification in what it sends first (RFC 4253 section 4.2). A server may send other lines before it; a
 * client may not.
 */
export class IdentificationReader {
  readonly #peer: "server" | "client";
  #bytes: Buffer = Buffer.alloc(0);
  #line = "";

  constructor(peer: "server" | "client") {
    this.#peer = peer;
  }

  /** The identification without the end of its line; empty until it is there. */
  get line(): string {
    return this.#line;
  }

  /**
   * @returns what stood behind the identification; undefined while that is not all there
   * @throws GatehouseError PROTOCOL_VIOLATION for what is no SSH 2
   */
  push(chunk: Buffer): Buffer | undefined {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    let start = 0;
    for (let lines = 0; ; lines++) {
      const end = this.#bytes.indexOf(LF, start);
      // So much is not even looked for: a peer that never ends its line is not stored.
      const length = (end === -1 ? this.#bytes.length : end + 1) - start;
      const isIdentification = this.#bytes.toString("latin1", start, start + 4) === "SSH-";
      if (length > MAX_LINE && (isIdentification || this.#peer === "client")) {
        throw violation("the identification is too long");
      }
      if (start + length > MAX_BANNER + MAX_LINE || lines > MAX_BANNER_LINES) {
        throw violation("too much before the identification");
      }
      if (end === -1) return undefined;
      if (isIdentification) {
        this.#line = identified(this.#bytes.subarray(start, this.#bytes[end - 1] === CR ? end - 1 : end));
        return this.#bytes.subarray(end + 1);
      }
      if (this.#peer === "client") throw violation("the client does not speak SSH");
      start = end + 1;
    }
  }
}

/** 1.99 is 2.0 with a server that had 1 as well (section 5.1). */
function identified(bytes: Buffer): string {
  const line = bytes.toString("latin1");
  if (/^SSH-(?:2\.0|1\.99)-[\x20-\x7e]+$/.test(line)) return line;
  throw violation(line.startsWith("SSH-2.0-") ? "invalid identification" : "unsupported version of SSH");
}

function violation(message: string): GatehouseError {
  return new GatehouseError("PROTOCOL_VIOLATION", message);
}
