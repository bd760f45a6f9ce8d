import { effectOfSetting } from "./analysis/settings.ts";

/** What a client asked for in its StartupMessage, sorted out. */
export interface StartupRequest {
  readonly level: string;
  readonly target: string;
  readonly application: string;
  /** Settings that go on to the target. */
  readonly settings: ReadonlyMap<string, string>;
  /** Protocol options (`_pq_.`) that are not known here. */
  readonly unknownOptions: readonly string[];
  /** Why it can't be served, in words for the client. */
  readonly refused?: { readonly message: string; readonly hint?: string };
}

const ENCODING_HINT = "Set client_encoding to UTF8 (libpq: PGCLIENTENCODING=UTF8).";

/**
 * Sorts a StartupMessage's parameters. Settings that a session may change by SET may be given here too; the
 * others would be a way round the policy that SET has to pass.
 */
export function readStartupParameters(parameters: ReadonlyMap<string, string>): StartupRequest {
  const settings = new Map<string, string>();
  const unknownOptions: string[] = [];
  let refused: StartupRequest["refused"];
  const set = (name: string, value: string) => {
    if (name.toLowerCase() === "client_encoding") {
      if (!/^'?(utf-?8|unicode|sql_ascii)'?$/i.test(value)) {
        refused ??= { message: `The client encoding ${value} is not supported.`, hint: ENCODING_HINT };
      }
      return;
    }
    const effect = effectOfSetting(name, value);
    if ("access" in effect && effect.access === "read") settings.set(name, value);
    else
      refused ??= { message: `The setting ${name} can't be given at start-up.`, hint: `Leave ${name} out.` };
  };
  for (const [name, value] of parameters) {
    if (name === "user" || name === "database") continue;
    if (name.startsWith("_pq_.")) unknownOptions.push(name);
    else if (name === "replication") {
      if (!/^(false|off|no|0)$/i.test(value))
        refused ??= { message: "Replication connections are not let through." };
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
