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
  const all = [["test", "straight", "gateway", "differences"], ...lines];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((line) => line[column]?.length ?? 0)));
  return all
    .map((line) => `${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}\n`)
    .join("");
}

/** Tests whose output is not the one that PostgreSQL's source expects, straight or through the gateway. */
export function failedBothWays(rows: readonly Row[]): string {
  const tests = rows
    .filter(({ straight, gateway }) => straight === false && gateway === false)
    .map(({ test }) => test);
  return tests.length === 0 ? "" : `Not as the suite expects on either way: ${tests.join(", ")}\n`;
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
