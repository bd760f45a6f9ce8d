import { open } from "node:fs/promises";
import { type KnownCatalog, messageOf, type Protocol, type Target } from "@gatehouse/core";
import { didYouMean, type Problem, parseJson } from "@gatehouse/documents";
import { loadProtocols, takeCatalog } from "@gatehouse/gateway";
import { readConfiguration } from "./check.ts";
import { Failed, printError } from "./output.ts";

/** Bytes. What a gateway reads of a target's catalog is about as long in a file. */
const MAX_SIZE = 256 * 1024 * 1024;

/** `gatehouse policy catalog`: what a target holds, for looking into policies without it. */
export async function catalog(name: string, { config: file }: { readonly config: string }): Promise<void> {
  const { config } = await readConfiguration(file, false);
  const target = targetNamed(name, config.targets);
  const silent = () => undefined;
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  const protocols = loadProtocols();
  try {
    process.stdout.write(await takeCatalog(target, config, protocols, log));
  } finally {
    await Promise.all(protocols.map((protocol) => protocol.dispose()));
  }
}

/** @throws Failed with the nearest name printed */
export function targetNamed(name: string, targets: ReadonlyMap<string, Target>): Target {
  const target = targets.get(name);
  if (target) return target;
  printError(`no target "${name}"${didYouMean(name, targets.keys())}`);
  throw new Failed();
}

export type CatalogResult =
  | { readonly ok: true; readonly catalog: KnownCatalog }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * A target as one that holds what a file says.
 * @param protocol the target's
 * @param name of the file, for problems
 */
export async function readCatalog(path: string, name: string, protocol: Protocol): Promise<CatalogResult> {
  const problem = (message: string): CatalogResult => ({
    ok: false,
    problems: [{ file: name, line: 1, column: 1, message }],
  });
  if (!protocol.catalogs) return problem(`a target of the protocol ${protocol.name} has no catalog`);
  let text: string;
  try {
    text = await bounded(path);
  } catch (error) {
    return problem(`can't be read: ${messageOf(error)}`);
  }
  const parsed = parseJson(text, name);
  if (!parsed.ok) return parsed;
  const read = protocol.catalogs.read(parsed.document.value);
  if (read.ok) return { ok: true, catalog: read.value };
  return { ok: false, problems: parsed.document.problems(read.issues) };
}

async function bounded(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > MAX_SIZE) throw new Error(`it has ${size} bytes, more than the ${MAX_SIZE} that are read`);
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}
