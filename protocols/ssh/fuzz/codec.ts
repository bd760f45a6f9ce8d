import { isDeepStrictEqual } from "node:util";
import { GatehouseError } from "@gatehouse/core";
import { Random } from "@gatehouse/testkit";
import { PacketStream } from "../src/sftp/framing.ts";
import { IdentificationReader } from "../src/transport/identification.ts";
import { PacketReader } from "../src/transport/packet-reader.ts";
import { PacketWriter } from "../src/transport/packet-writer.ts";
import { changed } from "./change.ts";
import type { Decoder } from "./decoders/decoder.ts";
import { decoders } from "./decoders.ts";

/**
 * One round: bytes that are more or less what they should be go through one of the decoders and through all that cuts a stream into
 * pieces.
 * @throws Error that names the seed, when one throws anything but a GatehouseError, or makes something else of the same bytes
 */
export function fuzzCodec(seed: number): void {
  const random = new Random(seed);
  const decoder = decoders[random.below(decoders.length)];
  if (decoder === undefined) return;
  const sample = random.pick(decoder.samples);
  const bytes = random.chance(0.1) ? sample : changed(sample, random);
  try {
    readBytes(decoder, bytes);
    cutAnywhere(bytes, random);
  } catch (cause) {
    throw new Error(`seed ${seed}: ${decoder.name}: ${bytes.toString("hex")}`, { cause });
  }
}

/** @throws Error as above */
export function readBytes({ decode, again }: Decoder, bytes: Buffer): void {
  const read = attempt(() => decode(bytes));
  if (read.failed !== undefined || again === undefined) return;
  const copy = decode(again(bytes));
  if (!isDeepStrictEqual(copy, read.value)) throw new Error("what was read is written as something else");
}

/** A stream is the same wherever it is cut. @throws Error as above */
function cutAnywhere(bytes: Buffer, random: Random): void {
  const pieces = random.split(bytes, random.below(6));
  const packet = Buffer.concat(new PacketWriter().write([bytes.subarray(0, 30_000)]));
  const inPackets = changed(packet, random);
  const packets = random.split(inPackets, random.below(6));
  for (const [what, read, whole, cut] of [
    ["identification", identify, bytes, pieces],
    ["packets", packetsOf, inPackets, packets],
    ["sftp", sftpOf, bytes, pieces],
  ] as const) {
    const [expected, found] = [read([whole]), read(cut)];
    if (expected !== found) throw new Error(`${what}: whole ${expected}\n  in pieces ${found}`);
  }
}

/** Words that are the same wherever the bytes were cut, as for the others here. */
function identify(pieces: readonly Buffer[]): string {
  const reader = new IdentificationReader("client");
  let behind = "";
  const { failed } = attempt(() => {
    for (const piece of pieces) {
      if (reader.line === "") behind = reader.push(piece)?.toString("hex") ?? "";
      else behind += piece.toString("hex");
    }
  });
  return failed ?? `${reader.line} ${behind}`;
}

function packetsOf(pieces: readonly Buffer[]): string {
  const reader = new PacketReader(40_000);
  let words = "";
  const { failed } = attempt(() => {
    for (const piece of pieces) {
      reader.push(piece);
      for (let next = reader.next(); next; next = reader.next()) words += ` ${next.toString("hex")}`;
    }
  });
  return `${words} ${failed ?? ""}`;
}

function sftpOf(pieces: readonly Buffer[]): string {
  const stream = new PacketStream(1000);
  let words = "";
  const { failed } = attempt(() => {
    for (const piece of pieces) {
      stream.push(piece);
      for (let next = stream.next(); next; next = stream.next()) {
        words += ` ${Buffer.concat(next.parts).toString("hex")}`;
      }
    }
  });
  return `${words} ${failed ?? ""}`;
}

/** What it gives, or the words of its refusal. Anything else that is thrown is a finding. */
function attempt<T>(what: () => T): { readonly value?: T; readonly failed?: string } {
  try {
    return { value: what() };
  } catch (error) {
    if (error instanceof GatehouseError) return { failed: error.message };
    throw error;
  }
}
