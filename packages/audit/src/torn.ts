import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readdir, rename, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { AuditEvent } from "@gatehouse/core";
import { syncFolder } from "./folder.ts";
import type { Tail } from "./tail.ts";

/**
 * Moves a torn last line out of the log, into `torn-<seq>-<first 16 digits of its SHA-256>.bin` beside it; `<seq>` is
 * the one that it would have had. The copy is on the disk, whole, before the log loses the bytes.
 */
export async function setAside(handle: FileHandle, folder: string, tail: Tail): Promise<void> {
  const partial = join(folder, "torn.partial");
  const copy = await open(partial, "w", 0o600);
  const hash = createHash("sha256");
  try {
    const source: AsyncIterable<Buffer> = handle.createReadStream({ start: tail.length, autoClose: false });
    for await (const chunk of source) {
      hash.update(chunk);
      await copy.writeFile(chunk);
    }
    await copy.sync();
  } finally {
    await copy.close();
  }
  const name = `${tornPrefix(tail.head.seq + 1)}${hash.digest("hex").slice(0, 16)}.bin`;
  await rename(partial, join(folder, name));
  await syncFolder(folder);
  await handle.truncate(tail.length);
  await handle.sync();
}

/**
 * The events that a log owes for what was set aside at `seq`, its next one. A file with that number is on no line yet:
 * the first event after it takes the number. So one that a crash kept from being reported is reported here too.
 */
export async function recoveries(folder: string, seq: number): Promise<AuditEvent[]> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(tornPrefix(seq)));
  const events: AuditEvent[] = [];
  for (const keptAs of names.sort()) {
    const hash = createHash("sha256");
    let tornBytes = 0;
    const kept: AsyncIterable<Buffer> = createReadStream(join(folder, keptAs));
    for await (const chunk of kept) {
      hash.update(chunk);
      tornBytes += chunk.length;
    }
    events.push({ type: "log.recovered", tornBytes, sha256: hash.digest("hex"), keptAs });
  }
  return events;
}

function tornPrefix(seq: number): string {
  return `torn-${seq}-`;
}
