import type { HoldNotice, Refusal, RefusalKind } from "@gatehouse/core";
import { type OpenFailure, openFailure } from "./codec/channel-open.ts";

/** What a shell gives for what it may not run (POSIX, 2.8.2). */
export const REFUSED_STATUS = 126;

/** What to write instead, where SSH has a form of its own. */
const HINTS: Partial<Readonly<Record<RefusalKind, string>>> = {
  target: "The user name is LOGIN@TARGET: ssh LOGIN@TARGET@GATEWAY.",
  level: "The user name is LOGIN@TARGET, and the login one of the target's levels.",
};

/** A refusal as lines for standard error, or for a banner before there is one. A terminal wants CR as well. */
export function refusalText(refusal: Refusal, { terminal = false } = {}): Buffer {
  const { kind, message, detail, hint, reference } = refusal;
  const hints = [HINTS[kind], hint].filter((text) => text !== undefined);
  const lines = [
    message,
    ...(detail === undefined ? [] : [detail]),
    ...hints.map((text) => `Hint: ${text}`),
    `Reference: ${reference}`,
  ];
  return written(lines, terminal);
}

/** What is said to a client whose command, or log-in, waits for a person. */
export function noticeText({ message, detail, hint }: HoldNotice, { terminal = false } = {}): Buffer {
  return written([message, detail, `Hint: ${hint}`], terminal);
}

/** A refusal in one line, for a channel that is not opened, or the end of the connection. */
export function refusalLine({ message, reference }: Refusal): string {
  return `${plain(message)} Reference: ${reference}`;
}

/** A channel that is refused (RFC 4254 section 5.1). */
export function refusedOpening(refusal: Refusal): OpenFailure {
  const reason = refusal.kind === "unavailable" ? openFailure.connectFailed : openFailure.prohibited;
  return { reason, description: refusalLine(refusal) };
}

function written(lines: readonly string[], terminal: boolean): Buffer {
  const end = terminal ? "\r\n" : "\n";
  return Buffer.from(lines.map((line) => `gatehouse: ${plain(line)}${end}`).join(""), "utf8");
}

/** Words of a rule, or names that a client chose: what a person reads must not move their cursor. */
function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
}
