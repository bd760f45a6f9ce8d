import { formatAddress, type Hold } from "@gatehouse/core";
import type { ApprovalView } from "@gatehouse/gateway";
import type { ApprovalBody } from "./bodies.ts";

/** Characters of a text and of a parameter, and the number of those, where many approvals go out at once. */
const CUT = { text: 2_000, parameter: 200, count: 20 };

/** The command with all that is kept of it, or with as much as a list needs: whoever asks decides how long it is. */
export type Extent = "whole" | "cut";

/** @returns what is withheld as null, whatever the view holds */
export function approvalBody({ approval, ...view }: ApprovalView, extent: Extent): ApprovalBody {
  const { session, surroundings, reason, why, outcome } = approval;
  return {
    id: approval.id,
    state: approval.state,
    requestedAt: iso(approval.requestedAt),
    expiresAt: iso(approval.expiresAt),
    changedAt: iso(approval.changedAt),
    requester: person(approval.requester),
    session: {
      id: session.id,
      openedAt: iso(session.openedAt),
      client: formatAddress(session.client),
      application: session.application,
      commands: session.commands,
      refused: session.refused,
      recent: session.recent.map(({ at, effect, verbs, resources }) => ({
        at: iso(at),
        effect,
        verbs: [...verbs],
        resources: [...resources],
      })),
    },
    protocol: approval.protocol,
    target: approval.target,
    level: approval.level,
    command: commandBody(approval.command, view.withheld, extent),
    withheld: view.withheld,
    digest: approval.digest,
    detached: approval.detached === true,
    policyVersion: approval.policyVersion,
    holds: approval.holds.map(holdBody),
    ...(reason === undefined ? {} : { reason }),
    answers: approval.answers.map(({ by, answer, reason: said, at }) => ({
      by: person(by),
      answer,
      ...(said === undefined ? {} : { reason: said }),
      at: iso(at),
    })),
    missing: view.missing.map(({ rule, approvers, given }) => ({
      rule: ruleBody(rule),
      approvers: approversBody(approvers),
      given,
    })),
    ...(view.unanswerable === undefined ? {} : { unanswerable: view.unanswerable }),
    alike: view.alike,
    surroundings: surroundingsBody(surroundings),
    ...(why === undefined ? {} : { why }),
    ...(outcome === undefined ? {} : { outcome }),
    reused: approval.reused,
    deliveries: view.deliveries.map(({ webhook, event, state, attempts, last, next }) => ({
      webhook,
      event,
      state,
      attempts,
      ...(last === undefined ? {} : { last }),
      ...(next === undefined ? {} : { next: iso(next) }),
    })),
  };
}

type Approval = ApprovalView["approval"];

function commandBody(
  { text, parameters, runs, outline, touches, ...command }: Approval["command"],
  withheld: boolean,
  extent: Extent,
): ApprovalBody["command"] {
  let cut = false;
  const shortened = (value: string, length: number): string => {
    if (extent === "whole" || value.length <= length) return value;
    cut = true;
    return value.slice(0, length);
  };
  const some = <T>(values: readonly T[]): readonly T[] => {
    if (extent === "whole" || values.length <= CUT.count) return values;
    cut = true;
    return values.slice(0, CUT.count);
  };
  const body = {
    kind: command.kind,
    verbs: [...command.verbs],
    access: command.access,
    resources: [...command.resources],
    functions: [...command.functions],
    text: withheld ? null : shortened(text, CUT.text),
    parameters: withheld ? null : some(parameters).map((value) => value && shortened(value, CUT.parameter)),
    runs: withheld ? null : some(runs).map((run) => shortened(run, CUT.text)),
    ...(outline === undefined ? {} : { outline: shortened(outline, CUT.text) }),
    touches: touches && [...touches],
  };
  return { ...body, cut };
}

function holdBody(hold: Hold): ApprovalBody["holds"][number] {
  const { rule, approvers, expires, reasons, scope, unanswered, message } = hold;
  return {
    rule: ruleBody(rule),
    approvers: approvers.map(approversBody),
    expires: expires / 1000,
    reasons: [...reasons],
    scope: { same: scope.same, for: typeof scope.for === "number" ? scope.for / 1000 : scope.for },
    unanswered: unanswered === "refuse" ? "refuse" : "mask",
    ...(message === undefined ? {} : { message }),
  };
}

function approversBody({
  groups,
  subjects,
  kinds,
  count,
}: Hold["approvers"][number]): ApprovalBody["missing"][number]["approvers"] {
  return {
    ...(groups ? { groups: [...groups] } : {}),
    ...(subjects ? { subjects: [...subjects] } : {}),
    ...(kinds ? { kinds: [...kinds] } : {}),
    count,
  };
}

function surroundingsBody({ transaction, rows }: Approval["surroundings"]): ApprovalBody["surroundings"] {
  return {
    ...(transaction
      ? {
          transaction: {
            since: iso(transaction.since),
            failed: transaction.failed,
            locks: transaction.locks.map(({ on, mode }) => ({ on, mode })),
          },
        }
      : {}),
    ...(rows === undefined ? {} : { rows }),
  };
}

export function person({ subject, kind, groups, proof }: Approval["requester"]): ApprovalBody["requester"] {
  const { method, provider, issuer, tokenId, key, serial } = proof;
  return {
    subject,
    kind,
    groups: [...groups],
    proof: {
      ...{ method, provider, issuer },
      ...(tokenId === undefined ? {} : { tokenId }),
      ...(key === undefined ? {} : { key }),
      ...(serial === undefined ? {} : { serial }),
    },
  };
}

function ruleBody({ policy, rule, source }: Hold["rule"]): ApprovalBody["holds"][number]["rule"] {
  return { policy, rule, source };
}

export function iso(time: number): string {
  return new Date(time).toISOString();
}
