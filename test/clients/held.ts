import type { ApprovalBody } from "@gatehouse/api/bodies";
import type { Says } from "../approver.ts";

/** Deletes wait for dana: from `brief` for no longer than a rule may say, and from `shared` one yes is for all sessions. */
export const HOLDS = `policy: holds
who: { groups: [crew-ops] }
targets: [orders]
rules:
  - allow: everything else
    when: sql.access in ["read", "write"]
  - hold: deletes
    when: '"DELETE" in sql.verbs && !("public.brief" in sql.writes) && !("public.shared" in sql.writes)'
    approvers: { groups: [dba] }
    expires: 15m
    message: Ask dana.
  - hold: brief
    when: '"DELETE" in sql.verbs && "public.brief" in sql.writes'
    approvers: { groups: [dba] }
    expires: 10s
  - hold: shared
    when: '"DELETE" in sql.verbs && "public.shared" in sql.writes'
    approvers: { groups: [dba] }
    scope: { same: command, for: 15m }
`;

/** What is deleted from. The first word of a row says what becomes of the command that deletes it: see {@link FATES}. */
export const HELD_TABLES = ["held", "brief", "shared"]
  .map((name) => `create table ${name} (word text primary key); grant all on ${name} to public;`)
  .join("\n");

export const NO = "Not on a Friday.";

interface Fate {
  readonly state: ApprovalBody["state"];
  readonly why?: string;
  readonly outcome?: string;
}

/** What a row's first word stands for. */
export const FATES: Readonly<Record<string, Fate>> = {
  approve: { state: "spent", outcome: "done" },
  later: { state: "spent", outcome: "done" },
  deny: { state: "denied" },
  expire: { state: "expired" },
  cancel: { state: "void", why: "canceled" },
  leave: { state: "void", why: "client_gone" },
};

/** The first word of the row that a held command is about. */
export function fateOf({ command }: ApprovalBody): string {
  const about = [command.text, ...(command.parameters ?? [])].join(" ");
  return Object.keys(FATES).find((word) => new RegExp(`\\b${word}\\b`).test(about)) ?? about;
}

/** @param patience milliseconds until dana says yes to what is for later */
export function dana(patience: number): Says {
  return (approval) => {
    const word = fateOf(approval);
    if (word === "approve") return { answer: "approve", reason: "Go on." };
    if (word === "later") return { answer: "approve", reason: "Now.", after: patience };
    return word === "deny" ? { answer: "deny", reason: NO } : undefined;
  };
}
