import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

const MAIN = join(import.meta.dirname, "..", "..", "packages", "cli", "src", "main.ts");
/** V8's own line for each full collection: `... Mark-Compact (reduce) 20.1 (24.8) -> 15.3 (24.1) MB ...`. */
const COLLECTION = /Mark-Compact.*-> ([\d.]+) \(/;
/** Milliseconds. */
const START_LIMIT = 30_000;

/** `gatehouse serve` as a process of its own, which is told nothing but what an operator would tell it. */
export class GatewayProcess {
  readonly #config: string;
  readonly #ports: readonly number[];
  #child: ChildProcess | undefined;
  /** Bytes that were alive after a full collection, as often as V8 did one since the last asking. */
  #heaps: number[] = [];
  /** Lines of its log that say of a fault of its own. */
  readonly faults: string[] = [];

  /** @param ports where the config says that it listens */
  constructor(config: string, ...ports: readonly number[]) {
    this.#config = config;
    this.#ports = ports;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error("The gateway does not run.");
    return pid;
  }

  /** The most recent sizes of the live heap, each told once. */
  takeHeaps(): number[] {
    return this.#heaps.splice(0);
  }

  async start(): Promise<void> {
    const args = [
      "--disable-warning=ExperimentalWarning",
      "--min-semi-space-size=2",
      "--max-semi-space-size=2",
      "--trace-gc",
      MAIN,
      "serve",
      "--config",
      this.#config,
    ];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    this.#heaps = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on("line", (line) => this.#read(line));
    }
    const deadline = Date.now() + START_LIMIT;
    while (!(await Promise.all(this.#ports.map(accepts))).every(Boolean)) {
      if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
        throw new Error(`The gateway did not start: ${this.faults.join("\n")}`);
      }
      await pause(50);
    }
  }

  /** As the kernel would when there is no memory left. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL", START_LIMIT);
  }

  /**
   * As an operator would. The process ends by itself only when no timer, socket, listener or thread is left that would
   * keep it.
   * @returns its exit code; undefined when it was still there after `limit` milliseconds, and had to be killed
   */
  stop(limit: number): Promise<number | undefined> {
    return this.#end("SIGTERM", limit);
  }

  async #end(signal: NodeJS.Signals, limit: number): Promise<number | undefined> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? undefined;
    const exited = once(child, "exit");
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), limit);
    const [code] = (await exited) as [number | null];
    clearTimeout(late);
    return code ?? undefined;
  }

  #read(line: string): void {
    const heap = COLLECTION.exec(line)?.[1];
    if (heap !== undefined) this.#heaps.push(Number(heap) * 1024 * 1024);
    else if (isFault(line)) this.faults.push(line);
  }
}

/** An error that is not the target's, which is down now and then; or what is no JSON and no line of V8's: a crash. */
function isFault(line: string): boolean {
  if (/^\[\d+:/.test(line)) return false;
  if (!line.startsWith("{")) return true;
  return /"level":(50|60)\b/.test(line) && !line.includes('"code":"TARGET_');
}

/** Whether something accepts connections at this port. */
async function accepts(port: number): Promise<boolean> {
  const socket = connect({ port, host: "127.0.0.1" });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
