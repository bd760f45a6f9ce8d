import { GatehouseError, Secret } from "@gatehouse/core";
import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { number } from "./numbers.ts";
import { readBoolean, readText, writeBoolean, writeString } from "./strings.ts";

/*
 * Questions to a person, and the answers (RFC 4256 section 3.2 and 3.4):
 *
 *   byte      60 SSH_MSG_USERAUTH_INFO_REQUEST
 *   string    name
 *   string    instruction
 *   string    language tag
 *   int       number of prompts
 *   string    prompt    } so many times
 *   boolean   echo      }
 *
 *   byte      61 SSH_MSG_USERAUTH_INFO_RESPONSE
 *   int       number of responses
 *   string    response, so many times
 */

export interface Prompt {
  readonly text: string;
  /** Whether what is typed may be seen. */
  readonly echo: boolean;
}

export interface InfoRequest {
  readonly name: string;
  readonly instruction: string;
  readonly prompts: readonly Prompt[];
}

/** Questions that one request may have. */
const MOST = 32;

export function decodeInfoRequest(payload: Buffer): InfoRequest {
  const reader = new ByteReader(payload.subarray(1));
  const name = readText(reader);
  const instruction = readText(reader);
  readText(reader);
  const prompts: Prompt[] = [];
  for (let left = readCount(reader); left > 0; left--) {
    prompts.push({ text: readText(reader), echo: readBoolean(reader) });
  }
  reader.end();
  return { name, instruction, prompts };
}

export function encodeInfoRequest({ name, instruction, prompts }: InfoRequest): Buffer {
  const writer = writeString(new ByteWriter().uint8(number.userauthInfoRequest), name);
  writeString(writeString(writer, instruction), "").uint32(prompts.length);
  for (const { text, echo } of prompts) writeBoolean(writeString(writer, text), echo);
  return writer.toBuffer();
}

export function decodeInfoResponse(payload: Buffer): readonly Secret[] {
  const reader = new ByteReader(payload.subarray(1));
  const answers: Secret[] = [];
  for (let left = readCount(reader); left > 0; left--) answers.push(new Secret(readText(reader)));
  reader.end();
  return answers;
}

export function encodeInfoResponse(answers: readonly Secret[]): Buffer {
  const writer = new ByteWriter().uint8(number.userauthInfoResponse).uint32(answers.length);
  for (const answer of answers) writeString(writer, answer.reveal());
  return writer.toBuffer();
}

function readCount(reader: ByteReader): number {
  const count = reader.uint32();
  if (count > MOST) throw new GatehouseError("PROTOCOL_VIOLATION", "too many prompts or responses");
  return count;
}
