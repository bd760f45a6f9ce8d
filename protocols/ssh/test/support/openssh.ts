import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Front } from "./front.ts";

/** How a program ended, and what it wrote. */
export interface Ended {
  readonly code: number | null;
  readonly out: Buffer;
  readonly err: string;
}

export interface RunOptions {
  /** What it reads; nothing when left out. */
  readonly input?: string | Buffer;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** Options of ssh, scp and sftp that lead to the front, and to nothing that the machine's user has. */
export function optionsOf({ keyFile, knownHosts, port }: Front): readonly string[] {
  return [
    ...["-F", "none", "-i", keyFile, "-o", `Port=${port}`],
    ...["-o", "IdentitiesOnly=yes", "-o", `UserKnownHostsFile=${knownHosts}`],
    ...["-o", "BatchMode=yes", "-o", "LogLevel=ERROR"],
  ];
}

/** Runs a program to its end. */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ended> {
  const { input, ...rest } = options;
  const child = spawn(program, args, { ...rest, stdio: ["pipe", "pipe", "pipe"] });
  const ended = endOf(child);
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  return ended;
}

/** Collects what a program writes, until its end. */
export async function endOf(child: ChildProcess): Promise<Ended> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => err.push(chunk));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out: Buffer.concat(out), err: Buffer.concat(err).toString() };
}

/** Runs ssh: its own options first, then the command. */
export function ssh(front: Front, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const at = args.indexOf("--");
  const [own, command] = at === -1 ? [[], args] : [args.slice(0, at), args.slice(at + 1)];
  return run("ssh", [...own, ...optionsOf(front), "deploy@web@127.0.0.1", ...command], options);
}
