import { type Modes, modesOf, openAction, openingOf, type SftpAction, sftpAction } from "./action.ts";
import type { ExtendedRequest } from "./codec/extended-request.ts";
import { openFlag } from "./codec/numbers.ts";
import type { PathRequest } from "./codec/path-request.ts";
import type { Request } from "./codec/request.ts";
import type { Subject } from "./order.ts";
import { absolute, lexical, type Place, split, textOfPath } from "./places.ts";
import type { Resolver } from "./resolver.ts";

/** Requests that are decided by the paths that they name. */
export type Named =
  | PathRequest
  | Extract<ExtendedRequest, { readonly path: Buffer }>
  | Extract<ExtendedRequest, { readonly type: "home-directory" }>;

/** A path that is not even looked up. */
export class Unfit extends Error {
  override readonly name = "Unfit";
}

/** It names nothing: what every target would say of it. */
export class NamesNothing extends Error {
  override readonly name = "NamesNothing";
}

/** What asks the target, beside where paths lead. */
export interface Lookup {
  readonly resolver: Resolver;
  /** What the target makes of `~` and `~user`; undefined where that is nothing. */
  readonly expand: (
    request: Extract<Named, { type: "expand-path" | "home-directory" }>,
  ) => Promise<string | undefined>;
}

/** How one request is looked up, decided and sent. */
export interface Plan {
  readonly subject: Subject;
  look(lookup: Lookup): Promise<readonly Place[]>;
  action(places: readonly Place[]): SftpAction;
  /** What is sent: the places that were decided, not the paths that the client wrote. */
  request(places: readonly Place[]): Request;
  /** Of OPEN; null of OPENDIR. */
  readonly opens?: { readonly modes: Modes | undefined; readonly fresh: boolean; readonly appends: boolean };
}

/**
 * @param home canonical
 * @throws Unfit, NamesNothing
 */
export function planOf(request: Named, home: string): Plan {
  switch (request.type) {
    case "open":
      return openPlan(request, home);
    case "opendir":
      return {
        ...onePlan(request, home, { kind: "list", access: "read", follows: true }),
        opens: { modes: undefined, fresh: false, appends: false },
      };
    case "stat":
    case "statvfs":
      return onePlan(request, home, { kind: "stat", access: "read", follows: true });
    case "realpath":
      return onePlan(request, home, { kind: "stat", access: "read", follows: true, empty: true });
    case "lstat":
      // A slash behind a link is for what the link leads to.
      return onePlan(request, home, { kind: "stat", access: "read", follows: request.path.at(-1) === SLASH });
    case "readlink":
      return onePlan(request, home, { kind: "stat", access: "read" });
    case "setstat":
      return onePlan(request, home, { kind: "setstat", access: "write", follows: true });
    case "lsetstat":
      return onePlan(request, home, { kind: "setstat", access: "write" });
    case "remove":
    case "rmdir":
    case "mkdir":
      return onePlan(request, home, { kind: request.type, access: "write", structural: true });
    case "rename":
    case "posix-rename":
    case "hardlink":
      return twoPlan(request, home);
    case "symlink":
      return symlinkPlan(request, home);
    case "expand-path":
    case "home-directory":
      return expandingPlan(request, home);
  }
}

const SLASH = 0x2f;

interface Way {
  readonly kind: SftpAction["kind"];
  readonly access: SftpAction["access"];
  readonly follows?: boolean;
  readonly structural?: boolean;
  /** An empty path is the home. */
  readonly empty?: boolean;
}

type OfOnePath = Exclude<
  Named,
  { readonly to: Buffer } | { readonly type: "open" | "symlink" | "home-directory" }
>;

function onePlan(request: OfOnePath, home: string, way: Way): Plan {
  const path = pathOf(request.path, home, way.empty);
  const attributes = "attributes" in request ? request.attributes : undefined;
  return {
    subject: { paths: [lexical(path)], writes: way.access === "write", structural: way.structural ?? false },
    look: async ({ resolver }) => [await (way.follows ? resolver.follow(path) : resolver.own(path))],
    action: (places) =>
      sftpAction({
        kind: way.kind,
        access: way.access,
        places,
        ...(attributes ? { attributes } : {}),
        also: [request.type],
      }),
    request: (places) => ({ ...request, path: bytesOf(places[0]) }),
  };
}

function openPlan(request: Extract<Named, { type: "open" }>, home: string): Plan {
  const { flags, attributes } = request;
  if ((flags & ~OPEN_FLAGS) !== 0)
    throw new Unfit("The file can't be opened so: version 3 has no such flags.");
  const path = pathOf(request.path, home);
  const { create, exclusive, truncate, append } = openingOf(flags);
  const modes = modesOf(flags);
  return {
    subject: { paths: [lexical(path)], writes: modes.changes, structural: false },
    // With EXCL the kernel does not follow a link that has taken the name.
    look: async ({ resolver }) => [await (create && exclusive ? resolver.own(path) : resolver.follow(path))],
    action: ([place]) => openAction(given(place), flags, attributes),
    request: ([place]) => ({ ...request, path: bytesOf(place) }),
    opens: {
      modes,
      fresh: modes.writes && (truncate || (create && exclusive)),
      appends: modes.writes && append,
    },
  };
}

const OPEN_FLAGS = Object.values(openFlag).reduce((all, flag) => all | flag, 0);

function twoPlan(request: Extract<Named, { readonly to: Buffer }>, home: string): Plan {
  const path = pathOf(request.path, home);
  const to = pathOf(request.to, home);
  const links = request.type === "hardlink";
  return {
    subject: { paths: [lexical(path), lexical(to)], writes: true, structural: true },
    look: async ({ resolver }) =>
      Promise.all([
        // Some systems link to what a link leads to, some to the link: with none on the way it is one thing everywhere.
        links ? resolver.follow(path) : resolver.own(path),
        resolver.own(to),
      ]),
    action: (places) =>
      sftpAction({ kind: links ? "hardlink" : "rename", access: "write", places, also: [request.type] }),
    request: ([from, into]) => ({ ...request, path: bytesOf(from), to: bytesOf(into) }),
  };
}

/** What a link holds is sent as it was: it may be relative to the link. Where that leads is what is decided. */
function symlinkPlan(request: Extract<Named, { type: "symlink" }>, home: string): Plan {
  const path = pathOf(request.path, home);
  const pointsTo = textOf(request.pointsTo);
  if (pointsTo === "") throw new NamesNothing();
  const beside = split(path)?.folder ?? path;
  return {
    subject: { paths: [lexical(path), lexical(absolute(pointsTo, beside))], writes: true, structural: true },
    look: async ({ resolver }) => {
      const own = await resolver.own(path);
      const folder = split(own.path)?.folder ?? "/";
      return [await resolver.follow(absolute(pointsTo, folder)), own];
    },
    action: (places) => sftpAction({ kind: "symlink", access: "write", places, also: [pointsTo] }),
    request: ([, own]) => ({ ...request, path: bytesOf(own) }),
  };
}

/** What `~` is only the target knows. It is asked, and then decided for what it said. */
function expandingPlan(
  request: Extract<Named, { type: "expand-path" | "home-directory" }>,
  home: string,
): Plan {
  const text = request.type === "expand-path" ? textOf(request.path) : `~${textOf(request.user)}`;
  const words = absolute(text, home);
  const [, user, below] = /^(~[^/]*)(.*)$/s.exec(text) ?? [];
  let nobody = false;
  return {
    subject: { paths: [lexical(words)], writes: false, structural: false },
    look: async ({ resolver, expand }) => {
      if (user === undefined) return [await resolver.follow(words)];
      const folder = await expand(
        request.type === "expand-path" ? { ...request, path: Buffer.from(user, "utf8") } : request,
      );
      nobody = folder === undefined;
      return [await resolver.follow(folder === undefined ? words : `${folder}${below ?? ""}`)];
    },
    action: (places) => sftpAction({ kind: "stat", access: "read", places, also: [request.type] }),
    // That there is no such user is for the target to say.
    request: ([place]) => (nobody ? request : { type: "realpath", path: bytesOf(place) }),
  };
}

function pathOf(bytes: Buffer, home: string, emptyIsHome = false): string {
  const text = textOf(bytes);
  if (text === "" && !emptyIsHome) throw new NamesNothing();
  return text === "" ? home : absolute(text, home);
}

function textOf(bytes: Buffer): string {
  const text = textOfPath(bytes);
  if (!text.ok) throw new Unfit(text.why);
  return text.path;
}

function bytesOf(place: Place | undefined): Buffer {
  return Buffer.from(given(place).path, "utf8");
}

function given(place: Place | undefined): Place {
  if (!place) throw new TypeError("A request was sent without its place.");
  return place;
}
