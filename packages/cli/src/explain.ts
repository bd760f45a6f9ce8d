import {
  type AccessTerms,
  type AnswerLineage,
  type DecisionRequest,
  type Facts,
  type Identity,
  type Protocol,
  systemClock,
  type Target,
  type Understand,
} from "@gatehouse/core";
import { didYouMean } from "@gatehouse/documents";
import { loadProtocols } from "@gatehouse/gateway";
import { type Ending, endingOf, type Explanation } from "@gatehouse/policy";
import { readCatalog, targetNamed } from "./catalog.ts";
import { readConfiguration } from "./check.ts";
import { printExplanation, printRefused } from "./explanation.ts";
import { Failed, printError, printJson, printProblems } from "./output.ts";

export interface ExplainOptions {
  readonly config: string;
  readonly target: string;
  readonly level: string;
  readonly subject: string;
  readonly group: readonly string[];
  readonly kind: "human" | "workload";
  readonly client: string;
  /** The file of the target's catalog. */
  readonly catalog?: string;
  readonly json: boolean;
}

/** All that is said of one command. */
export interface Explained {
  readonly request: DecisionRequest;
  readonly explanation: Explanation;
  readonly ending: Ending;
  /** What getting in at this level needs beside a rule; undefined where that is nothing. */
  readonly access: AccessTerms | undefined;
  /** As the rules see them. */
  readonly facts: Facts;
  /** Under which name they have them. */
  readonly prefix: string;
  /** Of each of its answers; undefined without the target's catalog. */
  readonly lineage: readonly AnswerLineage[] | undefined;
}

/** `gatehouse policy explain`: which rule decides a command, what each rule says to it, and what masks hide of it. */
export async function explain(text: string, options: ExplainOptions): Promise<void> {
  const { config, policies } = await readConfiguration(options.config, options.json);
  const target = targetNamed(options.target, config.targets);
  const level = target.levels.get(options.level);
  if (!level) {
    printError(
      `no level "${options.level}" of "${target.name}"${didYouMean(options.level, target.levels.keys())}`,
    );
    throw new Failed();
  }
  const protocols = loadProtocols();
  let understood: Awaited<ReturnType<Understand>>;
  try {
    understood = await (await understanding(target, protocols, options))(text, target);
  } finally {
    await Promise.all(protocols.map((protocol) => protocol.dispose()));
  }
  if (!understood.ok) {
    const { message } = understood.refusal;
    if (options.json) printJson({ ending: { effect: "block", rule: null, message } });
    else printRefused(message);
    throw new Failed();
  }
  const { command, lineage } = understood;
  const prefix = protocols.find(({ name }) => name === target.protocol)?.facts.prefix ?? target.protocol;
  const identity: Identity = {
    subject: options.subject,
    kind: options.kind,
    groups: options.group,
    proof: { method: "oidc", provider: "explain", issuer: "explain" },
    expiresAt: Number.MAX_SAFE_INTEGER,
  };
  const client = { host: options.client };
  const request: DecisionRequest = { identity, target, level, client, command, now: systemClock.now() };
  const explanation = policies.explain(request);
  const ending = endingOf(explanation.decision, command);
  const facts = { ...command.facts, access: explanation.access };
  const access = policies.access(request);
  if (options.json)
    printJson({ ending, ...explanation, ...(access ? { gettingIn: access } : {}), facts, lineage });
  else printExplanation({ request, explanation, ending, access, facts, prefix, lineage });
  if (ending.effect !== "allow") throw new Failed();
}

/** @throws Failed with the problems of the catalog's file printed */
async function understanding(
  target: Target,
  protocols: readonly Protocol[],
  { catalog, json }: Pick<ExplainOptions, "catalog" | "json">,
): Promise<Understand> {
  const protocol = protocols.find(({ name }) => name === target.protocol);
  if (!protocol) throw new TypeError(`the config let through the protocol ${target.protocol}`);
  if (catalog === undefined) return protocol.understand;
  const read = await readCatalog(catalog, catalog, protocol);
  if (read.ok) return read.catalog.understand;
  printProblems(read.problems, json, "nothing was explained");
  throw new Failed();
}
