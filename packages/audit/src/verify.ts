import { createReadStream } from "node:fs";
import { GatehouseError, messageOf } from "@gatehouse/core";
import { emptyHead, type Head } from "./head.ts";
import { MAX_LINE, readLine } from "./line.ts";
import { LineCutter } from "./lines.ts";

/**
 * What is wrong with the first bad line:
 * - `malformed`: it is not JSON, not a line of this format, or longer than any line can be;
 * - `version`: it says another format version;
 * - `edited`: its own hash does not fit its bytes;
 * - `broken_chain`: it is whole, but the line before it is not the one it was chained to: something was removed,
 *   inserted, moved, or edited and hashed anew;
 * - `duplicate`: its `seq` was there before;
 * - `rewritten`: it is not the line that the checkpoint saw at this `seq`;
 * - `cut`: the log ends before the checkpoint.
 */
export type AuditProblem =
  | "malformed"
  | "version"
  | "edited"
  | "broken_chain"
  | "duplicate"
  | "rewritten"
  | "cut";

export type AuditVerification =
  | {
      readonly ok: true;
      readonly events: number;
      /** The times of the first and the last event, ISO 8601 in UTC; `null` where there is none. */
      readonly first: string | null;
      readonly last: string | null;
      readonly head: Head;
      /**
       * Bytes after the last whole line: what a crash, or a write under way, leaves. They are no event and were
       * not verified; 0 in a log that was closed.
       */
      readonly torn: number;
    }
  | {
      readonly ok: false;
      /** The first bad line, counted from 1; one past the end where the log was cut. */
      readonly line: number;
      readonly seq?: number;
      readonly problem: AuditProblem;
      /** One sentence for people, with the line's number. */
      readonly message: string;
    };

/**
 * Verifies a log in one pass and flat memory, up to its first bad line.
 *
 * What it can't find by itself: without a `head` that was kept elsewhere, a log whose last lines were cut off at a
 * line's end, and one that was written anew as a whole with right hashes, look like any other. With a `head`, all
 * up to that line is proved; what came after it is as open to a cut or a rewrite as before.
 *
 * @param source the log's path, or its bytes in chunks of any size.
 * @param options.head a head that this log had earlier.
 * @throws GatehouseError AUDIT_FAILED when the file can't be read: nothing is said of the log then. Errors of an
 * iterable pass through.
 */
export async function verifyAuditLog(
  source: string | AsyncIterable<Buffer>,
  { head }: { readonly head?: Head } = {},
): Promise<AuditVerification> {
  const chain = new Chain(head);
  const cutter = new LineCutter();
  for await (const chunk of typeof source === "string" ? chunksOf(source) : source) {
    for (const line of cutter.push(chunk)) {
      const bad = chain.next(line);
      if (bad !== undefined) return bad;
    }
    if (cutter.pending > MAX_LINE) return chain.tooLong();
  }
  return chain.end(cutter.pending);
}

type Bad = Extract<AuditVerification, { ok: false }>;

/** The lines up to now, as the next one must continue them. */
class Chain {
  readonly #checkpoint: Head | undefined;
  #head: Head = emptyHead;
  #first: string | null = null;
  #last: string | null = null;

  constructor(checkpoint: Head | undefined) {
    this.#checkpoint = checkpoint;
  }

  next(bytes: Buffer): Bad | undefined {
    if (bytes.length >= MAX_LINE) return this.tooLong();
    const line = readLine(bytes);
    if (!line.ok) return this.#bad(line.problem, line.message, line.seq);
    const before = this.#head;
    if (line.seq <= before.seq) {
      return this.#bad(
        "duplicate",
        `has seq ${line.seq} a second time: it, or the one before, was copied or inserted`,
        line.seq,
      );
    }
    if (line.seq > before.seq + 1) {
      const gap = range(before.seq + 1, line.seq - 1);
      const message = `has seq ${line.seq} after seq ${before.seq}: seq ${gap} was removed from before it, or it was moved here`;
      return this.#bad("broken_chain", message, line.seq);
    }
    if (line.prev !== before.hash) {
      const message =
        before.seq === 0
          ? "is not the first line of a log: what was before it was removed"
          : `was not chained to the line before it: seq ${before.seq} or seq ${line.seq} was replaced or inserted`;
      return this.#bad("broken_chain", message, line.seq);
    }
    if (line.seq === this.#checkpoint?.seq && line.hash !== this.#checkpoint.hash) {
      const message = `is not the line that the checkpoint saw at seq ${line.seq}: the log was written anew`;
      return this.#bad("rewritten", message, line.seq);
    }
    this.#head = { seq: line.seq, hash: line.hash };
    this.#first ??= line.time;
    this.#last = line.time;
    return undefined;
  }

  tooLong(): Bad {
    return this.#bad("malformed", `is longer than ${MAX_LINE} bytes, which no line of an audit log is`);
  }

  end(torn: number): AuditVerification {
    const { seq } = this.#head;
    if (this.#checkpoint !== undefined && seq < this.#checkpoint.seq) {
      const message = `is missing: the log ends at seq ${seq}, and seq ${range(seq + 1, this.#checkpoint.seq)} was cut off`;
      return this.#bad("cut", message);
    }
    return { ok: true, events: seq, first: this.#first, last: this.#last, head: this.#head, torn };
  }

  /** Lines are without gaps up to the bad one, so that its number follows from the last good `seq`. */
  #bad(problem: AuditProblem, what: string, seq?: number): Bad {
    const line = this.#head.seq + 1;
    const message = `Line ${line} ${what}.`;
    return { ok: false, line, problem, message, ...(seq === undefined ? {} : { seq }) };
  }
}

function range(from: number, to: number): string {
  return from === to ? `${from}` : `${from} to ${to}`;
}

async function* chunksOf(path: string): AsyncGenerator<Buffer, void, undefined> {
  const stream: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: 1024 * 1024 });
  try {
    yield* stream;
  } catch (cause) {
    throw new GatehouseError(
      "AUDIT_FAILED",
      `The audit log ${path} could not be read: ${messageOf(cause)}. Nothing of it was verified.`,
      {
        hint: "Check the path, and that you may read it: the gateway keeps it readable for its own user only.",
        cause,
      },
    );
  }
}
