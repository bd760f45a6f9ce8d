import { createHash } from "node:crypto";
import { dirname, resolve } from "node:path";
import type { SettingsIssue } from "@gatehouse/core";
import { checkValue, type Problem, parseYaml, type YamlDocument } from "@gatehouse/documents";
import { approvalsConfig } from "./approvals.ts";
import type { Config, ConfigProtocol } from "./config.ts";
import { readConfigFile } from "./config-file.ts";
import { crossChecks } from "./cross-checks.ts";
import { fileSchema } from "./file-schema.ts";
import { controlOf, listenersOf, readListenerSettings } from "./listeners.ts";
import { findPolicyFiles } from "./policy-files.ts";
import { mapOf } from "./raw.ts";
import { sshIdentityConfig } from "./ssh-identity.ts";
import { withoutText, withoutValues } from "./redact.ts";
import { MAX_PROBLEMS, readTargets } from "./targets.ts";

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads a gatehouse.yaml, the whole of it: as many problems as can be found at once, 100 at the most, sorted by place, none of
 * which repeats a value of the file. Nothing that the file refers to is opened; policy files are found, not
 * read, and secrets are not looked up (`checkSecrets`).
 * @param file its path; problems name it as it was given.
 */
export async function loadConfig(file: string, protocols: readonly ConfigProtocol[]): Promise<ConfigResult> {
  const read = await readConfigFile(file);
  if (!read.ok) return { ok: false, problems: [{ file, line: 1, column: 1, message: read.message }] };
  const parsed = parseYaml(read.text, file);
  if (!parsed.ok) return { ok: false, problems: parsed.problems.map(withoutText).sort(byPlace) };
  return readDocument(parsed.document, read.text, protocols);
}

async function readDocument(
  document: YamlDocument,
  text: string,
  protocols: readonly ConfigProtocol[],
): Promise<ConfigResult> {
  const file = resolve(document.file);
  const folder = dirname(file);
  const raw = mapOf(document.value);
  const reading = { folder, development: raw["development"] === true };

  const common = checkValue(fileSchema(reading, protocols), document.value);
  const own = readListenerSettings(raw["listeners"], reading, protocols);
  const { targets, issues: targetIssues } = readTargets(raw["targets"], reading, protocols);
  const policies = await findPolicyFiles(folder, raw["policies"]);
  const issues: SettingsIssue[] = [
    ...(common.ok ? [] : common.issues),
    ...own.issues,
    ...targetIssues,
    ...policies.issues,
    ...crossChecks(raw, protocols, folder),
  ];
  if (!common.ok || issues.length > 0) {
    const safe = issues.slice(0, MAX_PROBLEMS).map((issue) => withoutValues(issue, document.value));
    return { ok: false, problems: document.problems(safe).sort(byPlace) };
  }

  const {
    development,
    state,
    tls,
    identity,
    detectors,
    limits,
    sessions,
    approvals,
    vault,
    drain,
    audit,
    log,
  } = common.value;
  const { control, ...listeners } = common.value.listeners;
  return {
    ok: true,
    config: {
      file,
      digest: createHash("sha256").update(text).digest("hex").slice(0, 12),
      development,
      stateFolder: state,
      listeners: listenersOf(listeners, tls, protocols, own.settings),
      ...controlOf(control, tls),
      identity: { ...identity, ssh: sshIdentityConfig(identity.ssh, identity.oidc) },
      targets,
      policyFiles: policies.files,
      detectors,
      limits,
      sessions,
      approvals: approvalsConfig(approvals, identity.oidc),
      ...(vault ? { vault } : {}),
      drain,
      durability: audit.durability,
      logLevel: log.level,
    },
  };
}

function byPlace(a: Problem, b: Problem): number {
  return a.line - b.line || a.column - b.column;
}
