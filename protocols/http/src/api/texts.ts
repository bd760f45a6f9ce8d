import type { FactValue } from "@gatehouse/core";
import type { Piece } from "./decoder.ts";
import { isList, isObject } from "./reading.ts";

/** Members that say what something is, or stand in one event whole: no text goes on in them. */
const WHOLE = new Set([
  ...["type", "role", "id", "name", "call_id", "item_id", "status", "format"],
  ...["data", "signature", "encrypted_content", "citation"],
]);

/**
 * The pieces in what one event adds: all of its texts, also in members that nobody here knows, since each server has some of its own
 * for what a model thinks.
 * @param value what is added
 * @param path where it stands in its event
 * @param text which one it goes on
 */
export function piecesIn(
  value: FactValue | undefined,
  path: readonly (string | number)[],
  text: string,
): readonly Piece[] {
  if (typeof value === "string") return [{ path, text }];
  if (isList(value)) {
    return value.flatMap((item, at) => piecesIn(item, [...path, at], `${text}/${indexOf(item, at)}`));
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    WHOLE.has(name) ? [] : piecesIn(member, [...path, name], `${text}/${name}`),
  );
}

/** Which of several it is: what it says itself, since an event has only those that go on. */
export function indexOf(value: FactValue, at: number): number {
  const said = isObject(value) ? value["index"] : undefined;
  return typeof said === "number" ? said : at;
}
