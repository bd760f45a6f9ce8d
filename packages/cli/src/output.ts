import { styleText } from "node:util";
import { formatProblem, type Problem } from "@gatehouse/documents";

type Format = Parameters<typeof styleText>[0];

/** A command's result is not what was asked for: exit code 1, the message already printed. */
export class Failed extends Error {}

/** A command was called in a way that makes no sense, which only its own code could tell: exit code 2. */
export class Misused extends Error {}

/** Coloured where the stream is a terminal that wants it (NO_COLOR is heeded); plain in a pipe or a file. */
export function paint(format: Format, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(format, text, { stream });
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printError(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** @param end what became of the files, in a few words */
export function printProblems(problems: readonly Problem[], json: boolean, end: string): void {
  if (json) {
    printJson({ ok: false, problems });
    return;
  }
  printError(problems.map(formatProblem).join("\n\n"));
  printError(`\n${paint("red", "✘", process.stderr)} ${counted(problems.length, "problem")}; ${end}`);
}

/** `1 case`, `2 cases` */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Columns of equal width, two blanks between them; the last is as long as it is. */
export function table(rows: readonly (readonly string[])[], indent = ""): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows
    .map((row) => {
      const cells = row.map((cell, column) =>
        column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0),
      );
      return indent + cells.join("  ");
    })
    .join("\n");
}
