import { styleText } from "node:util";
import type { Failure, Result } from "./result.ts";
import { type Line, peerNames } from "./work.ts";

const AGAINST = {
  ...{ pgbouncer: "", nginx: "", direct: " of direct", relay: " of relay", added: " of added" },
  ...{ unmasked: " of unmasked", unheld: " of unheld", standing: " of standing", itself: "" },
  ...{ bastion: " of bastion", "beyond bastion": " beyond bastion" },
  ...{ "beyond direct": " beyond direct", "beyond unmasked": " beyond unmasked" },
} as const;
const NONE = "-";

interface Column {
  readonly head: string;
  readonly cell: (result: Result) => string;
  /** Words stand at the left, figures at the right. */
  readonly words?: true;
}

const COLUMNS: readonly Column[] = [
  { head: "work", cell: ({ line }) => line.name, words: true },
  { head: "unit", cell: ({ line }) => line.unit, words: true },
  ...peerNames.map((name): Column => ({ head: name, cell: ({ figures }) => figure(figures[name]) })),
  { head: "ratio", cell: ratioText },
  { head: "wanted", cell: ({ line }) => wantedText(line), words: true },
  { head: "", cell: verdict, words: true },
  ...peerNames.map((name): Column => ({ head: `cpu ${name}`, cell: ({ cpu }) => figure(cpu[name]) })),
];

/** The table, with colours where `stream` is a terminal that wants them. A column in which nothing stands is left out. */
export function table(
  results: readonly Result[],
  failures: readonly Failure[],
  stream: NodeJS.WritableStream,
): string {
  const columns = COLUMNS.map((column) => ({ ...column, cells: results.map(column.cell) }))
    .filter(({ cells }) => cells.some((cell) => cell !== NONE))
    .map((column) => ({
      ...column,
      width: Math.max(column.head.length, ...column.cells.map((cell) => cell.length)),
    }));
  const padded = ({ width, words }: (typeof columns)[number], cell: string) =>
    words ? cell.padEnd(width) : cell.padStart(width);
  const head = columns
    .map((column) => padded(column, column.head))
    .join("  ")
    .trimEnd();
  const rows = results.map((result, row) =>
    columns
      .map((column) => {
        const cell = padded(column, column.cells[row] ?? "");
        return column.cell === verdict ? styleText(result.met ? "green" : "red", cell, { stream }) : cell;
      })
      .join("  ")
      .trimEnd(),
  );
  return [
    ...(results.length === 0 ? [] : [styleText("bold", head, { stream }), ...rows]),
    ...failures.map(
      ({ work, reason }) => `${work}: ${styleText("red", "not measured", { stream })}: ${reason}`,
    ),
  ].join("\n");
}

function ratioText({ line, ratio }: Result): string {
  return ratio === undefined || line.against === "itself" ? NONE : ratio.toFixed(2);
}

function verdict({ line, ratio, met }: Result): string {
  if (line.wanted === undefined) return "";
  if (ratio === undefined) return "noise";
  return met ? "pass" : "short";
}

export function wantedText({ wanted, against }: Line): string {
  if (wanted === undefined) return NONE;
  const bound = "atLeast" in wanted ? `>= ${wanted.atLeast}` : `<= ${wanted.atMost}`;
  return bound + AGAINST[against];
}

/** Three digits that count, or all before the point. */
export function figure(value: number | undefined): string {
  if (value === undefined) return NONE;
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return value.toPrecision(Math.abs(value) < 0.1 ? 2 : 3);
}
