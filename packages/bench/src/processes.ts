import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type NetConnectOpts } from "node:net";
import { basename } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** A program, how it is called and as whom. */
export interface Call {
  readonly program: string;
  readonly args: readonly string[];
  /** All of it: nothing of this process's own environment is handed on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Who runs it, when it may not be root. */
  readonly user?: string;
  readonly signal: AbortSignal;
}

/** A program that runs until it is stopped. */
export interface Service {
  readonly pid: number;
  /** Ends it by `signal`, or by SIGKILL when it takes its time; resolves when it is gone. */
  readonly stop: (signal: NodeJS.Signals) => Promise<void>;
}

/** The end of what a program printed, to say why it failed. */
const OUTPUT_LIMIT = 16 * 1024;
const START_LIMIT = 30_000;
const STOP_LIMIT = 10_000;

/**
 * `setpriv` becomes the program that it starts, so that the process is the program's own; and the kernel ends that
 * when this process dies, in whatever way, so that nothing is left behind.
 */
function spawned(call: Call, output: "ignore" | "pipe", input: "ignore" | "pipe" = "ignore"): ChildProcess {
  const as = call.user === undefined ? [] : ["--reuid", call.user, "--regid", call.user, "--init-groups"];
  return spawn("setpriv", [...as, "--pdeathsig", "TERM", "--", call.program, ...call.args], {
    cwd: call.cwd,
    env: { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", ...call.env },
    stdio: [input, output, "pipe"],
  });
}

/** A child, the end of what it prints, and when it is gone. */
function watched(child: ChildProcess) {
  let output = "";
  let over = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-OUTPUT_LIMIT);
    });
  }
  const gone = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      output += error.message;
      over = true;
      resolve();
    });
    child.once("close", () => {
      over = true;
      resolve();
    });
  });
  return { gone, output: () => output.trim(), isOver: () => over };
}

/**
 * Starts a service, and resolves when it is ready.
 * @param ready asked again and again until it holds
 * @throws Error with the end of what it printed, when it ends before that
 */
export async function startService(call: Call, ready: () => Promise<boolean>): Promise<Service> {
  call.signal.throwIfAborted();
  const child = spawned(call, "pipe");
  const { gone, output, isOver } = watched(child);
  const stop = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT);
    await gone;
    clearTimeout(late);
  };
  const deadline = Date.now() + START_LIMIT;
  while (!(await ready())) {
    if (isOver() || Date.now() > deadline || call.signal.aborted) {
      await stop("SIGKILL");
      call.signal.throwIfAborted();
      throw new Error(`${basename(call.program)} did not start:\n${output()}`);
    }
    await pause(20);
  }
  if (child.pid === undefined) throw new Error(`${basename(call.program)} has no process.`);
  return { pid: child.pid, stop };
}

/** Whether something accepts connections there. */
export async function accepts(place: NetConnectOpts): Promise<boolean> {
  const socket = connect(place);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** A program that is ended before it has done its work. */
export interface Client {
  /** What it printed as an error, once it has ended by itself. */
  readonly ended: () => string | undefined;
  readonly stop: () => Promise<void>;
}

export function startClient(call: Call): Client {
  const child = spawned(call, "ignore");
  const { gone, output, isOver } = watched(child);
  return {
    ended: () => (isOver() ? output() : undefined),
    stop: async () => {
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/** A program that is talked to until it is ended. */
export interface Conversation {
  say(text: string): void;
  /**
   * Resolves when a text stands in what it has printed since the last one that was heard.
   * @throws Error with the end of what it printed, when it ends before that or says nothing for too long
   */
  heard(text: string): Promise<void>;
  stop(): Promise<void>;
}

/** @param patience milliseconds in which a text has to be heard */
export function startConversation(call: Call, patience: number): Conversation {
  call.signal.throwIfAborted();
  const child = spawned(call, "pipe", "pipe");
  const { gone, output, isOver } = watched(child);
  let said = "";
  let look: () => void = () => undefined;
  let fail: () => void = () => undefined;
  void gone.then(() => fail());
  child.stdout?.on("data", (text: string) => {
    said += text;
    look();
  });
  child.stdin?.on("error", () => undefined);
  return {
    say: (text) => child.stdin?.write(text),
    async heard(text) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      fail = () => reject(new Error(`"${text.trim()}" was not said: ${output().slice(-500)}`));
      look = () => {
        const at = said.indexOf(text);
        if (at === -1) return;
        said = said.slice(at + text.length);
        resolve();
      };
      const late = setTimeout(fail, patience);
      if (isOver()) fail();
      look();
      try {
        await promise;
      } finally {
        clearTimeout(late);
        look = () => undefined;
        fail = () => undefined;
      }
    },
    stop: async () => {
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/**
 * Runs a program to its end.
 * @param limit milliseconds that it may take
 * @returns what it printed on its standard output
 * @throws Error with what it printed as an error, when it fails or takes too long; the signal's reason
 */
export async function run(call: Call, limit: number): Promise<string> {
  call.signal.throwIfAborted();
  const child = spawned(call, "pipe");
  const kill = () => child.kill("SIGKILL");
  const deadline = setTimeout(kill, limit);
  call.signal.addEventListener("abort", kill);
  try {
    const [code, stdout, stderr] = await Promise.all([ended(child), text(child.stdout), text(child.stderr)]);
    call.signal.throwIfAborted();
    if (code !== 0)
      throw new Error(`${basename(call.program)} ended with ${code ?? "its deadline"}: ${stderr.trim()}`);
    return stdout;
  } finally {
    clearTimeout(deadline);
    call.signal.removeEventListener("abort", kill);
  }
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
}

async function text(stream: ChildProcess["stdout"]): Promise<string> {
  let all = "";
  for await (const chunk of stream?.setEncoding("utf8") ?? []) all += String(chunk);
  return all;
}
