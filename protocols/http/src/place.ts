import { type RequestTarget, readTarget, underFirst } from "./path.ts";

/** Where a request is meant to go, by the first part of its path: `/TARGET/rest`, or `/LEVEL@TARGET/rest`. */
export interface Place {
  readonly target: string;
  /** undefined where the client has not said. */
  readonly level: string | undefined;
  /** What is in front of the target's own path: `/TARGET`, in its plain form. */
  readonly prefix: string;
  /** What is asked of the target, in the form in which it is sent. */
  readonly asked: RequestTarget;
}

/** Names of targets and levels, as the config has them. */
const NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,62}";
const PLACE = new RegExp(`^(?:(${NAME})@)?(${NAME})$`);

/**
 * @param target of a request line
 * @returns undefined where it names no target
 * @throws Malformed where two servers could read it differently
 */
export function readPlace(target: string): Place | undefined {
  const read = readTarget(target);
  const under = underFirst(read);
  const [, level, name] = PLACE.exec(under?.first ?? "") ?? [];
  if (under === undefined || name === undefined) return undefined;
  const slash = read.path.indexOf("/", 1);
  const prefix = slash === -1 ? read.path : read.path.slice(0, slash);
  return { target: name, level, prefix, asked: under.rest };
}
