import { spawn } from "node:child_process";
import { GatehouseError, type Secret } from "@gatehouse/core";
import { MAX_SECRET_BYTES, secretOf } from "./secret-bytes.ts";

/** A program's absolute path, and its arguments. */
export type Command = readonly [string, ...string[]];

/** In milliseconds: less than a client waits for its log-in. */
const DEADLINE = 10_000;

/** At once, in one gateway: what comes above waits, so that a crowd of log-ins is no crowd of processes. */
const MOST_AT_ONCE = 8;

/** Beside those that the operator names for it. Others of the gateway's variables may hold other secrets. */
const PASSED_ON = ["PATH", "HOME", "LANG"];
const PASSED_ON_BY_PREFIX = "GATEHOUSE_SECRET_";

/** Runs the programs that print secrets. */
export class SecretPrograms {
  readonly #deadline: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @param deadline of one run, in milliseconds; 10 seconds when left out */
  constructor(deadline = DEADLINE) {
    this.#deadline = deadline;
  }

  /**
   * What a program prints. No shell reads the command; it has no input, the folder / for its own, and of the environment
   * PATH, HOME, LANG and the variables that begin with GATEHOUSE_SECRET_. What it writes to its error output is read by
   * nobody, since it may be the secret.
   * @throws GatehouseError SECRET_UNAVAILABLE where it can't be run, ends with another code than 0, takes longer than the
   * deadline or prints what is no secret; with the program's path, and nothing of its arguments or output
   */
  async run(command: Command): Promise<Secret> {
    await this.#turn();
    const output: Buffer[] = [];
    try {
      await outputOf(command, this.#deadline, output);
      const whole = Buffer.concat(output);
      output.push(whole);
      return secretOf(whole, (what) => unavailable(command, `printed what ${what}`));
    } finally {
      for (const bytes of output) bytes.fill(0);
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    while (this.#running >= MOST_AT_ONCE) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running += 1;
  }
}

/** Runs the program, with what it starts in a group of its own, so that at the deadline all of it ends. */
function outputOf(command: Command, deadline: number, output: Buffer[]): Promise<void> {
  const [program, ...words] = command;
  const child = spawn(program, words, {
    cwd: "/",
    env: environment(),
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  return new Promise((resolve, reject) => {
    const fail = (what: string) => {
      clearTimeout(timer);
      reject(unavailable(command, what));
    };
    const kill = (what: string) => {
      endGroup(child.pid);
      // One that has left the group may keep the pipe open for as long as it likes.
      child.stdout.destroy();
      fail(`${what}, and was killed`);
    };
    const timer = setTimeout(() => kill(`did not end within ${deadline / 1000} seconds`), deadline);
    let size = 0;
    child.stdout.on("data", (bytes: Buffer) => {
      output.push(bytes);
      size += bytes.length;
      if (size > MAX_SECRET_BYTES) kill("printed more than 64 KiB");
    });
    child.on("error", (error) => {
      // Only its code: the error itself has the arguments.
      const code = "code" in error ? String(error.code) : "unknown error";
      fail(code === "ENOENT" ? "does not exist" : `can't be run (${code})`);
    });
    child.on("close", (code, signal) => {
      if (code !== 0) fail(code === null ? `was ended by ${signal}` : `ended with exit code ${code}`);
      clearTimeout(timer);
      // After a failure this says nothing any more.
      resolve();
    });
  });
}

/** Without a pid there is no group; and the group may have ended by itself. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing is left that could be killed.
  }
}

function environment(): NodeJS.ProcessEnv {
  const passed = Object.entries(process.env).filter(
    ([name]) => PASSED_ON.includes(name) || name.startsWith(PASSED_ON_BY_PREFIX),
  );
  return Object.fromEntries(passed);
}

function unavailable([program]: Command, what: string): GatehouseError {
  return new GatehouseError(
    "SECRET_UNAVAILABLE",
    `The program ${program} ${what}; the credential that needs its secret was not used.`,
    { hint: `Run ${program} by hand as the gateway's user, with its arguments.` },
  );
}
