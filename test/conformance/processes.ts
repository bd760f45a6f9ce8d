import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import type { Readable } from "node:stream";

/** What a program that ran to its end has said. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export async function finish(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<Finished> {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const read = async (stream: ChildProcess["stdout"]) => {
    let text = "";
    for await (const chunk of stream?.setEncoding("utf8") ?? []) text += String(chunk);
    return text;
  };
  const code = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
  const [ended, stdout, stderr] = await Promise.all([code, read(child.stdout), read(child.stderr)]);
  return { code: ended, stdout, stderr };
}

/**
 * Runs a program that has to succeed.
 * @returns what it wrote to its standard output
 * @throws Error with what it wrote, when it does not
 */
export async function run(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await finish(command, args, options);
  if (code !== 0)
    throw new Error(`${command} ${args.join(" ")} ended with code ${code}:\n${stdout}${stderr}`);
  return stdout;
}

/**
 * Runs a program for as long as somebody holds the other end of its standard input: when this process dies, in
 * whatever way, the program is told to stop (SIGINT) and not left behind.
 */
const WATCHED = `exec 3<&0
"$0" "$@" </dev/null 3<&- & program=$!
{ cat <&3 >/dev/null; kill -INT $program; } 2>/dev/null &
wait $program`;

/** A program that runs until it is told to stop. */
export interface Service {
  /** Its lines, on the stream that was asked for; they have to be read. */
  readonly log: Readable;
  stop(): Promise<void>;
}

/**
 * Starts a program that does not outlive this process.
 * @param log where it writes its log; what it writes elsewhere is shown
 */
export function startService(
  command: string,
  args: readonly string[],
  { log, ...options }: SpawnOptions & { readonly log: "stdout" | "stderr" },
): Service {
  const child = spawn("/bin/sh", ["-c", WATCHED, command, ...args], {
    ...options,
    // Out of the terminal's reach: Ctrl-C is for whoever started it, who stops it in order.
    detached: true,
    stdio: ["pipe", log === "stdout" ? "pipe" : "inherit", log === "stderr" ? "pipe" : "inherit"],
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stream = child[log];
  if (stream === null) throw new Error(`${command} has no log to read.`);
  return {
    log: stream,
    stop: async () => {
      child.stdin?.end();
      await ended;
    },
  };
}
