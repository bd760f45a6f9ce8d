import { decodeUtf8 } from "@gatehouse/wire";

/** Bytes of a path, at most: what Linux takes. */
export const MAX_PATH = 4096;

/** Where a path leads. */
export interface Place {
  /** Absolute, without `.`, `..`, `//` or a slash at the end. */
  readonly path: string;
  /** The target has said so, but for parts at its end that are not there. */
  readonly resolved: boolean;
}

export type PathText =
  | { readonly ok: true; readonly path: string }
  | { readonly ok: false; readonly why: string };

/** A path as text. What is not UTF-8, or would end early in C, could be read as another one by who decides or who acts. */
export function textOfPath(bytes: Buffer): PathText {
  if (bytes.length > MAX_PATH)
    return { ok: false, why: `The path is longer than ${String(MAX_PATH)} bytes.` };
  if (bytes.includes(0)) return { ok: false, why: "The path holds a NUL byte." };
  try {
    return { ok: true, path: decodeUtf8(bytes) };
  } catch {
    return { ok: false, why: "The path is not UTF-8." };
  }
}

/** @param home canonical */
export function absolute(path: string, home: string): string {
  return path.startsWith("/") ? path : join(home, path);
}

export function join(folder: string, name: string): string {
  return folder.endsWith("/") ? `${folder}${name}` : `${folder}/${name}`;
}

/** The path with `.`, `..` and `//` taken out by its words alone, as if no link were on the way. */
export function lexical(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** The folder that the path's last part is in, and that part; undefined where it has none of its own (`/`, `a/..`). */
export function split(path: string): { readonly folder: string; readonly name: string } | undefined {
  const trimmed = path.replace(/\/+$/, "");
  const cut = trimmed.lastIndexOf("/");
  const name = trimmed.slice(cut + 1);
  if (cut === -1 || name === "" || name === "." || name === "..") return undefined;
  return { folder: cut === 0 ? "/" : trimmed.slice(0, cut), name };
}

/** @param path and `folder` are canonical */
export function isUnder(path: string, folder: string): boolean {
  return path.startsWith(folder === "/" ? "/" : `${folder}/`);
}
