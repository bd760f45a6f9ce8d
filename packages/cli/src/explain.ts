import {
  type DecisionRequest,
  type Facts,
  type Identity,
  type Mask,
  systemClock,
  type Transform,
} from "@gatehouse/core";
import { didYouMean } from "@gatehouse/documents";
import { loadProtocols } from "@gatehouse/gateway";
import { type Ending, endingOf, type Explanation, type RuleExplanation } from "@gatehouse/policy";
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
  const ending = endingOf(explanation.decision, command);
  const facts = { ...command.facts, access: explanation.access };
  if (options.json) printJson({ ...explanation, ending, facts });
  else printExplanation(explanation, ending, facts, request);
  if (ending.effect !== "allow") throw new Failed();
}

function printExplanation(
  { decision, rules }: Explanation,
  ending: Ending,
  facts: Facts,
  { identity, target, level }: DecisionRequest,
): void {
  const groups = identity.groups.length > 0 ? ` of ${identity.groups.join(", ")}` : "";
  print(`${effectOf(ending.effect)}  ${identity.subject}${groups} on ${target.name} as ${level.name}`);
  print(`       ${decidedBy(ending)}`);
  print(`\n${paint("bold", "facts")}`);
  print(
    table(
      Object.entries(facts).map(([name, value]) => [`sql.${name}`, JSON.stringify(value)]),
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
  if (decision.effect === "allow" && decision.masks) printMasks(decision.masks, ending);
}

const NOT_KNOWN =
  "what they hide here is not known: that takes the target's catalog, without which a gateway refuses this";

function printMasks(masks: readonly Mask[], ending: Ending): void {
  print(`\n${paint("bold", "masks")}`);
  print(
    table(
      masks.map(({ rule, columns, detect, with: transform, predicates }) => [
        rule.rule,
        transformOf(transform),
        `predicates ${predicates === "allow" ? "allowed" : "refused"}`,
        [...columns, ...detect].join(", "),
      ]),
      "  ",
    ),
  );
  if (ending.effect === "block") return;
  if (ending.masks === undefined) print(`  ${NOT_KNOWN}`);
  else if (ending.masks.length === 0) print("  they hide nothing of this answer");
  else for (const { rule, hides } of ending.masks) print(`  ${rule.rule} hides ${hides.join(", ")}`);
}

function transformOf(transform: Transform): string {
  return transform.kind === "partial" ? `partial: ${transform.of}` : transform.kind;
}

function effectOf(effect: Ending["effect"]): string {
  return effect === "allow" ? paint("green", "ALLOW") : paint("red", "BLOCK");
}

function decidedBy(ending: Ending): string {
  const { rule } = ending;
  const by = rule === null ? "by no rule" : `by "${rule.rule}" of "${rule.policy}" (${rule.source})`;
  return ending.effect === "block" ? `${by}: ${ending.message}` : by;
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
