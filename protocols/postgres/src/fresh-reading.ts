import { GatehouseError } from "@gatehouse/core";
import type { Analysis } from "./analysis/analysis.ts";
import { encodeFlush, encodeSync } from "./codec/framing.ts";
import { encodeQuery } from "./codec/query.ts";
import type { TransactionStatus } from "./codec/ready-for-query.ts";
import type { Expectations } from "./expectations.ts";
import { PATH_SETTINGS, READING_SETTINGS, type SessionReading, show } from "./reading.ts";
import type { Replication } from "./sql-context.ts";
import type { Upstream } from "./upstream.ts";

/** How often the server is asked again: a cancel of the client's may have hit the question. */
const TRIES = 3;
/** What was sent before the segment that is under way. */
const BEFORE = -1;

export interface FreshReadingOptions {
  readonly upstream: Upstream;
  readonly expectations: Expectations;
  readonly reading: SessionReading;
  readonly replication: Replication;
  /** Of a statement and a portal that no client has. */
  readonly name: string;
  /** Called when the server turns out to skip up to the next Sync. */
  readonly skipped: () => void;
}

/**
 * Sees to it that it is known how the server reads a text, before one is looked at. A command that may have changed
 * that makes the next text wait. The server tells with ReadyForQuery; in the middle of a segment, which has none, and
 * for what an older server does not report, it is asked.
 */
export class FreshReading {
  readonly #options: FreshReadingOptions;
  /** The segment in which something was sent that may have changed it. */
  #stale: number | undefined;
  #transaction: TransactionStatus = "idle";
  /** Questions in a row that the server did not answer. */
  #unanswered = 0;
  /** The segment inside of which the server was asked: the answer holds until its end, and may hold no longer. */
  #askedInside: number | undefined;

  constructor(options: FreshReadingOptions) {
    this.#options = options;
    const { reading, replication } = options;
    if ((!reading.known || reading.usesUser) && replication !== "physical") this.#stale = BEFORE;
  }

  /** What is to be asked can't be, since the transaction has failed: the server runs nothing but its end. */
  get uncertain(): boolean {
    return this.#stale !== undefined;
  }

  /** A command is on its way. @param segment that fails together with it; none for a simple query */
  sent({ effects, access }: Analysis, segment: number | undefined): void {
    const changes = access === "unknown" || effects.some(({ kind }) => kind === "reading");
    const undoes = this.#options.reading.touched && effects.some(({ kind }) => kind === "transaction");
    // A simple query ends what is open of a segment.
    const ends = segment === undefined && this.#askedInside !== undefined;
    if (!changes && !undoes && !ends) return;
    // To read in another way is anybody's, and to have all settings as they were; to act as another is not.
    if (changes && (access === "admin" || access === "unknown")) this.#options.reading.mayActAsAnother();
    this.#stale = segment ?? BEFORE;
    if (segment === undefined) this.#askedInside = undefined;
    this.#options.reading.touched = true;
  }

  /** ReadyForQuery: a transaction may have ended with it, and taken back what was set inside. */
  ready(status: TransactionStatus): void {
    const { reading } = this.#options;
    this.#transaction = status;
    if (reading.touched && status === "idle") this.#stale ??= BEFORE;
    reading.backToReported();
  }

  /**
   * undefined when it is known for a text of this segment; otherwise, when to ask again.
   * @throws GatehouseError INTERNAL when the server does not say it
   */
  wait(segment: number): Promise<unknown> | undefined {
    if (this.#askedInside !== undefined && this.#askedInside !== segment) {
      this.#askedInside = undefined;
      this.#stale ??= BEFORE;
    }
    if (this.#stale === undefined) return undefined;
    const { expectations, reading, upstream } = this.#options;
    if (this.#stale === segment) {
      this.#askedInside = segment;
      return this.#ask(READING_SETTINGS, false);
    }
    const answers = expectations.answers();
    if (answers) {
      // Without a Sync, the server keeps its answers until it is asked for them.
      if (expectations.segmentOpen) upstream.control(encodeFlush());
      return answers;
    }
    if (reading.reportsPath && !reading.usesUser) {
      this.#refreshed(true);
      return undefined;
    }
    if (this.#transaction === "failed") return undefined;
    if (this.#unanswered === TRIES) {
      throw new GatehouseError("INTERNAL", "The target does not say where it looks for names.");
    }
    return this.#ask(PATH_SETTINGS, !expectations.segmentOpen);
  }

  /** @param between segments: the transaction stands as the server has last said */
  #refreshed(between: boolean): void {
    this.#stale = undefined;
    this.#unanswered = 0;
    if (between && this.#transaction === "idle") this.#options.reading.touched = false;
  }

  #ask(settings: readonly string[], synced: boolean): Promise<unknown> {
    const { expectations, upstream, name, replication, skipped } = this.#options;
    return new Promise<void>((resolve) => {
      let left = settings.length;
      let known = true;
      const settle = (done: boolean) => {
        known &&= done;
        // What was sent before it has failed.
        if (!done && !synced) skipped();
        if (--left > 0) return;
        if (known) this.#refreshed(synced);
        else if (synced) this.#unanswered++;
        resolve();
      };
      if (replication !== "none") {
        // A walsender speaks no extended protocol, so that every text there stands between two of these.
        for (const setting of settings) {
          expectations.push({ message: "query", own: setting, settle });
          upstream.control(encodeQuery(`SHOW ${setting}`));
        }
        return;
      }
      for (const setting of settings) {
        for (const { message, bytes } of show(setting, name)) {
          expectations.push(
            message === "execute" ? { message, own: setting, settle } : { message, own: setting },
          );
          upstream.control(bytes);
        }
      }
      if (synced) expectations.push({ message: "sync", own: "" });
      upstream.control(synced ? encodeSync() : encodeFlush());
    });
  }
}
