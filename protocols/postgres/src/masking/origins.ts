import { NOWHERE, type Origin } from "../lineage/lineage.ts";

/** Of each column of a statement's answer, what the server may say that it is; NOWHERE alone where undefined. */
export type Origins = readonly (readonly Origin[] | undefined)[];

const COMPUTED: readonly Origin[] = [NOWHERE];

/**
 * Whether the columns are those that were planned, by the relations that the server itself says they come from: it has
 * looked the names up at the moment when it ran the statement, and the gateway in what it last knew.
 */
export function fitsOrigins(described: readonly Origin[], planned: Origins): boolean {
  const among = (one: Origin, origins = COMPUTED) =>
    // Of a negative number are ctid and its like, which hold nothing of anybody's.
    one.column < 0 ||
    origins.some(({ relation, column }) => relation === one.relation && column === one.column);
  if (described.length === planned.length) return described.every((one, i) => among(one, planned[i]));
  // Not all columns are known of an answer where none comes from a stored one.
  return planned.every((origins) => origins === undefined) && described.every((one) => among(one));
}
