import { effectOfSetting } from "./analysis/settings.ts";
import { REASON_LENGTH } from "./fingerprint.ts";
import type { Replication } from "./sql-context.ts";

/** What a client asked for in its StartupMessage, sorted out. */
export interface StartupRequest {
  readonly level: string;
  readonly target: string;
  readonly application: string;
  readonly replication: Replication;
  /** Settings that go on to the target. */
  readonly settings: ReadonlyMap<string, string>;
  /** Those of them that not everybody may choose: the policy is asked, as it is for SET. */
  readonly toDecide: readonly string[];
  /** Why the session does what it does, in its client's words. */
  readonly reason?: string;
  /** Protocol options (`_pq_.`) that are not known here. */
  readonly unknownOptions: readonly string[];
  /** Why it can't be served, in words for the client. */
  readonly refused?: { readonly message: string; readonly hint?: string };
}

/** A setting of the gateway's own, which does not go on to the target. */
const REASON = "gatehouse.reason";

/** How a setting may be called: anything else could make one text of two. */
const SETTING = /^[a-z_][a-z0-9_$]*(\.[a-z_][a-z0-9_$]*)*$/;

/**
 * Sorts a StartupMessage's parameters. What a session may change by SET may be given here too; what SET would have to
 * pass the policy for has to pass it here.
 */
export function readStartupParameters(parameters: ReadonlyMap<string, string>): StartupRequest {
  const settings = new Map<string, string>();
  const unknownOptions: string[] = [];
  const toDecide: string[] = [];
  let replication: Replication = "none";
  let reason: string | undefined;
  let refused: StartupRequest["refused"];
  const set = (name: string, value: string) => {
    const lower = name.toLowerCase();
    if (lower === REASON) {
      reason = value.slice(0, REASON_LENGTH);
      return;
    }
    const effect = effectOfSetting(lower, value);
    if (!SETTING.test(lower)) refused ??= { message: `invalid configuration parameter name "${name}"` };
    else if ("unsupported" in effect) refused ??= { message: effect.unsupported };
    else {
      settings.set(lower, value);
      if (effect.access !== "read") toDecide.push(lower);
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
    toDecide,
    ...(reason === undefined ? {} : { reason }),
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
