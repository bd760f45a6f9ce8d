import { type RequestTarget, underFirst } from "./path.ts";

/** A target, and where it is said one of its levels. */
export interface Named {
  readonly target: string;
  /** undefined where the client has not said. */
  readonly level: string | undefined;
}

/** Where a request is meant to go: by its host's name, or by the first part of its path, `/TARGET/rest` or `/LEVEL@TARGET/rest`. */
export interface Place extends Named {
  /** What is in front of the target's own path: `/TARGET`, in its plain form; nothing where the target has a host name of its own. */
  readonly prefix: string;
  /** What is asked of the target, in the form in which it is sent. */
  readonly asked: RequestTarget;
}

/** Names of targets and levels, as the config has them. */
const NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,62}";
const NAMED = new RegExp(`^(?:(${NAME})@)?(${NAME})$`);

/** @param written `TARGET`, or `LEVEL@TARGET` */
export function readNamed(written: string): Named | undefined {
  const [, level, target] = NAMED.exec(written) ?? [];
  return target === undefined ? undefined : { target, level };
}

/**
 * @param hosts those that targets have of their own: on them no other target is to be had
 * @returns undefined where it names no target
 */
export function readPlace(
  read: RequestTarget,
  authority: string | undefined,
  hosts: ReadonlyMap<string, Named>,
): Place | undefined {
  const own = hosts.get(hostName(authority));
  if (own) return { ...own, prefix: "", asked: read };
  const under = underFirst(read);
  const named = readNamed(under?.first ?? "");
  if (under === undefined || named === undefined) return undefined;
  const slash = read.path.indexOf("/", 1);
  const prefix = slash === -1 ? read.path : read.path.slice(0, slash);
  return { ...named, prefix, asked: under.rest };
}

/** Without the port, and the dot that a whole name may end with. */
function hostName(authority = ""): string {
  return authority.replace(/:[0-9]*$/, "").replace(/\.$/, "");
}
