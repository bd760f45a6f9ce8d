import { type Decision, type DecisionRequest, type Identity, systemClock } from "@gatehouse/core";
import { didYouMean } from "@gatehouse/documents";
import { loadProtocols } from "@gatehouse/gateway";
import type { Explanation, RuleExplanation } from "@gatehouse/policy";
import { readConfiguration } from "./check.ts";
import { Failed, paint, print, printError, printJson, table } from "./output.ts";

export interface ExplainOptions {
  readonly config: string;
  readonly target: string;
  readonly level: string;
  readonly subject: string;
  readonly group: readonly string[];
  readonly kind: "human" | "workload";
  readonly client: string;
  readonly json: boolean;
}

/** `gatehouse policy explain`: which rule decides a command, and what each rule says to it. */
export async function explain(text: string, options: ExplainOptions): Promise<void> {
  const { config, policies } = await readConfiguration(options.config, options.json);
  const target = config.targets.get(options.target);
  if (!target) {
    printError(`no target "${options.target}"${didYouMean(options.target, config.targets.keys())}`);
    throw new Failed();
  }
  const level = target.levels.get(options.level);
  if (!level) {
    printError(
      `no level "${options.level}" of "${target.name}"${didYouMean(options.level, target.levels.keys())}`,
    );
    throw new Failed();
  }
  const protocols = loadProtocols();
  const understood = await protocols.find(({ name }) => name === target.protocol)?.understand(text, target);
  await Promise.all(protocols.map((protocol) => protocol.dispose()));
  if (!understood?.ok) {
    const message = understood?.refusal.message ?? "no adapter for its protocol";
    if (options.json) printJson({ effect: "block", reason: message });
    else print(`${effectOf("block")}  before any rule: ${message}`);
    throw new Failed();
  }
  const { command } = understood;
  const identity: Identity = {
    subject: options.subject,
    kind: options.kind,
    groups: options.group,
    proof: { method: "oidc", provider: "explain", issuer: "explain" },
    expiresAt: Number.MAX_SAFE_INTEGER,
  };
  const request: DecisionRequest = {
    identity,
    target,
    level,
    client: { host: options.client },
    command,
    now: systemClock.now(),
  };
  const explanation = policies.explain(request);
  if (options.json) printJson({ ...explanation, facts: command.facts });
  else printExplanation(explanation, request);
  if (explanation.decision.effect !== "allow") throw new Failed();
}

function printExplanation(
  { decision, rules }: Explanation,
  { identity, target, level, command }: DecisionRequest,
): void {
  const groups = identity.groups.length > 0 ? ` of ${identity.groups.join(", ")}` : "";
  print(`${effectOf(decision.effect)}  ${identity.subject}${groups} on ${target.name} as ${level.name}`);
  print(`       ${decidedBy(decision)}`);
  print(`\n${paint("bold", "facts")}`);
  print(
    table(
      Object.entries(command.facts).map(([name, value]) => [`sql.${name}`, JSON.stringify(value)]),
      "  ",
    ),
  );
  print(`\n${paint("bold", "rules")}`);
  print(
    table(
      rules.map((rule) => [
        rule.outcome.result === "matched" ? "●" : "·",
        rule.effect,
        rule.reference.rule,
        outcomeOf(rule),
        `${rule.reference.source}${rule.when === null ? "" : `  ${rule.when.replace(/\s+/g, " ")}`}`,
      ]),
      "  ",
    ),
  );
}

function effectOf(effect: Decision["effect"]): string {
  return effect === "allow" ? paint("green", "ALLOW") : paint("red", "BLOCK");
}

function decidedBy(decision: Decision): string {
  const { rule } = decision;
  const by = rule === null ? "by no rule" : `by "${rule.rule}" of "${rule.policy}" (${rule.source})`;
  return decision.effect === "block" ? `${by}: ${decision.message}` : by;
}

function outcomeOf({ outcome }: RuleExplanation): string {
  switch (outcome.result) {
    case "matched":
      return "matched";
    case "unmatched":
      return "did not match";
    case "failed":
      return `failed: ${outcome.message}`;
    case "unknown_access":
      return "does not name unknown access";
    case "not_applicable":
      return `is for another ${outcome.because === "who" ? "identity" : outcome.because}`;
  }
}
