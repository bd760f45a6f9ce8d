import type { Approval, AuditedCommand, EarlierCommand, HeldCommand, Surroundings } from "@gatehouse/core";
import type { Asked } from "./digest.ts";

/** A command that a rule holds, and all that an approver should know of where it comes from. */
export interface HoldRequest extends Asked {
  /** The same command as the audit log has it: bounded. */
  readonly commandForAudit: AuditedCommand;
  readonly policyVersion: string;
  /** What the session has asked for before, and what of that was refused. */
  readonly commands: number;
  readonly refused: number;
  /** The newest last. */
  readonly recent: readonly EarlierCommand[];
}

/** Characters of a reason. */
export const LONGEST_REASON = 500;
/** An approver reads no more of these, and a client must not fill the store with them. */
const MOST_RECENT = 20;
const MOST_NAMES = 200;
const MOST_LOCKS = 100;

/** A new approval, which nobody has answered yet. */
export function newApproval(asked: HoldRequest, id: string, digest: string, now: number): Approval {
  const { session, holds, policyVersion, commands, refused, recent, command } = asked;
  const { subject, kind, groups, proof } = session.identity;
  const reason = reasonOf(command.reason);
  return {
    id,
    state: "pending",
    requestedAt: now,
    expiresAt: now + Math.min(...holds.map(({ expires }) => expires)),
    changedAt: now,
    requester: { subject, kind, groups, proof },
    session: {
      id: session.id,
      openedAt: session.openedAt,
      client: session.client,
      application: session.application,
      commands,
      refused,
      recent: recent.slice(-MOST_RECENT),
    },
    protocol: session.target.protocol,
    target: session.target.name,
    level: session.level.name,
    command: heldCommand(asked),
    digest,
    ...(command.detached === true ? { detached: true } : {}),
    policyVersion,
    holds,
    ...(reason === undefined ? {} : { reason }),
    answers: [],
    surroundings: {},
    reused: 0,
  };
}

/**
 * Until when what was approved can be run, where it waits on no connection: as long from the yes on as people had for it.
 * @returns milliseconds since the epoch
 */
export function usableUntil({ changedAt, expiresAt, requestedAt }: Approval): number {
  return changedAt + (expiresAt - requestedAt);
}

/** What was told, with what is told now in its place. */
export function described(before: Surroundings, { transaction, ...rest }: Surroundings): Surroundings {
  if (!transaction) return { ...before, ...rest };
  return {
    ...before,
    ...rest,
    transaction: { ...transaction, locks: transaction.locks.slice(0, MOST_LOCKS) },
  };
}

/** A reason as it is kept; undefined where there is none. */
export function reasonOf(given: string | undefined): string | undefined {
  const reason = given?.trim().slice(0, LONGEST_REASON);
  return reason === "" ? undefined : reason;
}

function heldCommand({ command, commandForAudit }: HoldRequest): HeldCommand {
  const { kind, verbs, access, resources, text, parameters = [] } = commandForAudit;
  const { outline, touches, runs = [] } = command;
  return {
    ...{ kind, verbs, access, text, parameters, runs },
    resources: resources.slice(0, MOST_NAMES),
    functions: functionsOf(command.facts["functions"]).slice(0, MOST_NAMES),
    ...(outline === undefined ? {} : { outline }),
    touches: touches ?? null,
  };
}

/** A protocol whose commands call functions tells them as a fact of that name. */
function functionsOf(fact: unknown): string[] {
  return Array.isArray(fact) ? fact.filter((name) => typeof name === "string") : [];
}
