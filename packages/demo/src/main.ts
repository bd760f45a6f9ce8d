import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { parseArgs } from "node:util";
import { GatehouseError, messageOf } from "@gatehouse/core";
import { banner, writeVariables } from "./banner.ts";
import { type Demo, type Ports, startDemo } from "./environment.ts";
import { paint, stepsOn } from "./progress.ts";
import { playStory } from "./story.ts";

const HELP = `Gatehouse's demo: a database, an identity provider and the gateway, on this machine alone.

  npm run demo                            start, and run until Ctrl-C
  npm run demo -- --ports auto            the same on free ports
  npm run demo -- --check                 play the whole story against itself; exits 0 only if each step holds
  npm run -s demo -- --exec 'COMMAND'     start on free ports, run COMMAND in a shell that has PGHOST, PGPASSWORD
                                          and the rest set, stop; exits with COMMAND's code
`;

/** What ends the demo from outside; heard from the first moment on, so that nothing half-made stays behind. */
const interrupted = new AbortController();
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
for (const signal of SIGNALS) process.on(signal, () => interrupted.abort(signal));
// `npm run demo -- --check | head`: nobody reads on, but what was started has to be stopped.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => interrupted.abort("SIGHUP"));

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      check: { type: "boolean", default: false },
      exec: { type: "string" },
      ports: { type: "string", default: "fixed" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.ports !== "fixed" && values.ports !== "auto") throw new TypeError("--ports takes fixed or auto");
  if (values.exec !== undefined && values.check)
    throw new TypeError("--check and --exec are two different things");
  if (values.exec !== undefined) return execute(values.exec);
  return values.check ? check() : run(values.ports);
}

/** Starts, shows what to try, and stays until it is told to stop. */
async function run(ports: Ports): Promise<number> {
  const demo = await started(ports, process.stdout);
  try {
    process.stdout.write(banner(demo, await writeVariables(demo)));
    await once(interrupted.signal, "abort");
    process.stdout.write("\nStopping ...\n");
  } finally {
    await demo.stop();
  }
  process.stdout.write("Stopped; nothing is left behind.\n");
  return 0;
}

async function check(): Promise<number> {
  const demo = await started("auto", process.stdout);
  try {
    process.stdout.write("\n");
    const good = await playStory(demo, interrupted.signal, ({ shows }, error) => {
      const mark =
        error === undefined ? paint("green", "✔", process.stdout) : paint("red", "✘", process.stdout);
      process.stdout.write(`  ${mark} ${shows}${error === undefined ? "" : `: ${messageOf(error)}`}\n`);
    });
    process.stdout.write(good ? "\nEach step holds.\n" : "\nThe story does not hold.\n");
    return good ? 0 : 1;
  } finally {
    await demo.stop();
  }
}

/** The output is the command's alone, unless there is a person to be told what takes so long. */
async function execute(command: string): Promise<number> {
  const demo = await started("auto", process.stderr.isTTY ? process.stderr : undefined);
  try {
    const child = spawn(command, {
      shell: true,
      stdio: "inherit",
      env: { ...process.env, ...demo.variables },
    });
    // Ctrl-C reaches the command by itself and is its to answer; the demo goes when the command has gone.
    interrupted.signal.addEventListener("abort", () => {
      if (interrupted.signal.reason !== "SIGINT") child.kill("SIGTERM");
    });
    return await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
    });
  } finally {
    await demo.stop();
  }
}

async function started(ports: Ports, stream: NodeJS.WriteStream | undefined): Promise<Demo> {
  if (!stream) return startDemo(ports, () => undefined, interrupted.signal);
  const steps = stepsOn(stream);
  const demo = await startDemo(ports, steps.progress, interrupted.signal);
  steps.done();
  return demo;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  if (interrupted.signal.aborted) {
    const signal = SIGNALS.find((name) => name === interrupted.signal.reason) ?? "SIGTERM";
    return 128 + constants.signals[signal];
  }
  process.stderr.write(`${paint("red", "✘", process.stderr)} ${messageOf(error)}\n`);
  if (error instanceof GatehouseError && error.code === "ADDRESS_IN_USE") {
    process.stderr.write("  Free ports: npm run demo -- --ports auto\n");
  }
  return error instanceof TypeError ? 2 : 1;
}
