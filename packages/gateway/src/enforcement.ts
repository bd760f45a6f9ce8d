import type { Approvals, Claim } from "@gatehouse/approvals";
import {
  type AdapterRefusal,
  type AuditActor,
  type AuditedCommand,
  type AuditEvent,
  type AuditLog,
  type Clock,
  type Command,
  type Deciding,
  type Decision,
  type EarlierCommand,
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
  type Standing,
  type Verdict,
  type Waited,
} from "@gatehouse/core";
import { issuePermit } from "@gatehouse/core/permit";

/** Of the policies, what decides commands. */
type DecidingPolicies = Pick<PolicyEngine, "version" | "decide" | "holds" | "masks">;

export interface EnforcementOptions {
  /** The policies as they are at this moment: asked for at each decision. */
  readonly policies: () => DecidingPolicies;
  readonly approvals: Pick<Approvals, "reuse" | "hold" | "claim" | "recall" | "standing">;
  /** Told of each command that was let through since its identity may break the glass of what holds it. */
  readonly brokeGlass: (
    session: Session,
    command: Command,
    rules: readonly RuleReference[],
    reference: string,
  ) => void;
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
  readonly #recent: EarlierCommand[] = [];
  #engine: DecidingPolicies | undefined;
  #remembers = false;
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
  decide(command: Command, waited?: Waited): Deciding {
    const { policies, clock, approvals } = this.#options;
    const { identity, target, level } = this.#session;
    const engine = policies();
    const now = clock.now();
    const isNew = waited === undefined || waited.recalled === true;
    if (isNew) this.#commands++;
    try {
      const decision = engine.decide({ identity, target, level, client: this.#client, command, now });
      if (isNew) this.#remember(engine, command, decision, now);
      if (waited) {
        const claim = approvals.claim(waited, { session: this.#session, command, decision });
        if (decision.effect === "block") return this.#settle(command, decision);
        return claim.ok
          ? this.#settle(command, lettingThrough(decision), claim)
          : this.#notGiven(command, decision.rule, claim);
      }
      if (decision.effect !== "hold") return this.#settle(command, decision);
      // It runs nothing, and what it makes ready is held when that is to be run.
      if (command.prepares === true) return this.#settle(command, lettingThrough(decision));
      return this.#hold(command, decision);
    } catch (error) {
      waited?.gone("session_ended");
      // Where it was spent already, it is known that nothing came of it.
      waited?.outcome("failed");
      return this.#undecided(command, error);
    }
  }

  /** As `OpenSession` has it. */
  recall(approval: string): Waited {
    return this.#options.approvals.recall(approval);
  }

  /** As `OpenSession` has it. @throws GatehouseError STORE_FAILED */
  standing(approval: string): Promise<Standing | undefined> {
    return this.#options.approvals.standing(this.#session.identity, approval);
  }

  /** Nobody is asked for what could not be run with their yes. */
  #hold(command: Command, decision: Holding): Deciding {
    const { approvals } = this.#options;
    if (decision.masks) {
      const masking = command.mask?.(decision.masks) ?? NOT_MASKED;
      if (!masking.ok) return this.#notMasked(command, masking, decision.masks);
    }
    const { holds, policyVersion, rule } = decision;
    const asked = {
      session: this.#session,
      command,
      commandForAudit: auditedCommand(command),
      holds,
      policyVersion,
      commands: this.#commands - 1,
      refused: this.#refused,
      recent: this.#recent.slice(0, -1),
    };
    const approval = approvals.reuse(asked);
    if (approval !== undefined)
      return this.#settle(command, lettingThrough(decision), { approval, masks: [] });
    const held = approvals.hold(asked);
    if (!("refused" in held)) return { effect: "hold", held };
    const { hint, ...why } = NOT_HELD[held.refused];
    const reference = this.#options.ids("ref");
    const refusal = { ...why, hint: (held.refused === "reason" && command.reasonHint) || hint, reference };
    return this.#blocked(command, refusal, refusal.message, rule);
  }

  /** @param by whose yes lets it through, where a rule holds it */
  #settle(command: Command, decided: Settled, by?: LetThroughBy): Deciding {
    const { ids, audit, log } = this.#options;
    const decision = togetherWith(decided, by);
    const masks = (decision.effect === "allow" && decision.masks) || NO_MASKS;
    let masking: MaskingOutcome | undefined;
    if (masks.length > 0) {
      masking = command.mask?.(masks) ?? NOT_MASKED;
      if (!masking.ok) {
        by?.unrecorded?.();
        return this.#notMasked(command, masking, masks);
      }
    }
    const reference = ids("ref");
    const { effect } = decision;
    if (effect === "block") this.#refused++;
    else if (decision.brokeGlass) {
      log.warn(
        { reference, ...this.#actor, rules: decision.brokeGlass },
        "glass broken: a held command was let through",
      );
      this.#options.brokeGlass(this.#session, command, decision.brokeGlass, reference);
    }
    const written = audit.append({
      type: "command",
      reference,
      ...this.#actor,
      command: auditedCommand(command),
      decision: { ...auditedDecision(decision, masking), ...(by ? { approval: by.approval } : {}) },
    });
    // The audit log's promise is one for many commands: all that there is of this one's own is its verdict.
    const failed = (error: unknown): Verdict => {
      if (effect === "allow") this.#refused++;
      by?.unrecorded?.();
      return { ok: false, refusal: this.#notAudited(reference, error) };
    };
    const verdict = written.then(() => {
      if (by?.recorded) {
        try {
          by.recorded();
        } catch (error) {
          return failed(error);
        }
      }
      return verdictOf(decision, command, reference);
    }, failed);
    return effect === "allow" ? { effect, access: decision.access, verdict } : { effect, verdict };
  }

  /** It has waited, and nobody said yes; or not to this. */
  #notGiven(command: Command, rule: RuleReference | null, { approval, refusal }: NotGiven): Deciding {
    const referred = { ...refusal, reference: this.#options.ids("ref") };
    return this.#blocked(command, referred, refusal.message, rule, approval);
  }

  /** For whoever is asked about a command: what the session did before. Kept where a rule may ever hold one. */
  #remember(engine: DecidingPolicies, { verbs, resources }: Command, { effect }: Decision, at: number): void {
    if (engine !== this.#engine) {
      this.#engine = engine;
      this.#remembers = engine.holds(this.#session);
    }
    if (!this.#remembers) return;
    this.#recent.push({ at, effect, verbs, resources });
    if (this.#recent.length > RECENT + 1) this.#recent.shift();
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
    const refusal = undecided(this.#options.ids("ref"));
    // The error's message can quote the command.
    const name = error instanceof Error ? error.name : "failure";
    this.#options.log.error({ reference: refusal.reference, error: name }, "the policies failed: refused");
    return this.#blocked(command, refusal);
  }

  /** The rules allow it, but its answer can't be given as the masks want it. */
  #notMasked(command: Command, { message, hint, rule }: Unmasked, masks: readonly Mask[]): Deciding {
    const named = rule ?? masks[0]?.rule ?? null;
    const whose =
      named === null ? "" : ` The mask is the rule "${named.rule}" of the policy "${named.policy}".`;
    const reference = this.#options.ids("ref");
    const refusal = { kind: "policy", message, hint: `${hint}${whose}`, reference } as const;
    return this.#blocked(command, refusal, message, named);
  }

  /** As `#refuse`, for a command that is decided by it. */
  #blocked(
    command: Command,
    refusal: Refusal,
    reason?: string,
    rule?: RuleReference | null,
    approval?: string,
  ): Deciding {
    this.#refused++;
    const refused = this.#refuse(auditedCommand(command), refusal, reason, rule, approval);
    return { effect: "block", verdict: refused.then((refusal) => ({ ok: false, refusal })) };
  }

  /** Puts on the audit log what no rule refuses by its effect; `rule` is that of a mask that could not be kept. */
  async #refuse(
    command: AuditedCommand,
    refusal: Refusal,
    reason: string = refusal.message,
    rule: RuleReference | null = null,
    approval?: string,
  ): Promise<Refusal> {
    const { audit, policies } = this.#options;
    const { reference } = refusal;
    const { version: policyVersion } = policies();
    const by = approval === undefined ? {} : { approval };
    const decision = { effect: "block", rule, policyVersion, reason, ...by } as const;
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
type Holding = Extract<Decision, { effect: "hold" }>;
type Settled = Exclude<Decision, Holding>;
type LettingThrough = Exclude<Decision, { effect: "block" }>;
type LetThroughBy = Pick<Extract<Claim, { ok: true }>, "approval" | "masks"> &
  Partial<Pick<Extract<Claim, { ok: true }>, "recorded" | "unrecorded">>;
type NotGiven = Extract<Claim, { ok: false }>;

type Unmasked = Extract<MaskingOutcome, { ok: false }>;

function auditedDecision(decision: Settled, masking: MaskingOutcome | undefined): CommandEvent["decision"] {
  const { effect, rule, policyVersion } = decision;
  const masks = masking?.ok && masking.applied.length > 0 ? { masks: masking.applied } : {};
  const brokeGlass = effect === "allow" && decision.brokeGlass ? { brokeGlass: decision.brokeGlass } : {};
  return { effect, rule, policyVersion, ...masks, ...brokeGlass };
}

/** The decision about a held command once people have said yes to it, or where it runs nothing. */
function lettingThrough(decision: LettingThrough): Settled {
  if (decision.effect === "allow") return decision;
  const { rule, policyVersion, masks, access } = decision;
  return { effect: "allow", rule, policyVersion, ...(masks ? { masks } : {}), ...(access ? { access } : {}) };
}

const NO_MASKS: readonly Mask[] = [];

/** With the masks under which it was let through: adapters go by those of the decision that they are given. */
function togetherWith(decision: Settled, by: LetThroughBy | undefined): Settled {
  if (decision.effect === "block" || by === undefined || by.masks.length === 0) return decision;
  return { ...decision, masks: [...(decision.masks ?? NO_MASKS), ...by.masks] };
}

/** Commands of a session that an approver is shown. */
const RECENT = 10;

/** Why a command that a rule holds can't be made to wait. */
const NOT_HELD = {
  too_many: {
    kind: "too_many",
    message: "A rule holds this for a person, and too many commands wait already.",
    hint: "Wait until some of them are answered, and try again.",
  },
  reason: {
    kind: "policy",
    message: "A rule holds this for a person, who has to be told why.",
    hint: "Say why you ask, as the gateway's documentation has it for your protocol.",
  },
  unheld: {
    kind: "policy",
    message: "A rule holds this for a person, and it can't wait here, so it was refused.",
    hint: "Send it as a command of its own.",
  },
} as const;

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
