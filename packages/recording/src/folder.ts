import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Logger, Recorded, Recording, Recordings } from "@gatehouse/core";
import { type CastFile, CastRecording } from "./recording.ts";

export type { CastFile } from "./recording.ts";

const HIGH_WATER = 1024 * 1024;
const LIMIT = 64 * 1024 * 1024;

export interface RecordingOptions {
  readonly folder: string;
  readonly log: Logger;
  /** Bytes that wait for the disk, above which a recording has no room. */
  readonly highWater?: number;
  /** Bytes of one recording, above which a flood is left out. */
  readonly limit?: number;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic?: () => number;
  /** Opens a file that is not there yet, and its folder. */
  readonly open?: (path: string) => Promise<CastFile>;
}

export interface RecordingFolder extends Recordings {
  /** Resolves when all that was begun has ended. */
  settled(): Promise<void>;
}

/**
 * Recordings as files in asciicast v2: `<folder>/<YYYY-MM-DD>/<session>-<channel>.cast`, by the day (UTC) on which they were
 * begun. Nobody but the gateway's user may read them. Where a file is, is said from the folder on.
 */
export function openRecordings(options: RecordingOptions): RecordingFolder {
  const { folder, log, highWater = HIGH_WATER, limit = LIMIT } = options;
  const { monotonic = () => performance.now(), open: openFile = create } = options;
  const unended = new Set<Promise<unknown>>();
  return {
    begin(of: Recorded): Recording {
      const day = new Date(of.startedAt).toISOString().slice(0, 10);
      const name = `${day}/${of.session}-${of.channel}.cast`;
      const recording = new CastRecording({
        ...{ name, of, monotonic, highWater, limit },
        open: () => openFile(join(folder, name)),
        failed: ({ code, message }) =>
          log.error({ code, error: message, session: of.session }, "not recorded"),
      });
      unended.add(recording.ended);
      void recording.ended.then(() => unended.delete(recording.ended));
      return recording;
    },
    async settled(): Promise<void> {
      await Promise.all(unended);
    },
  };
}

async function create(path: string): Promise<CastFile> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  return open(path, "wx", 0o600);
}
