import type { Access } from "@gatehouse/core";
import type { Attributes } from "./codec/attributes.ts";
import { openFlag } from "./codec/numbers.ts";
import type { Place } from "./places.ts";

export type SftpActionKind =
  | "open-read"
  | "open-write"
  | "open-read-write"
  | "remove"
  | "rename"
  | "mkdir"
  | "rmdir"
  | "setstat"
  | "symlink"
  | "hardlink"
  /** The names in a folder. */
  | "list"
  /** What there is to know of a file without opening it: attributes, where a link points, its canonical path. */
  | "stat"
  | "copy-data"
  /** The names of users and groups. */
  | "users";

/** How a file is opened, beside for what. */
export interface Opening {
  readonly create: boolean;
  readonly truncate: boolean;
  readonly append: boolean;
  readonly exclusive: boolean;
}

/** One thing that a client wants done to the target's files. */
export interface SftpAction {
  readonly kind: SftpActionKind;
  readonly access: Extract<Access, "read" | "write">;
  /**
   * What it is about, canonical: absolute, without `.`, `..` or `//`. Of renames and hard links the old path, then the new one;
   * of symbolic links where it points, then its own; of copies what is read, then what is written.
   */
  readonly paths: readonly string[];
  /** The target has said where all of the paths lead, but for parts at their ends that are not there. */
  readonly resolved: boolean;
  readonly opening?: Opening;
  /** What a file is to have. */
  readonly attributes?: Attributes;
  /** All that makes it this action. */
  readonly identity: string;
}

interface Parts extends Omit<SftpAction, "paths" | "resolved" | "identity"> {
  readonly places: readonly Place[];
  /** What makes it this action beside what the others say. */
  readonly also?: readonly string[];
}

export function sftpAction({ kind, access, places, opening, attributes, also = [] }: Parts): SftpAction {
  const paths = places.map(({ path }) => path);
  const flags = opening ? [opening.create, opening.truncate, opening.append, opening.exclusive] : [];
  return {
    kind,
    access,
    paths,
    resolved: places.every(({ resolved }) => resolved),
    ...(opening ? { opening } : {}),
    ...(attributes ? { attributes } : {}),
    identity: JSON.stringify([
      kind,
      paths.map((path) => Buffer.from(path, "utf8").toString("base64")),
      flags,
      attributes ? identityOf(attributes) : [],
      also,
    ]),
  };
}

/** What files are opened for, as OpenSSH's server reads the flags. */
export interface Modes {
  readonly reads: boolean;
  readonly writes: boolean;
  /** It can change what is there, or that something is: CREAT and TRUNC do so without WRITE as well. */
  readonly changes: boolean;
}

export function modesOf(flags: number): Modes {
  const writes = (flags & openFlag.write) !== 0;
  const changing = openFlag.write | openFlag.append | openFlag.create | openFlag.truncate;
  // With neither READ nor WRITE the server opens for reading.
  return { reads: (flags & openFlag.read) !== 0 || !writes, writes, changes: (flags & changing) !== 0 };
}

export function openAction(place: Place, flags: number, attributes: Attributes): SftpAction {
  const { reads, changes } = modesOf(flags);
  return sftpAction({
    kind: changes ? (reads ? "open-read-write" : "open-write") : "open-read",
    access: changes ? "write" : "read",
    places: [place],
    opening: openingOf(flags),
    attributes,
    also: [String(flags)],
  });
}

export function openingOf(flags: number): Opening {
  return {
    create: (flags & openFlag.create) !== 0,
    truncate: (flags & openFlag.truncate) !== 0,
    append: (flags & openFlag.append) !== 0,
    exclusive: (flags & openFlag.exclusive) !== 0,
  };
}

function identityOf({ size, owner, permissions, times }: Attributes): readonly unknown[] {
  return [size?.toString() ?? null, owner ?? null, permissions ?? null, times ?? null];
}
