import type { Allowed, Verdict } from "./allowed.ts";

/** One test in the table of differences. */
export interface Row extends Verdict {
  /** What the suite itself said of the test's output: the one that it expects, or not. */
  readonly straight: boolean | undefined;
  readonly gateway: boolean | undefined;
}

/** Lines shown of a difference that is not allowed. */
const EXCERPT = 12;

/** The tests that differ, a line each. */
export function table(rows: readonly Row[]): string {
  const lines = rows
    .filter(({ allowed, unexpected, missing }) => allowed.length + unexpected.length + missing.length > 0)
    .map((row) => [row.test, word(row.straight), word(row.gateway), remark(row)]);
  if (lines.length === 0) return "No test differs.\n";
  return aligned([["test", "straight", "gateway", "differences"], ...lines]);
}

/** Tests that failed straight at the server: what became of them there is not the gateway's. */
export function failedStraight(rows: readonly Row[]): string {
  const named = (when: string, tests: readonly Row[]) =>
    tests.length === 0
      ? ""
      : `Not as the suite expects, ${when}: ${tests.map(({ test }) => test).join(", ")}\n`;
  const failed = rows.filter(({ straight }) => straight === false);
  return (
    named(
      "on either way",
      failed.filter(({ gateway }) => gateway !== true),
    ) +
    named(
      "straight alone",
      failed.filter(({ gateway }) => gateway === true),
    )
  );
}

/** How many tests each suite has, and how they went: a line for each suite, and one for all. */
export function summary(rows: readonly Row[]): string {
  const names = [...new Set(rows.map(({ test }) => suiteOf(test)))];
  const counted = names.map((suite) => [suite, ...count(rows.filter(({ test }) => suiteOf(test) === suite))]);
  return aligned([
    ["suite", "tests", "same", "allowed", "not allowed"],
    ...counted,
    ...(names.length > 1 ? [["all", ...count(rows)]] : []),
  ]);
}

function count(rows: readonly Row[]): string[] {
  const failed = rows.filter(differs);
  const same = rows.filter((row) => !differs(row) && row.allowed.length === 0);
  return [rows.length, same.length, rows.length - same.length - failed.length, failed.length].map(String);
}

/** It has a difference that is not allowed, or not one that is. */
export function differs({ unexpected, missing }: Verdict): boolean {
  return unexpected.length + missing.length > 0;
}

function suiteOf(test: string): string {
  return test.replace(/\/.*/s, "");
}

/** Columns, wide enough for what stands in them. */
function aligned(lines: readonly (readonly string[])[]): string {
  const last = (lines[0]?.length ?? 0) - 1;
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const padded = (line: readonly string[]) =>
    line.map((cell, column) => (column === last ? cell : cell.padEnd(widths?.[column] ?? 0)));
  return lines.map((line) => `${padded(line).join("  ")}\n`).join("");
}

function word(result: boolean | undefined): string {
  if (result === undefined) return "not run";
  return result ? "ok" : "failed";
}

function remark({ allowed, unexpected, missing }: Verdict): string {
  const reasons = new Map<string, number>();
  for (const { reason } of allowed) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  return [
    ...(unexpected.length > 0 ? [`${unexpected.length} NOT ALLOWED`] : []),
    ...(missing.length > 0 ? [`${missing.length} ALLOWED BUT NOT FOUND`] : []),
    ...[...reasons].map(([reason, count]) => `${count} allowed: ${reason.replaceAll(/\s+/g, " ").trim()}`),
  ].join("; ");
}

/** What makes the command fail, each with the beginning of its text. */
export function complaints(rows: readonly Row[], stale: readonly Allowed[]): string {
  const all = rows.flatMap(({ test, unexpected, missing }) => [
    ...unexpected.map((hunk) => `${test}: a difference that is not allowed\n${excerpt(hunk)}`),
    ...missing.map(({ hunk }) => `${test}: an allowed difference that is no more\n${excerpt(hunk)}`),
  ]);
  for (const { test, hunk } of stale) {
    const what = test === undefined ? "allowed everywhere, found nowhere" : `${test}: no such test`;
    all.push(`${what}\n${excerpt(hunk)}`);
  }
  return all.join("\n");
}

function excerpt(hunk: string): string {
  const lines = hunk.split("\n").slice(0, -1);
  const rest = lines.length - EXCERPT;
  const shown = lines.slice(0, EXCERPT).map((line) => `    ${line}\n`);
  return `${shown.join("")}${rest > 0 ? `    (${rest} more lines)\n` : ""}`;
}
