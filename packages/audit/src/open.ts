import { constants } from "node:fs";
import { mkdir, open, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type AuditLog, type Clock, GatehouseError, type Logger, messageOf } from "@gatehouse/core";
import { appendFile } from "./append-file.ts";
import { type AuditStatus, ChainedLog, type Durability } from "./chained-log.ts";
import { syncFolder } from "./folder.ts";
import type { Head } from "./head.ts";
import { lockFolder } from "./lock.ts";
import { readTail } from "./tail.ts";
import { recoveries, setAside } from "./torn.ts";

/** The log's file in its folder. */
export const AUDIT_FILE = "audit.jsonl";

export interface AuditLogOptions {
  /** The log's own folder, `<state>/audit`: made, for the gateway's user only, where it is missing. */
  readonly folder: string;
  readonly durability: Durability;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A log that is open for writing, by this process alone. */
export interface OpenAuditLog extends AuditLog {
  /** The last line that is on the file. */
  head(): Head;
  /** Whether the last write succeeded. An event is all that tries again: don't turn all traffic away by it. */
  status(): AuditStatus;
  /** Waits for what was appended, closes the file, and lets go of the folder. */
  close(): Promise<void>;
}

/**
 * Opens the log in a folder, or starts one. A last line that a crash left torn is set aside in a file of its own, and
 * the first event is then `log.recovered`.
 * @throws GatehouseError AUDIT_LOCKED while another writes to it; AUDIT_BROKEN when its last line does not fit its own
 * hash; AUDIT_FAILED when the file system refuses.
 */
export async function openAuditLog({ folder, ...options }: AuditLogOptions): Promise<OpenAuditLog> {
  const path = join(folder, AUDIT_FILE);
  try {
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    if (made !== undefined) await syncFolder(dirname(folder));
    const lock = lockFolder(folder);
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
      const chain = await openChain(handle, { folder, path, ...options });
      return {
        append: (event) => chain.append(event),
        head: () => chain.head(),
        status: () => chain.status(),
        close: () => chain.close().finally(() => lock.release()),
      };
    } catch (thrown) {
      lock.release();
      await handle?.close();
      throw thrown;
    }
  } catch (cause) {
    if (cause instanceof GatehouseError) throw cause;
    throw new GatehouseError(
      "AUDIT_FAILED",
      `The audit log ${path} could not be opened: ${messageOf(cause)}. No event was written to it.`,
      { hint: "Check that the disk has room, and that the gateway's user may write to this folder.", cause },
    );
  }
}

async function openChain(
  handle: FileHandle,
  { folder, log, ...options }: AuditLogOptions & { readonly path: string },
): Promise<ChainedLog> {
  const tail = await readTail(handle, options.path);
  // For the name of a file that was just made; for any other it costs nothing.
  await syncFolder(folder);
  if (tail.torn > 0) await setAside(handle, folder, tail);
  const chain = new ChainedLog(appendFile(handle), tail, { log, ...options });
  const events = await recoveries(folder, tail.head.seq + 1);
  await Promise.all(events.map((event) => chain.append(event)));
  for (const event of events) log.warn(event, "A torn last line of the audit log was set aside.");
  return chain;
}
