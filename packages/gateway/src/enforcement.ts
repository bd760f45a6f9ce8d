import {
  type AdapterRefusal,
  type AuditActor,
  type AuditEvent,
  type AuditLog,
  type Clock,
  type Command,
  type Decision,
  type IdSource,
  type Logger,
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
 * Decide, audit, permit: in this order, and the only way to a Permit. When the audit log can't take the event,
 * the command is refused, whatever the policy said.
 */
export class Enforcement {
  readonly #options: EnforcementOptions;

  constructor(options: EnforcementOptions) {
    this.#options = options;
  }

  async decide(session: Session, command: Command): Promise<Verdict> {
    const { policies, clock } = this.#options;
    const reference = this.#options.ids("ref");
    const decision = policies().decide({ ...session, command, now: clock.now() });
    const { effect, rule, policyVersion } = decision;
    const written = await this.#append({
      type: "command",
      reference,
      ...actorOf(session),
      command: auditedCommand(command),
      decision: { effect, rule, policyVersion },
    });
    if (!written) return { ok: false, refusal: notAudited(reference) };
    if (decision.effect === "allow") return { ok: true, permit: issuePermit(command), decision };
    return { ok: false, refusal: refusalOf(decision, reference) };
  }

  /** Puts on the audit log what an adapter refused by itself. */
  async refuse(session: Session, { text, ...refused }: AdapterRefusal): Promise<Refusal> {
    const reference = this.#options.ids("ref");
    const written = await this.#append({
      type: "command",
      reference,
      ...actorOf(session),
      command: { kind: "refused", verbs: [], access: "unknown", resources: [], text },
      decision: {
        effect: "block",
        rule: null,
        policyVersion: this.#options.policies().version,
        reason: refused.message,
      },
    });
    return written ? { ...refused, reference } : notAudited(reference);
  }

  async #append(event: AuditEvent & { readonly reference: string }): Promise<boolean> {
    try {
      await this.#options.audit.append(event);
      return true;
    } catch (error) {
      this.#options.log.error(
        { reference: event.reference, error: messageOf(error) },
        "audit failed: refused",
      );
      return false;
    }
  }
}

/** Who and where, for an event of a session. */
export function actorOf({ id, identity, target, level }: Session): AuditActor {
  return { session: id, subject: identity.subject, target: target.name, level: level.name };
}

function auditedCommand({ kind, verbs, access, resources, text, parameters }: Command) {
  return { kind, verbs, access, resources, text, ...(parameters.length > 0 ? { parameters } : {}) };
}

function refusalOf(decision: Decision & { effect: "block" }, reference: string): Refusal {
  const { rule, message } = decision;
  const hint =
    rule === null
      ? "Ask whoever keeps the policies for a rule that allows it."
      : `The rule "${rule.rule}" of the policy "${rule.policy}" refuses it.`;
  return { kind: "policy", message, hint, reference };
}

function notAudited(reference: string): Refusal {
  return {
    kind: "internal",
    message: "The command could not be put on the audit log, so it was not run.",
    hint: "Try again; if it goes on, show the reference to whoever runs the gateway.",
    reference,
  };
}
