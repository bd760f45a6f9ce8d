import { mkdtemp, writeFile } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "@gatehouse/core";
import { loadAverage, machine } from "./machine.ts";
import { HELP, type Options, readOptions, type Subject } from "./options.ts";
import { startBench } from "./postgres/bench.ts";
import { TRANSPORTS } from "./postgres/peers/ways.ts";
import { versions } from "./postgres/programs.ts";
import type { Stage } from "./postgres/stage.ts";
import { everything, holding, masking, minting, type Programme, sampler } from "./postgres/works.ts";
import { type Progress, progressOn } from "./progress.ts";
import { type Failure, type Result, resultsOf } from "./result.ts";
import { inRounds, type RoundsOptions } from "./rounds.ts";
import { figure, table, wantedText } from "./table.ts";
import type { Work } from "./work.ts";

/** What ends the bench from outside; heard from the first moment on, so that nothing is left running. */
const interrupted = new AbortController();
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
for (const signal of SIGNALS) process.on(signal, () => interrupted.abort(signal));
// `npm run bench -- postgres | head`: nobody reads on, but what was started has to be stopped.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => interrupted.abort("SIGHUP"));

const PROGRAMMES: Readonly<Record<Subject, (quick: boolean) => Programme>> = {
  postgres: (quick) => (quick ? sampler() : everything()),
  masking,
  hold: holding,
  mint: minting,
};

/** A load average above which the machine has other things to do. */
const QUIET = 0.5;

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  const { works, amounts } = PROGRAMMES[options.subject](options.quick);
  const chosen = works.filter((work) => isChosen(work, options)).map((work) => withRelay(work, options));
  if (chosen.length === 0) throw new TypeError("--only names no work; --list names them all");
  if (options.list) {
    process.stdout.write(chosen.map(({ name }) => `${name}\n`).join(""));
    return 0;
  }
  const load = loadAverage();
  const profiles = options.profile ? await mkdtemp(join(tmpdir(), "gatehouse-profiles-")) : undefined;
  const progress = progressOn(process.stderr);
  progress.step("server, with its data");
  const bench = await startBench(amounts, profiles, interrupted.signal);
  try {
    const startedAt = new Date().toISOString();
    const { results, failures } = await measure(chosen, { ...bench, ...options, progress });
    process.stdout.write(`${table(results, failures, process.stdout)}\n\n${NOTES}`);
    if (load > QUIET) {
      process.stdout.write(
        `Load average before the start: ${load.toFixed(1)}. Other programs are in the figures.\n`,
      );
    }
    const { subject, quick, rounds, seconds, profile } = options;
    const report = {
      ...{ startedAt, machine: machine(), load, versions: await versions(bench.stage.site.programs) },
      ...{ options: { subject, quick, rounds, seconds, profile }, transports: TRANSPORTS, results, failures },
    };
    await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
    process.stdout.write(`JSON: ${options.json}\n`);
    const short = results.some(({ met }) => !met);
    return failures.length > 0 || (options.strict && short) ? 1 : 0;
  } finally {
    progress.clear();
    await bench.stop();
    if (profiles !== undefined) process.stdout.write(`CPU profiles: ${profiles}\n`);
  }
}

function isChosen({ name, lines }: Work<Stage>, { only }: Options): boolean {
  const names = [name, ...lines.map((line) => line.name)];
  return only.length === 0 || only.some((text) => names.some((known) => known.includes(text)));
}

/** The relay beside the others, where the transport is one that it speaks. */
function withRelay(work: Work<Stage>, { relay }: Options): Work<Stage> {
  const compares = work.transport === "tls" && work.peers.includes("direct");
  if (!relay || !compares || work.peers.includes("relay")) return work;
  return { ...work, peers: [...work.peers, "relay"] };
}

async function measure(
  works: readonly Work<Stage>[],
  options: Omit<RoundsOptions<Stage>, "announce" | "remark"> & { readonly progress: Progress },
): Promise<{ readonly results: readonly Result[]; readonly failures: readonly Failure[] }> {
  const { progress } = options;
  const results: Result[] = [];
  const failures: Failure[] = [];
  for (const [index, work] of works.entries()) {
    const announce = (step: string) => progress.step(`[${index + 1}/${works.length}] ${work.name}: ${step}`);
    try {
      const remark = (text: string) => progress.done(`${work.name}: ${text}`);
      for (const result of resultsOf(work, await inRounds(work, { ...options, announce, remark }))) {
        results.push(result);
        const { name } = result.line;
        progress.done(`${name}: ${figure(result.ratio)} (${wantedText(result.line)})`);
      }
    } catch (error) {
      interrupted.signal.throwIfAborted();
      failures.push({ work: work.name, reason: messageOf(error) });
      progress.done(`${work.name}: not measured: ${messageOf(error)}`);
    }
  }
  progress.clear();
  return { results, failures };
}

const NOTES = `ratio: the gateway's figure against pgbouncer's, unless "wanted" says otherwise; the median of the rounds' ratios.
of unmasked: the same gateway's figure at a level where no rule masks.
of unheld: the same gateway's figure while no command waits.
of standing: the same gateway's figure at a level whose user stands in the config.
of added: what the gateway adds to direct's time, against what pgbouncer adds to it.
cpu: the process's processor time for each transaction or row, in microseconds.
tls: ${TRANSPORTS.tls}.
plain: ${TRANSPORTS.plain}.
The server runs with fsync off, unless a work's name says otherwise. The gateway checks a token, ten rules and every statement, and writes its audit log.
`;

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
  process.stderr.write(`✘ ${messageOf(error)}\n`);
  return error instanceof TypeError ? 2 : 1;
}
