import type { Exit, Recorded, Recordings } from "@gatehouse/core";

/** A recording that a test looks into. */
export interface MemoryRecording extends Recorded {
  readonly events: readonly (readonly [kind: "o" | "i" | "r" | "m", text: string])[];
  /** All output together. */
  readonly output: string;
  readonly exit: Exit | undefined;
}

export interface MemoryRecordings extends Recordings {
  readonly all: readonly MemoryRecording[];
}

export function recordingsInMemory(): MemoryRecordings {
  const all: MemoryRecording[] = [];
  return {
    all,
    begin(of) {
      const events: [kind: "o" | "i" | "r" | "m", text: string][] = [];
      let exit: Exit | undefined;
      all.push({
        ...of,
        events,
        get output() {
          return events.flatMap(([kind, text]) => (kind === "o" ? [text] : [])).join("");
        },
        get exit() {
          return exit;
        },
      });
      const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");
      return {
        output: (bytes) => events.push(["o", text(bytes)]),
        input: (bytes) => events.push(["i", text(bytes)]),
        resize: (columns, rows) => events.push(["r", `${columns}x${rows}`]),
        mark: (label) => events.push(["m", label]),
        room: undefined,
        failed: undefined,
        end(ended) {
          exit = ended;
          return Promise.resolve(undefined);
        },
      };
    },
  };
}
