import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { findPolicyTests } from "@gatehouse/config";
import {
  type KnownCatalog,
  type Misfit,
  messageOf,
  type Protocol,
  systemClock,
  type Target,
} from "@gatehouse/core";
import type { Problem } from "@gatehouse/documents";
import { type Configuration, loadProtocols } from "@gatehouse/gateway";
import {
  type CaseResult,
  coverageOf,
  type PolicyCase,
  type RuleCoverage,
  readCases,
  runCase,
} from "@gatehouse/policy";
import { readCatalog } from "./catalog.ts";
import { readConfiguration } from "./check.ts";
import { counted, Failed, paint, print, printError, printJson, printProblems, table } from "./output.ts";

export interface TestOptions {
  readonly config: string;
  /** A rule that decided no case is a failure. */
  readonly everyRule: boolean;
  readonly json: boolean;
}

interface CaseFile {
  readonly file: string;
  readonly cases: readonly PolicyCase[];
  /** By target, as far as the file names one. */
  readonly catalogs: ReadonlyMap<string, KnownCatalog>;
}

/** What of the policies' masks does not fit a catalog. */
type TargetMisfit = Misfit & { readonly target: string };

/** `gatehouse policy test`: runs the cases beside the policies, without a database. */
export async function test(paths: readonly string[], options: TestOptions): Promise<void> {
  const configuration = await readConfiguration(options.config, options.json);
  const protocols = loadProtocols();
  const results: { readonly file: string; readonly results: readonly CaseResult[] }[] = [];
  let misfits: readonly TargetMisfit[];
  try {
    const files = await readFiles(paths, configuration, protocols, options.json);
    misfits = misfitsOf(files, configuration);
    for (const one of files) {
      results.push({ file: one.file, results: await runAll(one, configuration, protocols) });
    }
  } finally {
    await Promise.all(protocols.map((protocol) => protocol.dispose()));
  }
  const all = results.flatMap((one) => one.results);
  const rules = coverageOf(configuration.policies, all);
  const held = all.every(({ status }) => status === "passed");
  const fit = misfits.every(({ severity }) => severity === "warning");
  const ok = held && fit && !(options.everyRule && rules.some(({ decisive }) => decisive === 0));
  if (options.json) printJson({ ok, cases: all.map(inJson), rules, misfits });
  else {
    for (const { file, results: its } of results) printResults(file, its);
    printMisfits(misfits);
    printCoverage(rules, options.everyRule);
    printSummary(all, rules);
  }
  if (!ok) throw new Failed();
}

/** @throws Failed with the problems printed; also where there is no case: who runs tests expects some */
async function readFiles(
  given: readonly string[],
  { config, policies }: Configuration,
  protocols: readonly Protocol[],
  json: boolean,
): Promise<readonly CaseFile[]> {
  const beside = given.length === 0 ? await findPolicyTests(config.policyFiles) : [];
  const files = [
    ...given.map((path) => ({ path, name: path })),
    ...beside.map((path) => ({ path, name: relative(dirname(config.file), path) })),
  ];
  if (files.length === 0) {
    const message = "no cases: write some into a file such as policies/orders.test.yaml, beside the policies";
    if (json) printJson({ ok: false, message });
    else printError(message);
    throw new Failed();
  }
  const targets = new Map(
    [...config.targets].map(([name, { levels, protocol }]) => [
      name,
      { levels: [...levels.keys()], protocol },
    ]),
  );
  const read: CaseFile[] = [];
  const problems: Problem[] = [];
  for (const { path, name } of files) {
    const result = await readFile(path, "utf8").then(
      (text) => readCases({ path: name, text }, policies, targets),
      (error: unknown) => {
        const problem = { file: name, line: 1, column: 1, message: `can't be read: ${messageOf(error)}` };
        return { ok: false, problems: [problem] } as const;
      },
    );
    if (!result.ok) {
      problems.push(...result.problems);
      continue;
    }
    const { cases, catalogs } = result;
    const known = new Map<string, KnownCatalog>();
    for (const [target, file] of catalogs) {
      const its = await readCatalog(
        resolve(dirname(path), file),
        isAbsolute(file) ? file : join(dirname(name), file),
        protocolOf(config.targets.get(target), protocols),
      );
      if (its.ok) known.set(target, its.catalog);
      else problems.push(...its.problems);
    }
    read.push({ file: name, cases, catalogs: known });
  }
  if (problems.length === 0) return read;
  printProblems(problems, json, "no case was run");
  throw new Failed();
}

function protocolOf(target: Target | undefined, protocols: readonly Protocol[]): Protocol {
  const protocol = protocols.find(({ name }) => name === target?.protocol);
  // Targets are looked up when a file is read, and protocols when the config is.
  if (!protocol) throw new TypeError(`the protocol ${String(target?.protocol)} was let through`);
  return protocol;
}

async function runAll(
  { cases, catalogs }: CaseFile,
  { config, policies }: Configuration,
  protocols: readonly Protocol[],
): Promise<readonly CaseResult[]> {
  const now = systemClock.now();
  const results: CaseResult[] = [];
  for (const one of cases) {
    const target = config.targets.get(one.target);
    const level = target?.levels.get(one.level);
    // Both were looked up when the file was read.
    if (!target || !level) throw new TypeError(`${one.source} names what is not there`);
    const { understand } = catalogs.get(one.target) ?? protocolOf(target, protocols);
    results.push(await runCase(one, { policies, target, level, understand, now }));
  }
  return results;
}

/** Each once, though several files name the same catalog. */
function misfitsOf(files: readonly CaseFile[], { policies }: Configuration): readonly TargetMisfit[] {
  const found = new Map<string, TargetMisfit>();
  for (const { catalogs } of files) {
    for (const [target, catalog] of catalogs) {
      for (const misfit of catalog.misfits(policies.masksAt(target))) {
        found.set(JSON.stringify([target, misfit]), { ...misfit, target });
      }
    }
  }
  return [...found.values()];
}

function inJson({ case: { title, source }, status, failures, ending }: CaseResult): object {
  return { case: title, source, status, failures, ending };
}

const MARKS = {
  passed: paint("green", "✔"),
  failed: paint("red", "✘"),
} as const;

function printResults(file: string, results: readonly CaseResult[]): void {
  print(paint("bold", file));
  for (const { case: one, status, failures } of results) {
    print(`  ${MARKS[status]} ${one.title}`);
    for (const failure of failures) print(`      ${failure}`);
  }
  print("");
}

function printMisfits(misfits: readonly TargetMisfit[]): void {
  if (misfits.length === 0) return;
  print(paint("bold", "masks that do not fit a catalog"));
  for (const { severity, target, rule, message } of misfits) {
    print(`  ${severity === "error" ? MARKS.failed : paint("yellow", "!")} ${rule.rule}  ${rule.source}`);
    print(`      on ${target}: ${message}`);
  }
  print("");
}

/** @param failing whether a rule that decided no case is a failure */
function printCoverage(rules: readonly RuleCoverage[], failing: boolean): void {
  const idle = rules.filter(({ decisive }) => decisive === 0);
  if (idle.length === 0) return;
  print(`${failing ? `${MARKS.failed} ` : ""}${paint("bold", "rules that decided no case")}`);
  print(
    table(
      idle.map(({ effect, reference }) => [effect, reference.rule, reference.source]),
      "  ",
    ),
  );
  print("");
}

function printSummary(results: readonly CaseResult[], rules: readonly RuleCoverage[]): void {
  const statuses = (["passed", "failed"] as const)
    .map((status) => [status, results.filter((result) => result.status === status).length] as const)
    .filter(([, count]) => count > 0)
    .map(([status, count]) => `${count} ${status}`);
  const decisive = rules.filter((rule) => rule.decisive > 0).length;
  print(
    `${counted(results.length, "case")}: ${statuses.join(", ")}; ${decisive} of ${counted(rules.length, "rule")} decided one`,
  );
}
