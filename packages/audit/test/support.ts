import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AuditEvent, Logger } from "@gatehouse/core";
import { Batch } from "../src/batch.ts";
import type { Head } from "../src/head.ts";
import { lineLength } from "../src/line.ts";
import { AUDIT_FILE, type AuditLogOptions, type OpenAuditLog, openAuditLog } from "../src/index.ts";

/** Keeps what was logged. */
export function logKeeper(): Logger & { readonly messages: string[] } {
  const messages: string[] = [];
  const keep = (_fields: object, message: string): void => void messages.push(message);
  return { messages, debug: keep, info: keep, warn: keep, error: keep };
}

/** A clock that stands at the same millisecond, so that a log has the same bytes each time. */
export const stoppedClock = { now: () => Date.UTC(2026, 10, 20, 10, 15, 30, 123) };

export function openIn(folder: string, options: Partial<AuditLogOptions> = {}): Promise<OpenAuditLog> {
  return openAuditLog({ folder, durability: "written", clock: stoppedClock, log: logKeeper(), ...options });
}

/** The line that follows `prev`, with its line feed, and the head that it makes. */
export function encodeLine(event: AuditEvent, time: string, prev: Head): { bytes: Buffer; head: Head } {
  const batch = new Batch(Buffer.alloc(0), prev);
  const text = JSON.stringify(event);
  batch.add(text, time, lineLength(text, prev.seq + 1));
  return { bytes: batch.bytes, head: batch.head };
}

export function event(reason: string | number): AuditEvent {
  return { type: "gateway.stopped", reason: String(reason) };
}

/** Writes a log of `count` events through the real thing; resolves with its bytes. */
export async function logOf(folder: string, count: number): Promise<Buffer> {
  const log = await openIn(folder);
  for (let n = 1; n <= count; n++) await log.append(event(n));
  await log.close();
  return readFile(join(folder, AUDIT_FILE));
}

/** The lines of a log, without their line feeds. */
export function linesOf(bytes: Buffer): string[] {
  return bytes.toString().split("\n").slice(0, -1);
}

export function bytesOf(lines: readonly string[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\n`).join(""));
}

/** A log as a stream, in chunks of a size that cuts lines anywhere. */
export async function* chunked(bytes: Buffer, size = 100): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
