import { decode } from "./characters.ts";
import { Unclear } from "./tree.ts";
import { Walk } from "./walk.ts";

/*
 * What the command line of an exec request does, as far as that is known for certain. sshd runs `$SHELL -c LINE`, and
 * which shell that is nobody tells: dash, bash, ksh, mksh, zsh or busybox's ash. So a line is known where all of them
 * read it alike; a line that they read differently is opaque, and so is one that runs what is not in it.
 *
 * The grammar is our own. The parsers there are (mvdan/sh as WebAssembly, unbash, tree-sitter-bash) each read as one shell
 * does, bash for the most part: `{a,b}`, `&>`, `^`, `=ls` and `[[` come out as that shell's, without a word on the
 * others; two of them go on after an error; and a tree that says what bash would do can't be asked what zsh would.
 *
 * A line that is known is so in front of the shells and programs that there are: docs/ssh-commands.md says what it can't know.
 */

/** The facts of a command line. */
export interface CommandLine {
  /** Why what runs is not known for certain, in words for an operator. Empty: all of it is known. */
  readonly opaque: readonly string[];
  /**
   * Programs that are run by name, as written: `ls`, `/usr/bin/git`, builtins too, with those that others run (env, sudo,
   * xargs, find -exec, sh -c). In order, each once. Of an opaque line, those that were found.
   */
  readonly programs: readonly string[];
  /** Each program with its arguments, in the same order. */
  readonly commands: readonly {
    /** Quotes removed. Undefined stands for a word that is not literal: for none, one or several. */
    readonly words: readonly (string | undefined)[];
    /** Names of variables that are set for it alone. */
    readonly assignments: readonly string[];
    readonly background: boolean;
    /** Programs that run it, outermost first. */
    readonly wrappedBy: readonly string[];
  }[];
  /** Files that redirections write; undefined where not literal. /dev/null is none. */
  readonly writes: readonly (string | undefined)[];
  /** Files that redirections read; undefined where not literal. */
  readonly reads: readonly (string | undefined)[];
  /** It runs a program that is known to talk to the network, or redirects to bash's /dev/tcp. */
  readonly network: boolean;
  /** What it does at the most. `admin` is also what programs do that are on no list; `unknown` is what is opaque. */
  readonly access: "read" | "write" | "admin" | "unknown";
  /** Programs that start a pager or read keys where the channel has a terminal: then they may run anything. */
  readonly terminal: readonly string[];
  /** The line is what a client of file transfer sends, and nothing else. */
  readonly transfer?: {
    readonly tool: "scp" | "rsync" | "git" | "sftp";
    /** `up` is towards the target. */
    readonly direction: "up" | "down" | "both";
    readonly paths: readonly string[];
    readonly recursive: boolean;
  };
}

/** @param line the bytes of the request. Never throws: a line that is not understood is opaque. */
export function readCommandLine(line: Buffer): CommandLine {
  const walk = new Walk();
  const { facts } = walk;
  let alone = false;
  try {
    const found = walk.text(decode(line));
    const [command] = found.commands;
    // Some servers start a shell for an empty command.
    if (command === undefined) facts.unclear("There is no program in it.");
    alone =
      !found.composed &&
      found.commands.length === 1 &&
      command?.redirected === false &&
      !command.background &&
      command.assignments.length === 0 &&
      facts.commands.length === 1;
  } catch (error) {
    if (!(error instanceof Unclear)) throw error;
    facts.unclear(error.message);
  }
  const opaque = [...facts.opaque];
  const known = opaque.length === 0;
  return {
    opaque,
    programs: [...facts.programs],
    commands: facts.commands,
    writes: facts.writes,
    reads: facts.reads,
    network: facts.network,
    access: known ? facts.access : "unknown",
    terminal: [...facts.terminal],
    ...(known && alone && facts.transfer !== undefined ? { transfer: facts.transfer } : {}),
  };
}
