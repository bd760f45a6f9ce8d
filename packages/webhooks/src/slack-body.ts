import type { Approvers } from "@gatehouse/core";
import { asCode, asWord } from "./slack-text.ts";
import type { Report, ReportedApproval, ReportedCommand, ReportedRequest } from "./report.ts";

/** Slack refuses a message with more than 3000 characters in a section, or 2000 in one of its fields. */
const LONGEST_SECTION = 2900;
const LONGEST_FIELD = 1500;

/** How Slack finds the reason among the state of a message, when a button of it is pressed. */
export const REASON = "reason";

const TITLES = {
  requested: "A command waits for a person",
  approved: "Approved: a held command",
  denied: "Denied: a held command",
  expired: "Expired: nobody answered for a held command",
  void: "Void: a held command is not waiting any more",
  "break-glass": "Glass broken: a command that rules hold was let through",
} as const;

/** The same where somebody is to be let in: no command is there yet. */
const ACCESS_TITLES = {
  requested: "Somebody asks to be let in",
  approved: "Approved: somebody is let in",
  denied: "Denied: somebody is not let in",
  expired: "Expired: nobody answered somebody who asks to be let in",
  void: "Void: somebody does not ask to be let in any more",
} as const;

/** The same as the generic body, in words and in Slack's blocks; one that can be answered has its buttons. */
export function slackBody(report: Report): object {
  const request = report.event === "break-glass" ? report.breakGlass : report.approval;
  const { requester, target, command } = request;
  const title = titleOf(report, command);
  const said = asWord(`${requester.subject}, ${summary(command)} on ${target}`, LONGEST_FIELD);
  return {
    text: `${title}: ${said}`,
    // Links in what people have written are not made such, and lead to no previews.
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      { type: "header", text: plain(title) },
      { type: "section", fields: fields(report, request) },
      ...outline(command),
      ...(report.event === "break-glass" ? [] : answering(report.event, report.approval)),
    ],
  };
}

function titleOf({ event }: Report, command: ReportedCommand): string {
  return event !== "break-glass" && isAccess(command) ? ACCESS_TITLES[event] : TITLES[event];
}

function isAccess({ verbs }: ReportedCommand): boolean {
  return verbs.length === 1 && verbs[0] === "ACCESS";
}

function fields(report: Report, request: ReportedRequest): object[] {
  const { requester, target, level, command, session, reason } = request;
  const all: (readonly [string, string])[] = [
    ["Asked by", `${requester.subject}${requester.kind === "workload" ? ", a workload" : ""}`],
    ["Target", `${target}, level ${level}`],
    ["Does", summary(command)],
    ...(session === "" ? [] : [["Session", session] as const]),
    ...(reason === undefined ? [] : [["Reason", reason] as const]),
  ];
  if (report.event === "break-glass") {
    const { rules, reference } = report.breakGlass;
    all.push(["Held by", rules.map(({ rule }) => rule).join(", ")], ["On the audit log", reference]);
  } else {
    const { rules, answers, expiresAt, why } = report.approval;
    all.push(["Rule", rules.map(({ rule }) => rule).join(", ")]);
    if (report.event === "requested") {
      all.push([
        "Who may answer",
        rules.map(({ approvers }) => approvers.map(inWords).join(" and ")).join("; "),
      ]);
      all.push(["Until", expiresAt]);
    }
    if (why !== undefined) all.push(["Why", why.replaceAll("_", " ")]);
    const said = answers.map(({ by, answer, reason }) => `${answer} by ${by}${reason ? `: ${reason}` : ""}`);
    if (said.length > 0) all.push(["Answers", said.join("; ")]);
  }
  return all.map(([name, value]) => mrkdwn(`*${name}*\n\`${asWord(value, LONGEST_FIELD) || " "}\``));
}

/** `DELETE public.orders`, `access to orders as writer for 30m`. */
function summary(command: ReportedCommand): string {
  const { verbs, resources, outline: text } = command;
  if (isAccess(command) && text !== null) return text;
  return [verbs.join(", "), resources.join(", ")].filter((part) => part !== "").join(" ");
}

/** `1 of dba`. */
function inWords({ groups = [], subjects = [], kinds, count }: Approvers): string {
  const who = [...groups, ...subjects].join(", ");
  return `${count} of ${[who, ...(kinds ?? [])].filter((part) => part !== "").join(", ")}`;
}

function outline({ outline: text }: ReportedCommand): object[] {
  const said =
    text === null
      ? "Its text can't be shown here without its values."
      : `\`\`\`${asCode(text, LONGEST_SECTION) || " "}\`\`\``;
  return [{ type: "section", text: mrkdwn(said) }];
}

function answering(event: Report["event"], { id, rules, url }: ReportedApproval): object[] {
  const link = url === undefined ? [] : [{ type: "context", elements: [mrkdwn(`<${linkOf(url)}|${id}>`)] }];
  if (event !== "requested") return link;
  const needsReason = rules.some(({ reasons }) => reasons.includes("approver"));
  return [
    ...(needsReason ? [reasonInput()] : []),
    {
      type: "actions",
      elements: [
        { ...button("approve", "Approve", id), style: "primary" },
        { ...button("deny", "Deny", id), style: "danger" },
      ],
    },
    ...link,
  ];
}

function reasonInput(): object {
  return {
    type: "input",
    block_id: REASON,
    label: plain("Why"),
    element: { type: "plain_text_input", action_id: REASON, max_length: 500 },
  };
}

function button(action: "approve" | "deny", text: string, value: string): object {
  return { type: "button", action_id: action, text: plain(text), value };
}

/** The config's, without the signs that would end the link. */
function linkOf(url: string): string {
  return url.replace(/[<>|&]/g, (sign) => encodeURIComponent(sign));
}

function plain(text: string): object {
  return { type: "plain_text", text };
}

function mrkdwn(text: string): object {
  return { type: "mrkdwn", text, verbatim: true };
}
