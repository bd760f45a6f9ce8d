import { join, lexical, type Place, split } from "./places.ts";

/** What is at a path itself, no link followed. */
export type Presence = "missing" | "denied" | "there";

/** What a resolver asks of the target. */
export interface Sight {
  /** REALPATH: the canonical path, or undefined where the target does not give one. */
  realpath(path: string): Promise<string | undefined>;
  /** LSTAT. */
  presence(path: string): Promise<Presence>;
}

/** The target can't, or won't, say where a path leads that leads somewhere. */
export class Unresolvable extends Error {
  override readonly name = "Unresolvable";
}

/**
 * Finds where paths lead, as the target itself says: a rule by path is for the file, whatever links lead to it.
 *
 * What it can't do: between this look and the act, somebody else at the target can put a link where there was none, and version
 * 3 can't ask where a handle leads. The canonical path is what is sent, so that no link that was seen can be turned
 * about; what a client could change itself in between, `PathRequests` keeps it from. A server whose REALPATH does
 * not follow links (OpenSSH's does) shows no rule the file behind one, and a file system that ignores case, or has a folder
 * mounted twice, has names for a file that no rule knows. Where that matters, a rule has to allow what may be, by folder, and not
 * block what may not.
 */
export class Resolver {
  readonly #sight: Sight;

  constructor(sight: Sight) {
    this.#sight = sight;
  }

  /**
   * Where a request leads that follows links.
   * @param path absolute
   * @throws Unresolvable for a link, or what else is there, that the target resolves no further: a chain that is too long for its REALPATH
   *   may not be too long for its kernel
   */
  async follow(path: string): Promise<Place> {
    const real = await this.#sight.realpath(path);
    if (real !== undefined) return { path: real, resolved: true };
    const words = lexical(path);
    const parts = words.split("/").filter((part) => part !== "");
    // What was asked just now needs no asking again.
    const [known, folder] = await this.#deepest(parts, words === path ? parts.length - 1 : parts.length);
    const first = parts[known];
    // Without `..` it does lead somewhere.
    if (first === undefined) return { path: folder, resolved: true };
    const presence = await this.#sight.presence(join(folder, first));
    if (presence === "there") throw new Unresolvable("The target can't say where the path leads.");
    // Below what is missing nothing is, and no link either.
    return { path: join(folder, parts.slice(known).join("/")), resolved: presence === "missing" };
  }

  /** Where a request leads that is about the last part itself: a link, a name that goes or comes. As `follow` otherwise. */
  async own(path: string): Promise<Place> {
    const parts = split(path);
    if (!parts) return this.follow(path);
    const { path: folder, resolved } = await this.follow(parts.folder);
    return { path: join(folder, parts.name), resolved };
  }

  /**
   * How many parts of a path the target resolves, and where those lead. Who resolves a path resolves all in front of it.
   * @param most it is no more than so many
   */
  async #deepest(parts: readonly string[], most: number): Promise<readonly [known: number, folder: string]> {
    let known = 0;
    let folder = "/";
    // The parent first: mostly it is the last part that is missing.
    let middle = most;
    while (known < most) {
      const real = await this.#sight.realpath(`/${parts.slice(0, middle).join("/")}`);
      if (real === undefined) {
        most = middle - 1;
      } else {
        known = middle;
        folder = real;
      }
      middle = Math.ceil((known + most) / 2);
    }
    return [known, folder];
  }
}
