import { createHash } from "node:crypto";
import { type FactSchema, GatehouseError } from "@gatehouse/core";
import { type Problem, parseYaml, type YamlDocument } from "@gatehouse/documents";
import type { RuleErrorListener } from "./combine.ts";
import { Engine, type LoadedPolicies } from "./engine.ts";
import { type WhenEnvironment, whenEnvironment } from "./environment.ts";
import type { Policy, PolicyTarget } from "./policy.ts";
import { type PolicyFile, readPolicyFile } from "./policy-file.ts";
import { resolvePolicy } from "./resolve.ts";

/** A policy file's text. The path is what problems and rule references call it. */
export interface PolicyText {
  readonly path: string;
  readonly text: string;
}

export interface LoadOptions {
  readonly files: readonly PolicyText[];
  /** The configured targets by name. */
  readonly targets: ReadonlyMap<string, PolicyTarget>;
  /** The facts of each protocol by its name; every target's protocol is there. */
  readonly facts: ReadonlyMap<string, FactSchema>;
  /** The names of all detectors that a mask rule may name. */
  readonly detectors: readonly string[];
  /** What those of the config look for, by name. */
  readonly patterns?: Readonly<Record<string, string>>;
  readonly onError: RuleErrorListener;
}

export interface PolicySummary {
  readonly title: string;
  readonly file: string;
  readonly rules: number;
}

export type LoadResult =
  | { readonly ok: true; readonly engine: LoadedPolicies; readonly policies: readonly PolicySummary[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

interface ReadFile {
  readonly document: YamlDocument;
  readonly value: PolicyFile;
}

/**
 * Loads policy files, all or none. They are taken in the order of their paths, whatever the order they are given
 * in, so that the same files always name the same rule and have the same version. No file: nothing is allowed.
 * @throws GatehouseError INTERNAL where a target's protocol declares no facts.
 */
export function loadPolicies({
  files,
  targets,
  facts,
  detectors,
  patterns = {},
  onError,
}: LoadOptions): LoadResult {
  const environments = environmentsOf(targets, facts);
  const prefixes = new Set([...facts.values()].map(({ prefix }) => prefix));
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const problems: Problem[] = [];
  const policies: Policy[] = [];
  const firstWith = new Map<string, string>();
  for (const file of sorted) {
    const read = readFile(file);
    if (!read.ok) {
      problems.push(...read.problems);
      continue;
    }
    const { document, value } = read.file;
    const first = firstWith.get(value.policy);
    if (first !== undefined) {
      const message = `the policy at ${first} has this title as well: a title names one policy`;
      problems.push(...document.problems([{ path: ["policy"], message }]));
    }
    firstWith.set(value.policy, first ?? `${file.path}:${document.lineOf(["policy"])}`);
    const resolved = resolvePolicy(value, document, { targets, environments, prefixes, detectors });
    problems.push(...resolved.problems);
    policies.push(resolved.policy);
  }
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    engine: new Engine({
      version: versionOf(sorted, targets, patterns),
      policies,
      targets,
      environments,
      onError,
    }),
    policies: policies.map(({ title, file, rules }) => ({ title, file, rules: rules.length })),
  };
}

function readFile({
  path,
  text,
}: PolicyText):
  | { readonly ok: true; readonly file: ReadFile }
  | { readonly ok: false; readonly problems: readonly Problem[] } {
  const parsed = parseYaml(text, path);
  if (!parsed.ok) return parsed;
  const read = readPolicyFile(parsed.document);
  return read.ok ? { ok: true, file: { document: parsed.document, value: read.value } } : read;
}

function environmentsOf(
  targets: ReadonlyMap<string, PolicyTarget>,
  facts: ReadonlyMap<string, FactSchema>,
): ReadonlyMap<string, WhenEnvironment> {
  const environments = new Map<string, WhenEnvironment>();
  for (const [name, { protocol }] of targets) {
    if (environments.has(protocol)) continue;
    const schema = facts.get(protocol);
    if (schema === undefined) {
      throw new GatehouseError(
        "INTERNAL",
        `The protocol "${protocol}" of the target "${name}" declares no facts; no policy was loaded.`,
      );
    }
    environments.set(protocol, whenEnvironment(protocol, schema));
  }
  return environments;
}

/**
 * SHA-256 over names and contents, each with its length before it, so that no two sets of files read alike; and over
 * the tags of targets and the config's own detectors, since masks rest on them.
 */
function versionOf(
  files: readonly PolicyText[],
  targets: ReadonlyMap<string, PolicyTarget>,
  patterns: Readonly<Record<string, string>>,
): string {
  const hash = createHash("sha256");
  for (const { path, text } of files) hash.update(`${path.length}:${path}${text.length}:${text}`);
  const tagged = [...targets].filter(([, { tags }]) => tags.size > 0);
  if (tagged.length > 0)
    hash.update(JSON.stringify(tagged.map(([name, { tags }]) => [name, [...tags]]).sort()));
  const looked = Object.entries(patterns);
  if (looked.length > 0) hash.update(JSON.stringify(Object.fromEntries(looked.sort())));
  return hash.digest("hex").slice(0, 12);
}
