import { GatehouseError } from "@gatehouse/core";
import { ByteReader, ByteWriter } from "@gatehouse/wire";
import { number } from "./numbers.ts";
import {
  readBoolean,
  readName,
  readPlain,
  readString,
  readText,
  writeBoolean,
  writeString,
} from "./strings.ts";

/*
 * A request about a channel (RFC 4254 section 5.4), and its answers:
 *
 *   byte      98 SSH_MSG_CHANNEL_REQUEST
 *   uint32    recipient channel
 *   string    request type
 *   boolean   want reply
 *   ....      by the type
 *
 *   byte      99 SSH_MSG_CHANNEL_SUCCESS, 100 SSH_MSG_CHANNEL_FAILURE
 *   uint32    recipient channel
 */

export interface ChannelRequest {
  readonly type: string;
  readonly wantReply: boolean;
  readonly data: Buffer;
}

export function decodeChannelRequest(payload: Buffer): ChannelRequest {
  const reader = new ByteReader(payload.subarray(5));
  return { type: readName(reader), wantReply: readBoolean(reader), data: reader.rest() };
}

export function encodeChannelRequest(recipient: number, { type, wantReply, data }: ChannelRequest): Buffer {
  const writer = new ByteWriter().uint8(number.channelRequest).uint32(recipient);
  return writeBoolean(writeString(writer, type), wantReply).bytes(data).toBuffer();
}

export function encodeChannelAnswer(recipient: number, ok: boolean): Buffer {
  return new ByteWriter(5)
    .uint8(ok ? number.channelSuccess : number.channelFailure)
    .uint32(recipient)
    .toBuffer();
}

/** `pty-req` (section 6.2): string TERM, uint32 columns, rows, width and height in pixels, string encoded terminal modes. */
export interface PtyRequest extends WindowSize {
  readonly term: string;
  readonly modes: Buffer;
}

/** `window-change` (section 6.7): the four numbers alone. */
export interface WindowSize {
  readonly columns: number;
  readonly rows: number;
}

export function decodePtyRequest(data: Buffer): PtyRequest {
  const reader = new ByteReader(data);
  const pty = { term: readText(reader), ...readWindow(reader), modes: readString(reader) };
  reader.end();
  return pty;
}

export function decodeWindowChange(data: Buffer): WindowSize {
  const reader = new ByteReader(data);
  const size = readWindow(reader);
  reader.end();
  return size;
}

function readWindow(reader: ByteReader): WindowSize {
  const size = { columns: reader.uint32(), rows: reader.uint32() };
  reader.uint32();
  reader.uint32();
  return size;
}

/** `env` (section 6.4). */
export function decodeEnv(data: Buffer): { readonly name: string; readonly value: string } {
  const reader = new ByteReader(data);
  const variable = { name: readPlain(reader), value: readPlain(reader) };
  reader.end();
  return variable;
}

/** `exec` (section 6.5): the command line's bytes, which its shell will read in an encoding of its own. */
export function decodeExec(data: Buffer): Buffer {
  const reader = new ByteReader(data);
  const line = readString(reader);
  reader.end();
  return line;
}

export function encodeExec(line: Uint8Array): Buffer {
  return writeString(new ByteWriter(), line).toBuffer();
}

/** `subsystem` (section 6.5). */
export function decodeSubsystem(data: Buffer): string {
  const reader = new ByteReader(data);
  const name = readText(reader);
  reader.end();
  return name;
}

/** What has no fields: `shell`, `auth-agent-req@openssh.com`. */
export function decodeEmpty(data: Buffer): void {
  if (data.length > 0) throw new GatehouseError("PROTOCOL_VIOLATION", "invalid message format");
}

/** `x11-req` (section 6.3): the authentication cookie is for the client's own display, and no business of the gateway's. */
export function decodeX11Request(data: Buffer): { readonly single: boolean; readonly screen: number } {
  const reader = new ByteReader(data);
  const single = readBoolean(reader);
  readText(reader);
  readText(reader);
  const screen = reader.uint32();
  reader.end();
  return { single, screen };
}

/** `signal` (section 6.9): the name without SIG. */
export function decodeSignal(data: Buffer): string {
  const reader = new ByteReader(data);
  const name = readName(reader);
  reader.end();
  return name;
}

/** `break` (RFC 4335 section 3): milliseconds. */
export function decodeBreak(data: Buffer): number {
  const reader = new ByteReader(data);
  const length = reader.uint32();
  reader.end();
  return length;
}

/** `xon-xoff` (section 6.8): whether the client may do flow control. */
export function decodeFlowControl(data: Buffer): boolean {
  const reader = new ByteReader(data);
  const can = readBoolean(reader);
  reader.end();
  return can;
}

/** `exit-status` (section 6.10). */
export function decodeExitStatus(data: Buffer): number {
  const reader = new ByteReader(data);
  const status = reader.uint32();
  reader.end();
  return status;
}

export function encodeExitStatus(status: number): Buffer {
  return new ByteWriter(4).uint32(status).toBuffer();
}

/** `exit-signal` (section 6.10): the name of the signal, whether a core was dumped, an error message, a language tag. */
export function decodeExitSignal(data: Buffer): string {
  const reader = new ByteReader(data);
  const name = readName(reader);
  readBoolean(reader);
  readText(reader);
  readText(reader);
  reader.end();
  return name;
}
