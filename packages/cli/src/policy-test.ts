import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { findPolicyTests } from "@gatehouse/config";
import { messageOf, type Protocol, systemClock, type Target, type Understand } from "@gatehouse/core";
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
import { type CatalogResult, readCatalog } from "./catalog.ts";
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
  /** By target: by its catalog where the file names one. */
  readonly understand: ReadonlyMap<string, Understand>;
}

/** `gatehouse policy test`: runs the cases beside the policies, without a database. */
export async function test(paths: readonly string[], options: TestOptions): Promise<void> {
  const configuration = await readConfiguration(options.config, options.json);
  const protocols = loadProtocols();
  const results: { readonly file: string; readonly results: readonly CaseResult[] }[] = [];
  try {
    for (const one of await readFiles(paths, configuration, protocols, options.json)) {
      results.push({ file: one.file, results: await runAll(one, configuration) });
    }
  } finally {
    await Promise.all(protocols.map((protocol) => protocol.dispose()));
  }
  const all = results.flatMap((one) => one.results);
  const rules = coverageOf(configuration.policies, all);
  const held = all.every(({ status }) => status === "passed");
  const ok = held && !(options.everyRule && rules.some(({ decisive }) => decisive === 0));
  if (options.json) printJson({ ok, cases: all.map(inJson), rules });
  else {
    for (const { file, results: its } of results) printResults(file, its);
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
    [...config.targets].map(([name, { levels }]) => [name, { levels: [...levels.keys()] }]),
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
    const understand = new Map<string, Understand>();
    for (const target of config.targets.values()) {
      const its = await understanding(target, protocols, { path, name }, catalogs.get(target.name));
      if (its.ok) understand.set(target.name, its.understand);
      else problems.push(...its.problems);
    }
    read.push({ file: name, cases, understand });
  }
  if (problems.length === 0) return read;
  printProblems(problems, json, "no case was run");
  throw new Failed();
}

/** @param catalog the file of the target's catalog, as a file of cases names it */
async function understanding(
  target: Target,
  protocols: readonly Protocol[],
  cases: { readonly path: string; readonly name: string },
  catalog: string | undefined,
): Promise<CatalogResult> {
  const protocol = protocols.find(({ name }) => name === target.protocol);
  if (!protocol) throw new TypeError(`the config let through the protocol ${target.protocol}`);
  if (catalog === undefined) return { ok: true, understand: protocol.understand };
  const path = resolve(dirname(cases.path), catalog);
  return readCatalog(path, isAbsolute(catalog) ? catalog : join(dirname(cases.name), catalog), protocol);
}

async function runAll(
  { cases, understand }: CaseFile,
  { config, policies }: Configuration,
): Promise<readonly CaseResult[]> {
  const now = systemClock.now();
  const results: CaseResult[] = [];
  for (const one of cases) {
    const target = config.targets.get(one.target);
    const level = target?.levels.get(one.level);
    const its = understand.get(one.target);
    // All three were looked up when the file was read.
    if (!target || !level || !its) throw new TypeError(`${one.source} names what is not there`);
    results.push(await runCase(one, { policies, target, level, understand: its, now }));
  }
  return results;
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
