import type { GatehouseError } from "./error.ts";

/** What is recorded: who ran what where, and how wide the terminal was. */
export interface Recorded {
  readonly session: string;
  /** Of the session's, the channel's number. */
  readonly channel: number;
  readonly kind: "shell" | "exec";
  /** Of an exec. */
  readonly command?: string;
  readonly columns: number;
  readonly rows: number;
  readonly term?: string;
  readonly subject: string;
  readonly target: string;
  readonly level: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

/** Keeps what sessions show. */
export interface Recordings {
  begin(of: Recorded): Recording;
}

/** A recording that is whole, where it is below the folder of recordings, and what it holds. */
export interface SavedRecording {
  readonly file: string;
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

/** How a program ended. */
export interface Exit {
  readonly status?: number;
  readonly signal?: string;
}

/** The content of one program's run, in order, as its client saw it. */
export interface Recording {
  output(bytes: Uint8Array): void;
  /** What was typed and shown: nothing else is recorded of what goes in. */
  input(bytes: Uint8Array): void;
  resize(columns: number, rows: number): void;
  /** Something that a person who looks for it should find: a wait for people, what they said. */
  mark(label: string): void;
  /** Resolves when there is room for more; undefined while there is. Whoever records waits for it, so that nothing is left out. */
  readonly room: Promise<void> | undefined;
  /** Why nothing more is recorded, where that is so. */
  readonly failed: GatehouseError | undefined;
  /** Undefined where it failed. */
  end(exit: Exit): Promise<SavedRecording | undefined>;
}
