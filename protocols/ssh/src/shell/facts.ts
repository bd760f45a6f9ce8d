import type { CommandLine } from "./command-line.ts";

export type Access = Exclude<CommandLine["access"], "unknown">;

const RANK: readonly Access[] = ["read", "write", "admin"];
/** Reasons that are kept: an operator needs a few, and a client can cause any number. */
const MOST_REASONS = 20;

/** What is known of a line so far. */
export class Facts {
  readonly opaque = new Set<string>();
  readonly terminal = new Set<string>();
  readonly programs = new Set<string>();
  readonly commands: CommandLine["commands"][number][] = [];
  readonly writes: (string | undefined)[] = [];
  readonly reads: (string | undefined)[] = [];
  network = false;
  access: Access = "read";
  transfer: CommandLine["transfer"];
  /** Texts of `sh -c` that were parsed. */
  texts = 0;

  unclear(why: string): void {
    // It has pieces of the line in it, which are shown to people.
    if (this.opaque.size < MOST_REASONS) this.opaque.add(why.replace(/[^ -~]/gu, "?"));
  }

  atLeast(access: Access): void {
    if (RANK.indexOf(access) > RANK.indexOf(this.access)) this.access = access;
  }
}
