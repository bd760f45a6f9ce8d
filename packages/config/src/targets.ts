import type { Level, SettingsIssue, SettingsReader, SettingsResult, Target } from "@gatehouse/core";
import { checkValue } from "@gatehouse/documents";
import { z } from "zod";
import type { ConfigProtocol } from "./config.ts";
import { mapOf } from "./raw.ts";
import { type Reading, targetSchema } from "./target-schema.ts";

/** As many as anybody mends at once. Finding more takes time in which a gateway that reloads would stand still. */
export const MAX_PROBLEMS = 100;

/** Reads the targets: the common keys by the schema, a protocol's own by that protocol's reader. */
export function readTargets(
  raw: unknown,
  reading: Reading,
  protocols: readonly ConfigProtocol[],
): { targets: Map<string, Target>; issues: SettingsIssue[] } {
  const common = targetSchema(
    reading,
    protocols.map(({ name }) => name),
  );
  const readers = new Map(
    protocols.map(({ name, targetSettings }) => [
      name,
      targetReader(common, targetSettings.keys, targetSettings),
    ]),
  );
  // Of a protocol that is not known, nobody can say which keys are wrong: those of any protocol pass.
  const unknownProtocol = targetReader(
    common,
    protocols.flatMap(({ targetSettings }) => targetSettings.keys),
  );
  const targets = new Map<string, Target>();
  const issues: SettingsIssue[] = [];
  for (const [name, value] of Object.entries(mapOf(raw))) {
    if (issues.length >= MAX_PROBLEMS) break;
    const protocol = mapOf(value)["protocol"];
    const read = (typeof protocol === "string" ? readers.get(protocol) : undefined) ?? unknownProtocol;
    const result = read(name, value);
    if (result.ok) targets.set(name, result.value);
    else issues.push(...result.issues.map((issue) => ({ ...issue, path: ["targets", name, ...issue.path] })));
  }
  return { targets, issues };
}

/** Reads the targets of one protocol; without its reader, it can only say what is wrong with the common keys. */
function targetReader(
  common: ReturnType<typeof targetSchema>,
  protocolKeys: readonly string[],
  reader?: SettingsReader,
): (name: string, value: unknown) => SettingsResult<Target> {
  const own = protocolKeys.filter((key) => !Object.hasOwn(common.shape, key));
  // They stand in the schema so that a misspelt one finds its nearest right word.
  const strict = z.strictObject({
    ...Object.fromEntries(own.map((key) => [key, z.unknown().optional()])),
    ...common.shape,
  });
  return (name, value) => {
    const keys = mapOf(value);
    const target = checkValue(strict, keys["tls"] === "off" ? { ...keys, tls: { mode: "off" } } : value);
    const settings = reader?.read(
      Object.fromEntries(Object.entries(keys).filter(([key]) => own.includes(key))),
    );
    if (target.ok && settings?.ok) {
      return { ok: true, value: targetOf(name, target.value, settings.value) };
    }
    return {
      ok: false,
      issues: [...(target.ok ? [] : target.issues), ...(settings && !settings.ok ? settings.issues : [])],
    };
  };
}

function targetOf(
  name: string,
  { protocol, address, tls, connectTimeout, credential, levels }: z.output<ReturnType<typeof targetSchema>>,
  settings: unknown,
): Target {
  const named = new Map<string, Level>();
  for (const [level, own] of Object.entries(levels)) {
    const used = own.credential ?? credential;
    // A level without any is an issue of its own (`cross-checks.ts`), and there is no config then.
    if (used) named.set(level, { name: level, credential: used });
  }
  return { name, protocol, address, tls, levels: named, connectTimeout, settings };
}
