import type { Approval, Grant, HoldNotice, Refusal, VoidReason } from "@gatehouse/core";
import { formatDuration } from "@gatehouse/documents";
import type { Place } from "./access-command.ts";
import type { Entry } from "./entrance.ts";

type Refused = Extract<Entry, { ok: false }>;

/** What a client is told while its log-in waits. @param notice that of the approval */
export function noticeOf(place: Place, holds: Approval["holds"], notice: HoldNotice): HoldNotice {
  const policies = [...new Set(holds.map(({ rule }) => `"${rule.policy}"`))];
  const own = holds.flatMap(({ message }) => message ?? []).join(" ");
  const by = `the ${policies.length === 1 ? "policy" : "policies"} ${policies.join(" and ")}`;
  const message = `Getting in to ${inWords(place)} needs somebody's yes, by ${by}: the log-in waits for it.`;
  return { ...notice, message: own === "" ? message : `${message} ${own}` };
}

/** Its client would have to wait, and can't. */
export function cannotWait(place: Place): Refused {
  const message = `Getting in to ${inWords(place)} needs somebody's yes, and this log-in can't wait for it.`;
  return refused("policy", message, requestHint(place), "needs a grant, and can't wait");
}

/** It can't even be asked for. */
export function notAsked(place: Place, why: "too_many" | "reason" | "unheld"): Refused {
  switch (why) {
    case "reason": {
      const message = `Getting in to ${inWords(place)} needs somebody's yes, and a reason for it.`;
      return refused(
        "policy",
        message,
        `${requestHint(place)} --reason TEXT`,
        "needs a grant, and no reason",
      );
    }
    case "too_many":
      return refused(
        "too_many",
        `Getting in to ${inWords(place)} needs somebody's yes, and too much waits for people already.`,
        "Try again when some of it is answered.",
        "needs a grant, and too many approvals are open",
      );
    case "unheld":
      return failed("an access request without a fingerprint");
  }
}

/** @param approval that has ended without a grant; undefined where it never was on record */
export function notGranted(place: Place, approval: Approval | undefined): Refused {
  if (!approval) return failed("an access request could not be put on record");
  const { id, state, answers, requestedAt, expiresAt } = approval;
  const hint = `Approval ${id} has what was asked and answered. To ask again: ${requestHint(place)}`;
  switch (state) {
    case "denied": {
      const { by, reason } = answers.find(({ answer }) => answer === "deny") ?? {};
      const said = reason === undefined ? "." : `: "${reason}"`;
      return refused("policy", `Denied by ${by?.subject ?? "an approver"}${said}`, hint, `${id} was denied`);
    }
    case "expired": {
      const within = `within ${formatDuration(expiresAt - requestedAt)}`;
      const message = `${answers.length === 0 ? "Nobody" : "Not everybody who is needed"} said yes ${within}.`;
      return refused("policy", message, hint, `${id} expired`);
    }
    default:
      return ended(place, id, approval.why);
  }
}

/** Nobody is there to be let in. */
export function clientGone(): Refused {
  return refused("canceled", "The client left while its log-in waited.", "Connect again.", "the client left");
}

/** It came to nothing, without anybody's no. */
function ended(place: Place, id: string, why: VoidReason | undefined): Refused {
  const again = `To ask again: ${requestHint(place)}`;
  switch (why) {
    case "policy_changed":
      return refused(
        "policy",
        "What getting in needs has changed since it was asked for.",
        again,
        `${id}: the policies have changed`,
      );
    case "gateway_restarted":
      return refused("busy", "The gateway was shut down while the log-in waited.", again, `${id}: shut down`);
    default:
      return failed(`${id} came to nothing`);
  }
}

/** The grant that it waited for is none any more. */
export function notStanding(place: Place): Refused {
  return refused(
    "policy",
    `What was granted for ${inWords(place)} does not let this log-in in any more.`,
    `To ask again: ${requestHint(place)}`,
    "the grant was taken back, or the terms have changed",
  );
}

export function failed(reason: string): Refused {
  return refused(
    "internal",
    "The gateway can't let anybody in now who needs somebody's yes.",
    "Try again; if it goes on, show the reference to whoever runs the gateway.",
    reason,
  );
}

/** What a session is told that ends with its grant. */
export function revocationOf({ revoked }: Grant): Omit<Refusal, "reference"> {
  const by = revoked === undefined ? "" : ` by ${revoked.by.subject}`;
  const reason = revoked?.reason === undefined ? "." : `: "${revoked.reason}"`;
  return {
    kind: "revoked",
    message: `The grant that let the session in was taken back${by}${reason}`,
    hint: "Ask for another one with `gatehouse request`.",
  };
}

function refused(kind: Refusal["kind"], message: string, hint: string, reason: string): Refused {
  return { ok: false, refusal: { kind, message, hint, reason } };
}

function requestHint({ target, level }: Place): string {
  return `gatehouse request ${target.name} --as ${level.name}`;
}

function inWords({ target, level }: Place): string {
  return `${target.name} as ${level.name}`;
}
