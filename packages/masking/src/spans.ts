/** A part of a text, in UTF-16 units, the end not included. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What was found in a text, and by which detectors: by more than one where what they found touches. */
export interface Found extends Span {
  readonly detectors: readonly string[];
  /** Its beginning was shown before the rest of it came. */
  readonly begunShown?: boolean;
}

/** In order, with those that overlap as one: what two detectors see together is hidden together. */
export function merged(spans: readonly Found[]): readonly Found[] {
  const sorted = spans.toSorted((a, b) => a.start - b.start || b.end - a.end);
  const result: { start: number; end: number; detectors: string[] }[] = [];
  for (const { start, end, detectors } of sorted) {
    const last = result.at(-1);
    if (last === undefined || start >= last.end) {
      result.push({ start, end, detectors: [...detectors] });
      continue;
    }
    last.end = Math.max(last.end, end);
    for (const name of detectors) if (!last.detectors.includes(name)) last.detectors.push(name);
  }
  return result;
}

/** How many units the spans have. They must not overlap. */
export function covered(spans: readonly Span[]): number {
  return spans.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** The text with each span replaced. The spans are in order and don't overlap. */
export function replaced(
  text: string,
  spans: readonly Span[],
  by: (number: number, span: Span) => string,
): string {
  let result = "";
  let shown = 0;
  for (const [number, span] of spans.entries()) {
    result += text.slice(shown, span.start) + by(number, span);
    shown = span.end;
  }
  return result + text.slice(shown);
}
