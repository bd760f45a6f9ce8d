import { spawn } from "node:child_process";
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
  if (values.exec !== undefined) return execute(values.exec);
  return values.check ? check() : run(values.ports);
}

/** Starts, shows what to try, and stays until it is told to stop. */
async function run(ports: Ports): Promise<number> {
  const stopped = nextStopSignal();
  const demo = await started(ports, process.stdout);
  try {
    process.stdout.write(banner(demo, await writeVariables(demo)));
    await stopped;
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
    const good = await playStory(demo, ({ shows }, error) => {
      const mark =
        error === undefined ? paint(process.stdout, "green", "✔") : paint(process.stdout, "red", "✘");
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
    // Ctrl-C is the command's to answer; the demo goes when the command has gone.
    const forward = (signal: NodeJS.Signals) => child.kill(signal);
    process.on("SIGINT", () => undefined);
    process.on("SIGTERM", forward);
    return await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
    });
  } finally {
    await demo.stop();
  }
}

async function started(ports: Ports, stream: NodeJS.WriteStream | undefined): Promise<Demo> {
  if (!stream) return startDemo(ports, () => undefined);
  const steps = stepsOn(stream);
  const demo = await startDemo(ports, steps.progress);
  steps.done();
  return demo;
}

function nextStopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${paint(process.stderr, "red", "✘")} ${messageOf(error)}\n`);
  if (error instanceof GatehouseError && error.code === "ADDRESS_IN_USE") {
    process.stderr.write("  Free ports: npm run demo -- --ports auto\n");
  }
  process.exitCode = error instanceof TypeError ? 2 : 1;
}
