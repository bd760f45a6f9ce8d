import type { Scanner } from "../scanner.ts";
import type { Span } from "../spans.ts";
import { decode } from "./decode.ts";
import type { View } from "./view.ts";

/** Something that is to be hidden, by its places in the bytes that came. */
export interface Located extends Span {
  readonly value: string;
  readonly detectors: readonly string[];
  /** Of its places those that are hidden, in no order. The others are sequences that stand between its characters. */
  readonly hides: readonly Iterable<number>[];
}

/**
 * What is found in one view.
 * @param together what of the view must be looked at together
 * @param shown place before which nothing is of interest any more
 * @param to place behind which it is not looked
 */
export function locate(
  scanner: Scanner,
  view: View,
  together: readonly Span[],
  shown: number,
  to: number,
): readonly Located[] {
  const length = view.before(to);
  const latin1 = length < view.latin1.length ? view.latin1.slice(0, length) : view.latin1;
  const before = together.filter(({ start }) => start < length);
  return scanner.outline.suspects(latin1, before).flatMap(({ start: from, end: until }) => {
    if (view.place(until - 1) < shown) return [];
    const { text, byteOf } = decode(view.bytes.subarray(from, until), latin1.slice(from, until));
    return scanner.find(text).map((span): Located => {
      const start = from + byteOf(span.start);
      const end = from + byteOf(span.end);
      return {
        start: view.first(start),
        end: view.place(end - 1) + 1,
        value: text.slice(span.start, span.end),
        detectors: span.detectors,
        hides: [view.hides(start, end)],
      };
    });
  });
}

/** In order, with those of several views that overlap as one. */
export function joined(all: readonly Located[]): readonly Located[] {
  const result: Located[] = [];
  for (const one of all.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const last = result.at(-1);
    if (last === undefined || one.start >= last.end) {
      result.push(one);
      continue;
    }
    result[result.length - 1] = {
      start: last.start,
      end: Math.max(last.end, one.end),
      value: one.value.length > last.value.length ? one.value : last.value,
      detectors: [...new Set([...last.detectors, ...one.detectors])],
      hides: [...last.hides, ...one.hides],
    };
  }
  return result;
}

/** What stays of something located, from a place on. */
export function shownOf(raw: Buffer, located: Located, from: number): Buffer {
  const start = Math.max(located.start, from);
  const stays = new Uint8Array(located.end - start).fill(1);
  for (const places of located.hides) {
    for (const place of places) if (place >= start) stays[place - start] = 0;
  }
  return Buffer.from(raw.subarray(start, located.end).filter((_, index) => stays[index] === 1));
}
