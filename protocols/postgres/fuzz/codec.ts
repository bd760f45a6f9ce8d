import { isDeepStrictEqual } from "node:util";
import { GatehouseError } from "@gatehouse/core";
import { Random } from "@gatehouse/testkit";
import { decodeAuthentication } from "../src/codec/authentication.ts";
import { decodeBackendKeyData } from "../src/codec/backend-key-data.ts";
import { type BackendObserver, BackendScanner } from "../src/codec/backend-scanner.ts";
import { decodeBind } from "../src/codec/bind.ts";
import { ClientReader } from "../src/codec/client-reader.ts";
import { decodeDataRow } from "../src/codec/data-row.ts";
import { decodeNamedObject } from "../src/codec/describe.ts";
import { decodeErrorResponse } from "../src/codec/error-response.ts";
import { decodeExecute } from "../src/codec/execute.ts";
import { decodeFunctionCall } from "../src/codec/function-call.ts";
import { checkNegotiateProtocolVersion } from "../src/codec/negotiate-protocol-version.ts";
import { decodeParameterDescription } from "../src/codec/parameter-description.ts";
import { decodeParameterStatus } from "../src/codec/parameter-status.ts";
import { decodeParse } from "../src/codec/parse.ts";
import { decodePasswordMessage } from "../src/codec/password-message.ts";
import { decodeQuery } from "../src/codec/query.ts";
import { decodeReadyForQuery } from "../src/codec/ready-for-query.ts";
import { decodeStartupPacket } from "../src/codec/startup-packet.ts";
import { conversation } from "./conversations.ts";
import { encode, type Step } from "./steps.ts";

/** Bytes of a message that is read whole: small, so that many are larger. */
const LIMIT = 40;

/** A body, by the letter of its message, and what reads it. */
const CLIENT: ReadonlyMap<string, (body: Buffer) => unknown> = new Map<string, (body: Buffer) => unknown>([
  ["Q", decodeQuery],
  ["P", decodeParse],
  ["B", decodeBind],
  ["D", decodeNamedObject],
  ["C", decodeNamedObject],
  ["E", decodeExecute],
  ["F", decodeFunctionCall],
  ["p", decodePasswordMessage],
]);

const DECODERS: readonly ((body: Buffer) => unknown)[] = [
  ...CLIENT.values(),
  decodeStartupPacket,
  decodeAuthentication,
  decodeBackendKeyData,
  checkNegotiateProtocolVersion,
  decodeParameterStatus,
  decodeParameterDescription,
  decodeDataRow,
  decodeErrorResponse,
  decodeReadyForQuery,
];

/**
 * One round: bytes that are more or less a conversation go through readers and decoders.
 * @throws Error that names the seed, when one throws anything but a violation, or makes something else of the same bytes
 */
export function fuzzCodec(seed: number): void {
  const random = new Random(seed);
  const steps = conversation(random, { length: 4, stray: 0.5, broken: 0.05 });
  for (const step of steps) isReadAsItWasMeant(step, seed);
  readBytes(changed(Buffer.concat(steps.map(encode)), random), random, seed);
}

/** Given bytes, through all of it. @throws Error as above */
export function readBytes(bytes: Buffer, random: Random, seed: number): void {
  const pieces = random.split(bytes, random.below(10));
  same(seed, "the client's messages", () => fromClient([bytes]), fromClient(pieces));
  for (const own of [false, true]) {
    same(seed, "the server's bytes", () => fromServer([bytes], own), fromServer(pieces, own));
  }
  for (const decode of DECODERS) attempt(() => decode(bytes));
}

/** Bytes changed, cut, doubled, or made up. */
function changed(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  const place = () => random.below(copy.length + 1);
  switch (random.below(6)) {
    case 0:
      return random.bytes(random.below(300));
    case 1:
      for (let times = random.below(8); times >= 0; times--) {
        if (copy.length > 0) copy[random.below(copy.length)] = random.below(256);
      }
      return copy;
    case 2:
      return Buffer.concat([copy.subarray(0, place()), copy.subarray(place())]);
    case 3:
      return Buffer.concat([
        copy.subarray(0, place()),
        random.bytes(random.below(6)),
        copy.subarray(place()),
      ]);
    case 4: {
      const at = place();
      if (at + 4 <= copy.length)
        copy.writeInt32BE(random.pick([0, 3, 4, 5, 200, 10_001, 0x4000_0000, -1]), at);
      return copy;
    }
    default:
      return copy;
  }
}

/** What came of it, by words that are the same wherever the bytes were cut. */
function fromClient(chunks: readonly Buffer[]): string {
  const reader = new ClientReader(LIMIT);
  let words = "";
  let copied = "";
  const failed = attempt(() => {
    for (const chunk of chunks) {
      reader.push(chunk);
      for (let next = reader.next(); next; next = reader.next()) {
        const { type, bytes, tooLarge } = next;
        const letter = String.fromCharCode(type);
        if (letter === "d") {
          if (bytes.length === 0) throw new Error("a piece of nothing");
          copied += bytes.toString("hex");
          continue;
        }
        if (bytes.length > LIMIT) throw new Error("a message over the limit");
        words += `${copied} ${letter}${tooLarge ?? bytes.toString("hex")}`;
        copied = "";
        const decode = CLIENT.get(letter);
        if (decode && tooLarge === undefined) words += attempt(() => decode(bytes.subarray(5))) ?? "";
      }
    }
  });
  return `${words}${copied} ${failed ?? ""}`;
}

function fromServer(chunks: readonly Buffer[], own: boolean): string {
  let words = "";
  let turn = 0;
  const whole = (bytes: Buffer) => {
    if (bytes.length > LIMIT || bytes.length !== 1 + bytes.readInt32BE(1))
      throw new Error("no whole message");
    return bytes.toString("hex");
  };
  const observer: BackendObserver = {
    owns: () => own && turn % 3 === 1,
    watches: false,
    rewriter: undefined,
    passed(type) {
      turn++;
      words += `p${type}`;
    },
    tooLarge() {
      turn++;
      words += "!";
    },
    read(type, bytes) {
      turn++;
      words += `r${type}${whole(bytes)}`;
      return turn % 2 === 0 ? undefined : Buffer.from("words");
    },
    readOwn(type, bytes) {
      turn++;
      words += `o${type}${whole(bytes)}`;
    },
  };
  const scanner = new BackendScanner(observer, LIMIT);
  let out = "";
  const failed = attempt(() => {
    for (const chunk of chunks) out += Buffer.concat(scanner.scan(chunk)).toString("hex");
  });
  // How much had gone on before the bytes turned out to be none depends on where they were cut.
  return failed === undefined ? `${words} ${out}` : `${words} ${failed}`;
}

/** undefined, or the violation's words. Anything else that is thrown is a finding. */
function attempt(what: () => unknown): string | undefined {
  try {
    what();
    return undefined;
  } catch (error) {
    if (error instanceof GatehouseError && error.code === "PROTOCOL_VIOLATION") return error.message;
    throw error;
  }
}

function same(seed: number, what: string, whole: () => string, cut: string): void {
  const expected = whole();
  if (expected !== cut) throw new Error(`seed ${seed}: ${what}: whole ${expected}\n  in pieces ${cut}`);
}

/** decode(encode(x)) is x. @throws Error */
function isReadAsItWasMeant(step: Step, seed: number): void {
  const [actual, expected] = readBack(step, encode(step).subarray(5));
  if (!isDeepStrictEqual(actual, expected)) {
    throw new Error(`seed ${seed}: ${JSON.stringify(step)} is read as another`);
  }
}

/** What is read in the step's body, and what was meant; the same nothing where there is nothing to read. */
function readBack(step: Step, body: Buffer): readonly [unknown, unknown] {
  const values = (list: readonly (string | null)[]) =>
    list.map((value) => ({ binary: false, value: value === null ? null : Buffer.from(value) }));
  switch (step[0]) {
    case "query":
      return [decodeQuery(body), Buffer.from(step[1])];
    case "parse":
      return [decodeParse(body), { statement: step[1], text: Buffer.from(step[2]), parameterTypes: [] }];
    case "bind": {
      const [, portal, statement, ...given] = step;
      return [decodeBind(body), { portal, statement, parameters: values(given) }];
    }
    case "describe":
    case "close": {
      const object = step[1] === "S" ? "statement" : "portal";
      return [decodeNamedObject(body), { object, name: step[2] }];
    }
    case "execute":
      return [decodeExecute(body), { portal: step[1], rows: step[2] }];
    case "call": {
      const [, objectId, ...given] = step;
      return [decodeFunctionCall(body), { objectId, parameters: values(given) }];
    }
    default:
      return [undefined, undefined];
  }
}
