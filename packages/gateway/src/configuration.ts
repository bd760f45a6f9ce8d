import { readFile } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { type Config, findPolicyTests, loadConfig } from "@gatehouse/config";
import { GatehouseError, messageOf, type Protocol } from "@gatehouse/core";
import { formatProblem, type Problem } from "@gatehouse/documents";
import {
  type LoadedPolicies,
  loadPolicies,
  misnamedPolicy,
  type PolicySummary,
  type PolicyText,
} from "@gatehouse/policy";
import { factsOf } from "./protocols.ts";

/** A config and the policies that it names, both read and found good. */
export interface Configuration {
  readonly config: Config;
  readonly policies: LoadedPolicies;
  readonly summaries: readonly PolicySummary[];
}

export type ConfigurationResult =
  | { readonly ok: true; readonly configuration: Configuration }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** The problems of a config or its policies, as an error. */
export class ConfigurationError extends GatehouseError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super("CONFIG_INVALID", problems.map(formatProblem).join("\n"));
    this.problems = problems;
  }
}

/**
 * Reads a config file and its policies, all or none.
 * @param onRuleError is told of a rule whose condition fails while it decides
 */
export async function loadConfiguration(
  file: string,
  protocols: readonly Protocol[],
  onRuleError: (rule: { readonly source: string }, message: string) => void,
): Promise<ConfigurationResult> {
  const loaded = await loadConfig(file, protocols);
  if (!loaded.ok) return loaded;
  const { config } = loaded;
  const files: PolicyText[] = [];
  const problems: Problem[] = [...(await misnamedPolicies(config))];
  for (const path of config.policyFiles) {
    try {
      files.push({ path: nameOf(path, config), text: await readFile(path, "utf8") });
    } catch (error) {
      problems.push({ file: path, line: 1, column: 1, message: `can't be read: ${messageOf(error)}` });
    }
  }
  if (problems.length > 0) return { ok: false, problems };
  const targets = new Map(
    [...config.targets].map(([name, { protocol, levels, tags }]) => [
      name,
      { protocol, levels: new Set(levels.keys()), tags },
    ]),
  );
  const facts = factsOf(protocols);
  const { names, patterns } = config.detectors;
  const policies = loadPolicies({
    files,
    targets,
    facts,
    detectors: names,
    patterns,
    onError: onRuleError,
  });
  if (!policies.ok) return policies;
  return { ok: true, configuration: { config, policies: policies.engine, summaries: policies.policies } };
}

/** Relative to the config, so that the same files have the same version wherever they lie. */
function nameOf(path: string, config: Config): string {
  return relative(dirname(config.file), path);
}

/** Policies that stand beside the others by a name of cases, by which nobody reads them. */
async function misnamedPolicies(config: Config): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const path of await findPolicyTests(config.policyFiles)) {
    // Cases need not be readable for a gateway.
    const text = await readFile(path, "utf8").catch(() => "");
    const problem = misnamedPolicy({ path: nameOf(path, config), text });
    if (problem) problems.push(problem);
  }
  return problems;
}
