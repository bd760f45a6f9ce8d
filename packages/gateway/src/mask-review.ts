import type { Logger, Misfit, Protocol, Target } from "@gatehouse/core";
import { formatProblem, type Problem } from "@gatehouse/documents";
import type { Configuration } from "./configuration.ts";

/** A misfit, and where the policies ask for it. */
interface Reviewed {
  readonly severity: Misfit["severity"];
  readonly problem: Problem;
  /** The same for the same column of the same rule. */
  readonly key: string;
}

/**
 * Whether the masks of the policies fit the targets. What a target has is known once it has been asked, and can change
 * at any time; so this is looked at again with each new config, and whenever a target is known anew.
 */
export class MaskReview {
  readonly #protocols: readonly Protocol[];
  readonly #log: Logger;
  /** By the target's name: what keeps it from being ready. */
  readonly #errors = new Map<string, Problem>();
  /** Of these policies, what was logged: once, however often a target changes. */
  #told = { version: "", keys: new Set<string>() };

  constructor(protocols: readonly Protocol[], log: Logger) {
    this.#protocols = protocols;
    this.#log = log;
  }

  /** Asks those targets of which columns are masked, each at its own pace. Never rejects. */
  async learn(configuration: Configuration): Promise<void> {
    const masked = targetsOf(configuration).filter((target) =>
      configuration.policies.masksAt(target.name).some(({ columns }) => columns.length > 0),
    );
    await Promise.all(masked.map(async (target) => this.#protocolOf(target)?.learn(target)));
  }

  /**
   * The errors that a configuration would bring, as far as its targets are known. One that is there already, since a
   * target has changed, is not brought by it: it must not keep other policies from changing.
   */
  broughtBy(configuration: Configuration, before: Configuration): readonly Problem[] {
    const known = new Set(this.#errorsOf(before).map(({ key }) => key));
    return this.#errorsOf(configuration)
      .filter(({ key }) => !known.has(key))
      .map(({ problem }) => problem);
  }

  #errorsOf(configuration: Configuration): readonly Reviewed[] {
    return targetsOf(configuration).flatMap((target) => this.#review(configuration, target).filter(isError));
  }

  /**
   * Logs what there is to say of a configuration that is in force, and keeps its errors for `reason`.
   * @param name of a target; of all when left out
   */
  look(configuration: Configuration, name?: string): void {
    const { version } = configuration.policies;
    if (this.#told.version !== version) this.#told = { version, keys: new Set() };
    if (name === undefined) this.#errors.clear();
    for (const target of targetsOf(configuration)) {
      if (name !== undefined && target.name !== name) continue;
      const found = this.#review(configuration, target);
      const error = found.find(isError);
      if (error) this.#errors.set(target.name, error.problem);
      else this.#errors.delete(target.name);
      for (const one of found) this.#tell(target.name, one);
    }
  }

  /** Why a target's masks can't be as the policies want them, for the operator; undefined where they can, as far as is known. */
  reason(target: string): string | undefined {
    const error = this.#errors.get(target);
    return error && formatProblem(error);
  }

  #review({ policies }: Configuration, target: Target): Reviewed[] {
    const found = this.#protocolOf(target)?.misfits(target, policies.masksAt(target.name)) ?? [];
    return found.map(({ severity, rule, column, message }) => {
      const [, file = rule.source, line = "1"] = /^(.*):(\d+)$/s.exec(rule.source) ?? [];
      const whole = `the mask "${rule.rule}" of the policy "${rule.policy}" does not fit the target "${target.name}": ${message}`;
      const problem = { file, line: Number(line), column: 1, message: whole };
      return {
        severity,
        problem,
        key: JSON.stringify([target.name, severity, rule.policy, rule.rule, column]),
      };
    });
  }

  #tell(target: string, { severity, problem, key }: Reviewed): void {
    if (this.#told.keys.has(key)) return;
    this.#told.keys.add(key);
    const fields = { target, problem: formatProblem(problem) };
    if (severity === "warning") this.#log.warn(fields, "a mask hides nothing");
    else this.#log.error(fields, "a mask can't be kept: statements that show its columns are refused");
  }

  #protocolOf(target: Target): Protocol | undefined {
    return this.#protocols.find(({ name }) => name === target.protocol);
  }
}

function targetsOf({ config }: Configuration): Target[] {
  return [...config.targets.values()];
}

function isError({ severity }: Reviewed): boolean {
  return severity === "error";
}
