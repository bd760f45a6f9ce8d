import type {
  Command,
  Decision,
  Gate,
  LoginRequest,
  OpenSession,
  Permit,
  Refusal,
  Standing,
  Waited,
} from "@gatehouse/core";
import type { Fields } from "./codec/fields.ts";
import type { RequestTarget } from "./path.ts";
import { type OwnAnswer, refusalAnswer } from "./refusal.ts";

/** Where held requests are asked after. No target's name begins with a dot. */
const PLACE = "/.gatehouse/approvals/";
const ID = /^apr_[0-9A-Z]{16}$/;
/** Seconds after which it is worth the while to ask again. */
const AGAIN = 5;

/**
 * The approval that a request asks after, by its target: `/.gatehouse/approvals/apr_...`.
 * @returns undefined where it is meant for something else
 */
export function approvalPlace({ path }: Pick<RequestTarget, "path">): string | undefined {
  const id = path.startsWith(PLACE) ? path.slice(PLACE.length) : "";
  return ID.test(id) ? id : undefined;
}

/**
 * The approval that a request comes back with, as its client says it; whether there is one, the decision says.
 * @throws Malformed where there are two
 */
export function presentedApproval(fields: Fields): string | undefined {
  return fields.only("x-gatehouse-approval");
}

export type DecidedDetached<C extends Command> =
  | {
      readonly ok: true;
      readonly command: C;
      readonly permit: Permit;
      readonly decision: Decision;
      /** It is told what became of the command. */
      readonly held?: Waited;
    }
  | { readonly ok: false; readonly refusal: Refusal }
  /** It waits for people, and its client does not. */
  | { readonly ok: false; readonly standing: Standing };

/**
 * Has a detached command decided, as `decide` of core does for one whose client waits.
 * @param approval what it comes back with
 */
export async function decideDetached<C extends Command>(
  session: Pick<OpenSession, "decide" | "recall" | "standing" | "refuse">,
  command: C,
  approval: string | undefined,
): Promise<DecidedDetached<C>> {
  const waited = approval === undefined ? undefined : session.recall(approval);
  const deciding = session.decide(command, waited);
  if (deciding.effect === "hold") {
    const standing = await session.standing(deciding.held.approval);
    if (standing) return { ok: false, standing };
    return { ok: false, refusal: await session.refuse({ ...NOT_RECORDED, text: command.text }) };
  }
  const verdict = await deciding.verdict;
  if (!verdict.ok) return verdict;
  const { permit, decision } = verdict;
  return { ok: true, command, permit, decision, ...(waited ? { held: waited } : {}) };
}

const NOT_RECORDED = {
  kind: "internal",
  message: "It has to be approved, and that could not be put on record, so it was not run.",
  hint: "Try again; if it goes on, show the reference to whoever runs the gateway.",
} as const;

/** What a client is told whose request waits for people without it. */
export function acceptedAnswer(standing: Standing): OwnAnswer {
  return {
    status: 202,
    fields: [
      ...FIELDS,
      ["Preference-Applied", "respond-async"],
      ["Location", `${PLACE}${standing.id}`],
      ...retryAfter(standing),
    ],
    body: bodyOf(standing),
  };
}

/** Who asks after an approval. */
export interface Asking extends Pick<LoginRequest, "client" | "application"> {
  readonly method: string;
  readonly token: string;
}

/** Answers a request for the place of an approval. Whoever has not asked for it learns nothing of it. */
export async function answerPlace(
  gate: Pick<Gate, "standing">,
  asking: Asking,
  id: string,
): Promise<OwnAnswer> {
  const { method, token, client, application } = asking;
  if (method !== "GET" && method !== "HEAD")
    return problem(405, "It can only be looked at.", [["Allow", "GET, HEAD"]]);
  const result = await gate.standing({ protocol: "http", credential: { token }, client, application }, id);
  if (!result.ok) return refusalAnswer(result.refusal);
  const { standing } = result;
  if (!standing) return problem(404, "There is no approval of that name that you have asked for.", []);
  return { status: 200, fields: [...FIELDS, ...retryAfter(standing)], body: bodyOf(standing) };
}

const FIELDS = [
  ["Content-Type", "application/json"],
  ["Cache-Control", "no-store"],
] as const satisfies OwnAnswer["fields"];

function retryAfter({ state }: Standing): OwnAnswer["fields"] {
  return state === "pending" ? [["Retry-After", String(AGAIN)]] : [];
}

function bodyOf({ id, state, until, message, hint, why, outcome }: Standing): Buffer {
  const isOpen = state === "pending" || state === "approved";
  return json({
    approval: id,
    state,
    ...(why === undefined ? {} : { why }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(isOpen ? { expires: new Date(until).toISOString() } : {}),
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(isOpen ? { next: NEXT[state](id) } : {}),
  });
}

const NEXT = {
  pending: (id: string) =>
    `Ask GET ${PLACE}${id} until the state is approved, and send the request again then, unchanged, with X-Gatehouse-Approval: ${id}`,
  approved: (id: string) => `Send the request again, unchanged, with X-Gatehouse-Approval: ${id}`,
} as const;

function problem(status: number, detail: string, fields: OwnAnswer["fields"]): OwnAnswer {
  const title = status === 404 ? "Not Found" : "Method Not Allowed";
  return {
    status,
    fields: [["Content-Type", "application/problem+json"], ["Cache-Control", "no-store"], ...fields],
    body: json({ type: "about:blank", title, status, detail }),
  };
}

function json(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`, "utf8");
}
