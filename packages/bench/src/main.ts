import { mkdtemp, writeFile } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "@gatehouse/core";
import { overHttp } from "./http/works.ts";
import { loadAverage, machine } from "./machine.ts";
import { HELP, type Options, readOptions, type Subject } from "./options.ts";
import { everything, holding, masking, minting, sampler, withRelay } from "./postgres/works.ts";
import type { Programme } from "./programme.ts";
import { type Progress, progressOn } from "./progress.ts";
import { type Failure, type Result, resultsOf } from "./result.ts";
import { inRounds, type RoundsOptions } from "./rounds.ts";
import { overSsh } from "./ssh/works.ts";
import { figure, table, wantedText } from "./table.ts";
import type { Peer, Work } from "./work.ts";

/** What ends the bench from outside; heard from the first moment on, so that nothing is left running. */
const interrupted = new AbortController();
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
for (const signal of SIGNALS) process.on(signal, () => interrupted.abort(signal));
// `npm run bench -- postgres | head`: nobody reads on, but what was started has to be stopped.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => interrupted.abort("SIGHUP"));

const SUBJECTS: Readonly<Record<Subject, (options: Options) => Promise<number>>> = {
  postgres: (options) => postgres(options.quick ? sampler() : everything(), options),
  masking: (options) => postgres(masking(options.quick), options),
  hold: (options) => postgres(holding(options.quick), options),
  mint: (options) => postgres(minting(options.quick), options),
  ssh: (options) => bench(overSsh(options.quick), options),
  http: (options) => bench(overHttp(options.quick), options),
};

function postgres(programme: ReturnType<typeof everything>, options: Options): Promise<number> {
  return bench(options.relay ? withRelay(programme) : programme, options);
}

/** A load average above which the machine has other things to do. */
const QUIET = 0.5;

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options !== undefined) return SUBJECTS[options.subject](options);
  process.stdout.write(HELP);
  return 0;
}

/** @returns the exit code */
async function bench<Stage, P extends Peer, W extends Work<Stage, P>>(
  programme: Programme<Stage, P, W>,
  options: Options,
): Promise<number> {
  const chosen = programme.works.filter((work) => isChosen(work, options));
  if (chosen.length === 0) throw new TypeError("--only names no work; --list names them all");
  if (options.list) {
    process.stdout.write(chosen.map(({ name }) => `${name}\n`).join(""));
    return 0;
  }
  const load = loadAverage();
  const profiles = options.profile ? await mkdtemp(join(tmpdir(), "gatehouse-profiles-")) : undefined;
  const progress = progressOn(process.stderr);
  progress.step("servers, with their data");
  const { stage, pool, versions, stop } = await programme.start(profiles, interrupted.signal);
  try {
    const startedAt = new Date().toISOString();
    const { results, failures } = await measure(chosen, { stage, pool, ...options, progress });
    process.stdout.write(`${table(results, failures, process.stdout)}\n\n${programme.notes}`);
    if (load > QUIET) {
      process.stdout.write(
        `Load average before the start: ${load.toFixed(1)}. Other programs are in the figures.\n`,
      );
    }
    const { subject, quick, rounds, seconds, profile } = options;
    const report = {
      ...{ startedAt, machine: machine(), load, versions: await versions() },
      ...{ options: { subject, quick, rounds, seconds, profile }, notes: programme.notes, results, failures },
    };
    await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
    process.stdout.write(`JSON: ${options.json}\n`);
    const short = results.some(({ met }) => !met);
    return failures.length > 0 || (options.strict && short) ? 1 : 0;
  } finally {
    progress.clear();
    await stop();
    if (profiles !== undefined) process.stdout.write(`CPU profiles: ${profiles}\n`);
  }
}

function isChosen(
  { name, lines }: Pick<Work<never, never>, "name" | "lines">,
  { only }: Pick<Options, "only">,
): boolean {
  const names = [name, ...lines.map((line) => line.name)];
  return only.length === 0 || only.some((text) => names.some((known) => known.includes(text)));
}

async function measure<Stage, P extends Peer, W extends Work<Stage, P>>(
  works: readonly W[],
  options: Omit<RoundsOptions<Stage, P, W>, "announce" | "remark"> & { readonly progress: Progress },
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
