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
  type MaskingOutcome,
  messageOf,
  type PolicyEngine,
  type Refusal,
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

  /** Decides at once; the permit is made when the decision is on the audit log. */
  decide(command: Command): Deciding {
    this.#commands++;
    const { policies, clock, ids, audit } = this.#options;
    const { identity, target, level } = this.#session;
    const engine = policies();
    let outcome: Outcome;
    try {
      const now = clock.now();
      const request = { identity, target, level, client: this.#client, command, now };
      outcome = outcomeOf(engine.decide(request), command);
    } catch (error) {
      return this.#undecided(command, error);
    }
    const reference = ids("ref");
    const { audited, refused } = outcome;
    const { effect } = audited;
    if (refused) this.#refused++;
    const written = audit.append({
      type: "command",
      reference,
      ...this.#actor,
      command: auditedCommand(command),
      decision: audited,
    });
    // The audit log's promise is one for many commands: all that there is of this one's own is its verdict.
    const verdict = written.then(
      (): Verdict =>
        refused
          ? { ok: false, refusal: { kind: "policy", ...refused, reference } }
          : { ok: true, permit: issuePermit(command), decision: outcome.decision },
      (error: unknown): Verdict => {
        if (!refused) this.#refused++;
        return { ok: false, refusal: this.#notAudited(reference, error) };
      },
    );
    return { effect, verdict };
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

  /** Puts a refusal that is no rule's on the audit log. */
  async #refuse(
    command: AuditedCommand,
    refusal: Refusal,
    reason: string = refusal.message,
  ): Promise<Refusal> {
    const { audit, policies } = this.#options;
    const { reference } = refusal;
    const { version: policyVersion } = policies();
    const decision = { effect: "block", rule: null, policyVersion, reason } as const;
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

/** What becomes of a command whose decision is made and whose masks are prepared, where they can be. */
interface Outcome {
  readonly decision: Decision;
  readonly audited: CommandEvent["decision"];
  /** What the client is told; undefined where the command goes on. */
  readonly refused: { readonly message: string; readonly hint: string } | undefined;
}

function outcomeOf(decision: Decision, command: Command): Outcome {
  const { effect, rule, policyVersion } = decision;
  const audited = { effect, rule, policyVersion };
  if (decision.effect === "block") return { decision, audited, refused: refusedBy(decision) };
  if (decision.masks === undefined) return { decision, audited, refused: undefined };
  const masking = command.mask?.(decision.masks) ?? NOT_MASKED;
  if (!masking.ok) {
    const { message, hint, rule = decision.masks[0]?.rule ?? null } = masking;
    const blocked = { effect: "block", rule, policyVersion, reason: message } as const;
    return { decision, audited: blocked, refused: { message, hint } };
  }
  const { applied } = masking;
  return {
    decision,
    audited: applied.length === 0 ? audited : { ...audited, masks: applied },
    refused: undefined,
  };
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

function refusedBy({ rule, message }: Extract<Decision, { effect: "block" }>): Outcome["refused"] {
  const hint =
    rule === null
      ? "Ask whoever keeps the policies for a rule that allows it."
      : `The rule "${rule.rule}" of the policy "${rule.policy}" refuses it.`;
  return { message, hint };
}

function undecided(reference: string): Refusal {
  return {
    kind: "internal",
    message: "The policies could not decide this command, so it was not run.",
    hint: "Show the reference to whoever runs the gateway.",
    reference,
  };
}
