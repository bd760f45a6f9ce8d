import type {
  Level,
  MintTerms,
  SettingsIssue,
  SettingsReader,
  SettingsResult,
  Target,
  TargetCredential,
} from "@gatehouse/core";
import { checkValue } from "@gatehouse/documents";
import { z } from "zod";
import type { ConfigProtocol } from "./config.ts";
import type { WrittenCredential } from "./credential-schema.ts";
import { mapOf, passing, readOwn } from "./raw.ts";
import { levelSchema, MINT_KEYS, type Reading, targetSchema } from "./target-schema.ts";

/** As many as anybody mends at once. Finding more takes time in which a gateway that reloads would stand still. */
export const MAX_PROBLEMS = 100;

type TargetReader = (name: string, value: unknown) => SettingsResult<Target>;

/** Reads the targets: the common keys by the schema, a protocol's own by that protocol's readers. */
export function readTargets(
  raw: unknown,
  reading: Reading,
  protocols: readonly ConfigProtocol[],
): { targets: Map<string, Target>; issues: SettingsIssue[] } {
  const names = protocols.map(({ name }) => name);
  const readers = new Map(
    protocols.map((protocol) => [protocol.name, targetReader(reading, names, [protocol], protocol)]),
  );
  // Of a protocol that is not known, nobody can say which keys are wrong: those of any protocol pass.
  const unknownProtocol = targetReader(reading, names, protocols);
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

/**
 * Reads the targets of one protocol, `spoken`; without it, it can only say what is wrong with the common keys.
 * @param known the protocols whose own keys may stand beside the common ones
 */
function targetReader(
  reading: Reading,
  names: readonly string[],
  known: readonly ConfigProtocol[],
  spoken?: ConfigProtocol,
): TargetReader {
  const level = z.strictObject({
    ...passing(known.flatMap(({ levelSettings }) => levelSettings.keys)),
    ...levelSchema(reading, spoken).shape,
  });
  const target = z.strictObject({
    ...passing(known.flatMap(({ targetSettings }) => targetSettings.keys)),
    ...targetSchema(reading, names, spoken, level).shape,
  });
  return (name, value) => {
    const common = checkValue(target, value);
    const own = spoken && readSettings(spoken, value, reading);
    const issues = [...(common.ok ? [] : common.issues), ...(own?.issues ?? [])];
    if (common.ok && own) issues.push(...mintIssues(common.value, own));
    if (!common.ok || !own || issues.length > 0) return { ok: false, issues };
    return { ok: true, value: targetOf(name, common.value, spoken, own) };
  };
}

/** What a protocol has read of its own keys. */
interface OwnSettings {
  readonly target: unknown;
  /** By the level's name. */
  readonly levels: ReadonlyMap<string, unknown>;
  /** The levels whose sessions each have a user of their own. */
  readonly minted: ReadonlySet<string>;
  readonly issues: readonly SettingsIssue[];
}

function readSettings(
  { targetSettings, levelSettings, minting }: ConfigProtocol,
  raw: unknown,
  { folder }: Reading,
): OwnSettings {
  const issues: SettingsIssue[] = [];
  const read = (reader: SettingsReader, value: unknown, path: readonly string[]): unknown => {
    const result = readOwn(reader, value, folder);
    if (result.ok) return result.value;
    issues.push(...result.issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] })));
    return undefined;
  };
  const target = read(targetSettings, raw, []);
  const levels = Object.entries(mapOf(mapOf(raw)["levels"])).map(
    ([name, level]) => [name, read(levelSettings, level, ["levels", name])] as const,
  );
  const minted = levels.filter(([, settings]) => settings !== undefined && minting?.mints(settings) === true);
  return { target, levels: new Map(levels), minted: new Set(minted.map(([name]) => name)), issues };
}

type LevelKeys = z.output<ReturnType<typeof levelSchema>>;

function mintTerms({ ttl = 15 * 60_000, ready = 2, share = "session" }: LevelKeys): MintTerms {
  return { ttl, ready, share };
}

/** What can't stand together, once it is known which levels have users of their own. */
function mintIssues(
  { levels }: z.output<ReturnType<typeof targetSchema>>,
  { minted }: OwnSettings,
): SettingsIssue[] {
  return Object.entries(levels).flatMap(([name, level]): SettingsIssue[] => {
    const path = ["levels", name];
    if (!minted.has(name)) {
      return MINT_KEYS.filter((key) => level[key] !== undefined).map((key) => ({
        path: [...path, key],
        atKey: true,
        message: `\`${key}\` is for a level whose sessions each have a user of their own, and this one's have not`,
      }));
    }
    if (level.credential === undefined) return [];
    const message =
      "the sessions of this level each have a user of their own: remove this, or what gives them one";
    return [{ path: [...path, "credential"], atKey: true, message }];
  });
}

function targetOf(
  name: string,
  common: z.output<ReturnType<typeof targetSchema>>,
  spoken: ConfigProtocol,
  settings: OwnSettings,
): Target {
  const { protocol, address, tls, connectTimeout, credential, tags } = common;
  const complete = (written: WrittenCredential, level: string): TargetCredential => {
    const user = spoken.credentials.user?.(level, settings.levels.get(level)) ?? written.user;
    return { ...written, user: user ?? "" };
  };
  const levels = new Map<string, Level>();
  for (const [level, own] of Object.entries(common.levels)) {
    const written = own.credential ?? credential;
    const given = written && ("vault" in written ? written : complete(written, level));
    const used = settings.minted.has(level) ? { mint: mintTerms(own) } : given;
    // A level without any is an issue of its own (`cross-checks.ts`), and there is no config then.
    if (used) levels.set(level, { name: level, credential: used, settings: settings.levels.get(level) });
  }
  const [first = ""] = levels.keys();
  const firsts = [...levels.values()].map((level) => level.credential).find((used) => "user" in used);
  return {
    name,
    protocol,
    addresses: address,
    tls: spoken.security === "own" ? { mode: "own" } : tls,
    levels,
    credential: credential ? complete(credential, first) : (firsts ?? { user: "" }),
    tags: new Map(Object.entries(tags)),
    connectTimeout,
    settings: settings.target,
  };
}
