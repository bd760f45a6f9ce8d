import { effectOfSetting } from "./analysis/settings.ts";
import type { Replication } from "./sql-context.ts";

/** What a client asked for in its StartupMessage, sorted out. */
export interface StartupRequest {
  readonly level: string;
  readonly target: string;
  readonly application: string;
  readonly replication: Replication;
  /** Settings that go on to the target. */
  readonly settings: ReadonlyMap<string, string>;
  /** Protocol options (`_pq_.`) that are not known here. */
  readonly unknownOptions: readonly string[];
  /** Why it can't be served, in words for the client. */
  readonly refused?: { readonly message: string; readonly hint?: string };
}

/**
 * Sorts a StartupMessage's parameters. Settings that a session may change by SET may be given here too; the
 * others would be a way round the policy that SET has to pass.
 */
export function readStartupParameters(parameters: ReadonlyMap<string, string>): StartupRequest {
  const settings = new Map<string, string>();
  const unknownOptions: string[] = [];
  let replication: Replication = "none";
  let refused: StartupRequest["refused"];
  const set = (name: string, value: string) => {
    const effect = effectOfSetting(name, value);
    if ("access" in effect && effect.access === "read") settings.set(name.toLowerCase(), value);
    else if ("unsupported" in effect) refused ??= { message: effect.unsupported };
    else {
      refused ??= { message: `The setting ${name} can't be given at start-up.`, hint: `Leave ${name} out.` };
    }
  };
  for (const [name, value] of parameters) {
    if (name === "user" || name === "database") continue;
    if (name.startsWith("_pq_.")) unknownOptions.push(name);
    else if (name === "replication") {
      const asked = replicationOf(value);
      if (asked) replication = asked;
      else refused ??= { message: 'invalid value for parameter "replication"' };
    } else if (name === "options") {
      const options = readOptions(value);
      if (options === undefined) refused ??= { message: "Of options, only -c name=value is let through." };
      for (const [option, text] of options ?? []) set(option, text);
    } else set(name, value);
  }
  const level = parameters.get("user") ?? "";
  return {
    level,
    target: parameters.get("database") ?? level,
    application: (parameters.get("application_name") ?? "").slice(0, 256),
    replication,
    settings,
    unknownOptions,
    ...(refused ? { refused } : {}),
  };
}

/** `-c name=value` and `--name=value`, with blanks escaped by a backslash, as the server reads them. */
function readOptions(text: string): [string, string][] | undefined {
  const words = (text.match(/(?:\\.|[^\s\\])+/gs) ?? []).map((word) => word.replace(/\\(.)/gs, "$1"));
  const settings: [string, string][] = [];
  while (words.length > 0) {
    const word = words.shift() ?? "";
    const setting = word === "-c" ? words.shift() : /^(?:-c|--)(.+)$/s.exec(word)?.[1];
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(setting ?? "") ?? [];
    if (name === undefined || value === undefined) return undefined;
    settings.push([name.replaceAll("-", "_"), value]);
  }
  return settings;
}

/** PostgreSQL's booleans, which may be cut short where they stay clear; `database` is for logical replication. */
function replicationOf(value: string): Replication | undefined {
  if (value === "database") return "logical";
  if (/^(t|tr|tru|true|y|ye|yes|on|1)$/i.test(value)) return "physical";
  return /^(f|fa|fal|fals|false|n|no|of|off|0)$/i.test(value) ? "none" : undefined;
}
