import { afterMatch, type Detector } from "../detector.ts";
import type { Span } from "../spans.ts";

/**
 * Tokens that say by their beginning what they are. Check digits are not looked at: they are not documented for all
 * forms, and a token of a later form would slip through.
 */
export const tokens: readonly Detector[] = [
  {
    // Access key ids with their documented prefixes, and secret keys where a name such as SecretAccessKey says so.
    name: "secret.aws_key",
    pattern: [
      String.raw`\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16})\b`,
      String.raw`(?i:secret[_.-]?(?:access)?[_.-]?key)["']?\s{0,3}[:=]>?\s{0,3}["']?([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)`,
    ].join("|"),
    sign: "A(?:KI|SI|BI|CC)A[A-Z0-9]{16}|secret[_.-]?(?:access)?[_.-]?key",
    overLines: {
      head: `secret[_.-]?(?:access)?[_.-]?key["']?[ \\t\\r\\n\\f]{0,3}(?:[:=]|$)`,
      reach: 128,
    },
  },
  {
    name: "secret.github_token",
    ...toItsEnd(String.raw`\b(?:gh[oprsu]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22})`),
    sign: "gh[oprsu]_|github_pat_",
  },
  {
    // Tokens, and the webhooks whose address is all that is needed to post.
    name: "secret.slack_token",
    ...toItsEnd(
      [
        String.raw`\b(?:xox[a-z](?:\.xox[a-z])?|xapp-[0-9])-[A-Za-z0-9-]{10}`,
        String.raw`\bhooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9/_-]{20})`,
      ].join("|"),
    ),
    sign: String.raw`xox[a-z]|xapp-[0-9]|hooks\.slack\.com/`,
  },
  {
    // `pk_` is not here: publishable keys are made to be seen.
    name: "secret.stripe_key",
    ...toItsEnd(String.raw`\b(?:(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16}|whsec_[A-Za-z0-9+/]{24})`),
    sign: "[sr]k_(?:live|test)_|whsec_",
  },
  {
    // API keys, OAuth client secrets and access tokens.
    name: "secret.google_key",
    ...toItsEnd(String.raw`\b(?:AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{20})`),
    sign: String.raw`AIza|GOCSPX-|ya29\.`,
  },
  {
    // Keys of 64 bytes (storage, Cosmos DB), client secrets, and the signature of a shared access URL.
    name: "secret.azure_key",
    pattern: [
      "(?:^|[^A-Za-z0-9+/])([A-Za-z0-9+/]{86}==)",
      String.raw`\b([A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34})`,
      "[?&]sig=([A-Za-z0-9%+/=]{43,200})",
    ].join("|"),
    sign: "==|[0-9]Q~|[?&]sig=",
  },
  {
    // OpenAI's keys, and those that look like them (`sk-ant-`, `sk-or-`).
    name: "secret.openai_key",
    ...toItsEnd(String.raw`\bsk-[A-Za-z0-9_-]{20,60}`),
    settle: (text, candidate) => {
      // A name of words with dashes, such as a CSS class, is no key.
      const found = text.slice(candidate.start, candidate.end);
      return /[0-9]/.test(found) && /[A-Z]/.test(found) ? withRest(text, candidate) : undefined;
    },
    sign: "sk-[A-Z0-9_-]{20}",
  },
];

/** How long a token is, its issuer can change. Half a token would be found, and the rest would be shown. */
function toItsEnd(pattern: string): Pick<Detector, "pattern" | "settle" | "extent"> {
  const extent = { pattern: String.raw`(?:${pattern})(?:\.*[A-Za-z0-9_+/=-])*` };
  return { pattern, settle: withRest, extent };
}

const TOKEN = /[A-Za-z0-9_+/.=-]{0,8192}/y;

function withRest(text: string, { start, end }: Span): Span {
  const rest = text.slice(end, afterMatch(TOKEN, text, end));
  // A full stop behind it ends the sentence.
  return { start, end: end + rest.replace(/\.{1,3}$/, "").length };
}
