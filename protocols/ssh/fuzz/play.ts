import { once } from "node:events";
import { connect } from "node:net";
import { GatehouseError } from "@gatehouse/core";
import { Random } from "@gatehouse/testkit";
import { decodeDisconnect } from "../src/codec/disconnect.ts";
import { number } from "../src/codec/numbers.ts";
import { RawPeer } from "../test/support/raw-peer.ts";
import { changed } from "./change.ts";
import { type Here, messageOf, proofOf } from "./messages.ts";
import type { Site } from "./site.ts";
import type { Step } from "./steps.ts";

/** Milliseconds after which a connection whose client has left, or waits for an answer, is held to be kept for ever. */
const PATIENCE = 15_000;

/** What no server says to who is not in. */
const ONLY_INSIDE: ReadonlySet<number | undefined> = new Set<number>([
  number.userauthSuccess,
  number.requestSuccess,
  number.channelOpenConfirmation,
  number.channelData,
  number.channelSuccess,
]);

/**
 * Plays the steps on a connection of their own, up to its end.
 * @returns what the server did that it should not have, if anything
 */
export async function play(site: Site, steps: readonly Step[]): Promise<string | undefined> {
  const socket = connect({ port: site.port, host: "127.0.0.1", noDelay: true });
  // One that is reset while it connects, and ended then, is never closed by Node.
  await once(socket, "connect");
  const player = new Player(new RawPeer(socket), site);
  const late = new AbortController();
  const patience = setTimeout(() => {
    late.abort();
    socket.destroy();
  }, PATIENCE);
  try {
    for (const step of steps) await player.take(step);
    if (!socket.destroyed) socket.end();
    await player.listen();
  } catch (error) {
    // The server has left in the middle, or has said what can't be read any more: it was told nonsense.
    if (!isLeft(error)) throw error;
  } finally {
    clearTimeout(patience);
    socket.destroy();
  }
  return late.signal.aborted ? "the connection is kept for ever" : player.finding;
}

/** Of the client's side: the fuzzer's own faults are none of these. */
function isLeft(error: unknown): boolean {
  return (
    error instanceof GatehouseError || (error instanceof Error && error.message === "the server has left")
  );
}

class Player {
  readonly #peer: RawPeer;
  readonly #site: Site;
  finding: string | undefined;

  constructor(peer: RawPeer, site: Site) {
    this.#peer = peer;
    this.#site = site;
  }

  async take(step: Step): Promise<void> {
    const peer = this.#peer;
    switch (step[0]) {
      case "hello":
        await peer.hello();
        break;
      case "raw":
        peer.socket.write(Buffer.from(step[1], "hex"));
        break;
      case "init":
        this.#init(step[1]);
        break;
      case "finish": {
        const [, between] = step;
        await peer.finish(() => {
          if (between !== undefined) peer.send(messageOf(between, this.#here));
        });
        break;
      }
      case "message":
        peer.send(this.#message(step[1], step[2]));
        break;
      case "payload":
        peer.send(Buffer.from(step[1], "hex"));
        break;
      case "proof":
        peer.send(proofOf(step[1], this.#here));
        break;
      case "packet":
        peer.socket.write(broken(step[1], peer.pack(messageOf(step[2], this.#here)), new Random(step[3])));
        break;
      case "answer":
        this.#hear(await peer.next());
        break;
      case "end":
        peer.socket.end();
        break;
      case "reset":
        peer.socket.resetAndDestroy();
        break;
    }
  }

  /** To the end of the connection. */
  async listen(): Promise<void> {
    for (let next = await this.#peer.next(); next; next = await this.#peer.next()) this.#hear(next);
  }

  get #here(): Here {
    return { sessionId: this.#peer.sessionId, keys: this.#site.keys };
  }

  #message(...[kind, seed]: readonly [Parameters<typeof messageOf>[0], number?]): Buffer {
    const message = messageOf(kind, this.#here);
    if (seed === undefined) return message;
    const other = changed(message, new Random(seed));
    // One that comes out as it was would be let in where it is a proof, and rightly.
    return other.equals(message) ? Buffer.concat([message, Buffer.of(0)]) : other;
  }

  #init(seed: number | undefined): void {
    if (seed === undefined) {
      this.#peer.init();
      return;
    }
    const random = new Random(seed);
    this.#peer.init((init) => {
      const lists = ["kex", "hostKeys", "cipherToServer", "macToClient", "compressionToServer"] as const;
      const name = random.pick(lists);
      return { ...init, [name]: listOf(init[name], random), guessFollows: random.chance(0.3) };
    });
  }

  #hear(message: Buffer | undefined): void {
    if (message === undefined) throw new Error("the server has left");
    if (ONLY_INSIDE.has(message[0])) this.finding ??= `the server says ${message[0]} to who is not in`;
    if (message[0] !== number.disconnect) return;
    const { description } = decodeDisconnect(message);
    if (description === "internal error") this.finding ??= "something failed in the server";
  }
}

/** A list of names with one too many, too few, or none. */
function listOf(names: readonly string[], random: Random): readonly string[] {
  const at = random.below(names.length + 1);
  switch (random.below(5)) {
    case 0:
      return [];
    case 1:
      return names.toSpliced(at, 1);
    case 2:
      return names.toSpliced(at, 0, "x".repeat(1 + random.below(70)));
    case 3:
      return [...names, ...names];
    default:
      return names.slice(at).reverse();
  }
}

function broken(
  how: Extract<Step, readonly ["packet", ...unknown[]]>[1],
  packet: Buffer,
  random: Random,
): Buffer {
  const copy = Buffer.from(packet);
  switch (how) {
    case "flipped": {
      const at = random.below(copy.length);
      copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
      return copy;
    }
    case "cut":
      return copy.subarray(0, random.below(copy.length));
    case "long":
      copy.writeUInt32BE(random.pick([0, 1, 8, 39_992, 40_008, 0x7fff_fff8, 0xffff_fff8]));
      return copy;
    case "twice":
      return Buffer.concat([copy, copy]);
  }
}
