import {
  type AdapterRefusal,
  type AuditActor,
  type AuditEvent,
  type AuditLog,
  type Clock,
  type Command,
  type Deciding,
  type Decision,
  hostOf,
  type IdSource,
  type Logger,
  type Mask,
  type MaskingOutcome,
  messageOf,
  type PolicyEngine,
  type Refusal,
  type RuleReference,
  type Session,
  type Verdict,
} from "@gatehouse/core";
import { issuePermit } from "@gatehouse/core/permit";

export interface EnforcementOptions {
  /** The policies as they are at this moment: asked for at each decision. */
  readonly policies: () => PolicyEngine;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Logger;
}

/**
 * Decide, mask, audit, permit: in this order, and the only way to a Permit. When the answer can't be masked as the
 * policy wants, or the audit log can't take the event, the command is refused, whatever the policy said.
 */
export class Enforcement {
  readonly #options: EnforcementOptions;

  constructor(options: EnforcementOptions) {
    this.#options = options;
  }

  /** What one session asks for is decided by what this gives. */
  of(session: Session): SessionEnforcement {
    return new SessionEnforcement(session, this.#options);
  }
}

/** Decides the commands of one session, and counts them. */
export class SessionEnforcement {
  readonly #session: Session;
  readonly #options: EnforcementOptions;
  readonly #actor: AuditActor;
  readonly #client: { readonly host: string };
  #commands = 0;
  #refused = 0;

  constructor(session: Session, options: EnforcementOptions) {
    this.#session = session;
    this.#options = options;
    this.#actor = actorOf(session);
    this.#client = { host: hostOf(session.client) };
  }

  /** All that was asked for, with what was refused. */
  get commands(): number {
    return this.#commands;
  }

  /** What was refused: by a rule, by the adapter, or since the audit log did not take it. */
  get refused(): number {
    return this.#refused;
  }

  /** All that some rule may hide of what this session's commands give. */
  get masks(): readonly Mask[] {
    const { identity, target, level } = this.#session;
    return this.#options.policies().masks({ identity, target, level });
  }

  /** Decides at once; the permit is made when the decision is on the audit log. */
  decide(command: Command): Deciding {
    this.#commands++;
    const { policies, clock, ids, audit } = this.#options;
    const { identity, target, level } = this.#session;
    const engine = policies();
    let decision: Decision;
    let masking: MaskingOutcome | undefined;
    try {
      const now = clock.now();
      decision = engine.decide({ identity, target, level, client: this.#client, command, now });
      if (decision.effect === "allow" && decision.masks) {
        masking = command.mask?.(decision.masks) ?? NOT_MASKED;
        if (!masking.ok) return this.#notMasked(command, masking, decision.masks);
      }
    } catch (error) {
      return this.#undecided(command, error);
    }
    if (decision.effect === "hold") return this.#undecided(command, new Error("held"));
    const reference = ids("ref");
    const { effect } = decision;
    if (effect === "block") this.#refused++;
    const written = audit.append({
      type: "command",
      reference,
      ...this.#actor,
      command: auditedCommand(command),
      decision: auditedDecision(decision, masking),
    });
    // The audit log's promise is one for many commands: all that there is of this one's own is its verdict.
    const verdict = written.then(
      () => verdictOf(decision, command, reference),
      (error: unknown): Verdict => {
        if (effect === "allow") this.#refused++;
        return { ok: false, refusal: this.#notAudited(reference, error) };
      },
    );
    return effect === "allow" ? { effect, access: decision.access, verdict } : { effect, verdict };
  }

  /** Puts on the audit log what an adapter refused by itself. */
  refuse({ text, reason, ...refused }: AdapterRefusal): Promise<Refusal> {
    this.#commands++;
    this.#refused++;
    const command = { kind: "refused", verbs: [], access: "unknown", resources: [], text } as const;
    return this.#refuse(command, { ...refused, reference: this.#options.ids("ref") }, reason);
  }

  /** The policies or the masks threw, which is not theirs to do: nothing is known of the command, and so it is refused. */
  #undecided(command: Command, error: unknown): Deciding {
    this.#refused++;
    const refusal = undecided(this.#options.ids("ref"));
    // The error's message can quote the command.
    const name = error instanceof Error ? error.name : "failure";
    this.#options.log.error({ reference: refusal.reference, error: name }, "the policies failed: refused");
    const verdict = this.#refuse(auditedCommand(command), refusal);
    return { effect: "block", verdict: verdict.then((refusal) => ({ ok: false, refusal })) };
  }

  /** The rules allow it, but its answer can't be given as the masks want it. */
  #notMasked(command: Command, { message, hint, rule }: Unmasked, masks: readonly Mask[]): Deciding {
    this.#refused++;
    const named = rule ?? masks[0]?.rule ?? null;
    const whose =
      named === null ? "" : ` The mask is the rule "${named.rule}" of the policy "${named.policy}".`;
    const reference = this.#options.ids("ref");
    const refusal = { kind: "policy", message, hint: `${hint}${whose}`, reference } as const;
    const verdict = this.#refuse(auditedCommand(command), refusal, message, named);
    return { effect: "block", verdict: verdict.then((refusal) => ({ ok: false, refusal })) };
  }

  /** Puts on the audit log what no rule refuses by its effect; `rule` is that of a mask that could not be kept. */
  async #refuse(
    command: AuditedCommand,
    refusal: Refusal,
    reason: string = refusal.message,
    rule: RuleReference | null = null,
  ): Promise<Refusal> {
    const { audit, policies } = this.#options;
    const { reference } = refusal;
    const { version: policyVersion } = policies();
    const decision = { effect: "block", rule, policyVersion, reason } as const;
    try {
      await audit.append({ type: "command", reference, ...this.#actor, command, decision });
      return refusal;
    } catch (error) {
      return this.#notAudited(reference, error);
    }
  }

  #notAudited(reference: string, error: unknown): Refusal {
    this.#options.log.error({ reference, error: messageOf(error) }, "audit failed: refused");
    return {
      kind: "internal",
      message: "The command could not be put on the audit log, so it was not run.",
      hint: "Try again; if it goes on, show the reference to whoever runs the gateway.",
      reference,
    };
  }
}

/** Who and where, for an event of a session. */
export function actorOf({ id, identity, target, level }: Session): AuditActor {
  return { session: id, subject: identity.subject, target: target.name, level: level.name };
}

type CommandEvent = Extract<AuditEvent, { type: "command" }>;
type AuditedCommand = CommandEvent["command"];

type Unmasked = Extract<MaskingOutcome, { ok: false }>;

function auditedDecision(
  { effect, rule, policyVersion }: Settled,
  masking: MaskingOutcome | undefined,
): CommandEvent["decision"] {
  if (!masking?.ok || masking.applied.length === 0) return { effect, rule, policyVersion };
  return { effect, rule, policyVersion, masks: masking.applied };
}

/** Of a protocol that can't mask, or a command that it can't. */
const NOT_MASKED: MaskingOutcome = {
  ok: false,
  message: "A rule hides parts of what this may show, and its answer can't be masked, so it was not run.",
  hint: "Ask whoever keeps the policies what you may see.",
};

function auditedCommand({ kind, verbs, access, resources, text, parameters }: Command): AuditedCommand {
  if (parameters.length === 0) return { kind, verbs, access, resources, text };
  return { kind, verbs, access, resources, text, parameters };
}

type Settled = Exclude<Decision, { effect: "hold" }>;

function verdictOf(decision: Settled, command: Command, reference: string): Verdict {
  if (decision.effect === "allow") return { ok: true, permit: issuePermit(command), decision };
  const { rule, message } = decision;
  const hint =
    rule === null
      ? "Ask whoever keeps the policies for a rule that allows it."
      : `The rule "${rule.rule}" of the policy "${rule.policy}" refuses it.`;
  return { ok: false, refusal: { kind: "policy", message, hint, reference } };
}

function undecided(reference: string): Refusal {
  return {
    kind: "internal",
    message: "The policies could not decide this command, so it was not run.",
    hint: "Show the reference to whoever runs the gateway.",
    reference,
  };
}
