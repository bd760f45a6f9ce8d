import type { Answer, CallbackIssuer, CallbackSettings } from "@gatehouse/core";
import { checkValue } from "@gatehouse/documents";
import { z } from "zod";
import type { SignatureVersion } from "./signature.ts";
import { REASON } from "./slack-body.ts";

/** What a callback says, and whom it says it for. */
export interface CallbackAnswer {
  readonly approval: string;
  readonly answer: Answer["answer"];
  readonly reason?: string;
  readonly by: Answer["by"];
}

/** How callbacks of one form are signed. */
export interface SignedBy {
  readonly version: SignatureVersion;
  /** The names of its headers, in small letters. */
  readonly timestamp: string;
  readonly signature: string;
}

export const signedBy: Readonly<Record<CallbackSettings["form"], SignedBy>> = {
  generic: { version: "v1", timestamp: "x-gatehouse-timestamp", signature: "x-gatehouse-signature" },
  slack: { version: "v0", timestamp: "x-slack-request-timestamp", signature: "x-slack-signature" },
};

/** As the ids of approvals are made. */
const approval = z.string().regex(/^apr_[0-9A-Z]{16}$/);

/** As identities have them: nothing that can't be seen on the audit log. */
const name = z.string().regex(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,256}$/u);

/** Strict, so that nothing else that happens to be signed with the same key reads as an answer. */
const generic = z.strictObject({
  approval,
  answer: z.enum(["approve", "deny"]),
  by: name,
  groups: z.array(name).max(500).optional(),
  reason: z.string().optional(),
});

/** The `block_actions` payload, as far as it is looked at. */
const slack = z.object({
  type: z.literal("block_actions"),
  user: z.object({ id: z.string().max(64) }),
  actions: z.array(z.object({ action_id: z.enum(["approve", "deny"]), value: approval })).length(1),
  state: z
    .object({
      values: z
        .object({
          [REASON]: z.object({ [REASON]: z.object({ value: z.string().nullish() }).optional() }).optional(),
        })
        .optional(),
    })
    .optional(),
});

/**
 * Reads the body of a callback whose signature holds.
 * @returns why not, in words that repeat nothing of it
 */
export function readAnswer(settings: CallbackSettings, body: Buffer): CallbackAnswer | string {
  switch (settings.form) {
    case "generic":
      return readGeneric(settings, body);
    case "slack":
      return readSlack(settings, body);
  }
}

function readGeneric(
  settings: CallbackSettings & { readonly form: "generic" },
  body: Buffer,
): CallbackAnswer | string {
  const read = checkValue(generic, jsonOf(textOf(body)));
  if (!read.ok) return "its body is not of the generic form";
  const { approval, answer, by, groups = settings.groups, reason } = read.value;
  return {
    approval,
    answer,
    ...(reason === undefined ? {} : { reason }),
    // The key speaks for the groups that the config gives it; what a body says can only be less.
    by: personOf(
      by,
      settings.groups.filter((group) => groups.includes(group)),
      settings.name,
      settings,
    ),
  };
}

function readSlack(
  settings: CallbackSettings & { readonly form: "slack" },
  body: Buffer,
): CallbackAnswer | string {
  const text = textOf(body);
  const payloads = text === undefined ? [] : new URLSearchParams(text).getAll("payload");
  const read = checkValue(slack, payloads.length === 1 ? jsonOf(payloads[0]) : undefined);
  if (!read.ok) return "its body is not of Slack's form";
  const { user, actions, state } = read.value;
  const [action] = actions;
  const person = settings.people.get(user.id);
  if (person === undefined) return "it speaks for somebody whom the config does not name";
  if (action === undefined) return "its body is not of Slack's form";
  const reason = state?.values?.[REASON]?.[REASON]?.value;
  return {
    approval: action.value,
    answer: action.action_id,
    ...(typeof reason === "string" ? { reason } : {}),
    by: personOf(person.subject, person.groups, settings.name, person),
  };
}

/** Whoever holds the key vouches for a person; nobody gets a workload's rights by one. */
function personOf(
  subject: string,
  groups: readonly string[],
  callback: string,
  { issuer }: CallbackIssuer,
): Answer["by"] {
  return { subject, groups, kind: "human", proof: { method: "callback", provider: callback, issuer } };
}

function textOf(body: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    return undefined;
  }
}

function jsonOf(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
