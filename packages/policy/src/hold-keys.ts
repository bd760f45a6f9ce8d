import { didYouMean, duration, formatDuration, oneOrMore } from "@gatehouse/documents";
import { z } from "zod";
import { line } from "./fields.ts";
import { whoLists } from "./who.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Kinds narrow whom a rule means; alone they would mean everybody. */
const SOMEBODY = "expected groups, subjects or both: kinds alone would be everybody";

const somebody = ({ groups, subjects }: { groups?: unknown; subjects?: unknown }): boolean =>
  groups !== undefined || subjects !== undefined;

const anyOfSomebody = { anyOf: [{ required: ["groups"] }, { required: ["subjects"] }] };

const approvers = z
  .strictObject({
    ...whoLists,
    count: z
      .int()
      .min(1, "expected at least one approver")
      .max(20, "expected at most 20 approvers")
      .prefault(1)
      .describe("how many of them have to say yes"),
  })
  .refine(somebody, SOMEBODY)
  .refine(({ subjects, count }) => subjects === undefined || new Set(subjects).size >= count, {
    path: ["count"],
    message: "there are not so many subjects: nobody counts twice, so this could never be approved",
  })
  .meta(anyOfSomebody);

const WORDS = ["once", "session"] as const;
const TIMES = { min: MINUTE, max: 24 * HOUR };
const LASTS = `once, session, or a time from ${formatDuration(TIMES.min)} to ${formatDuration(TIMES.max)}, such as 15m`;

/** How long a yes is good for. */
const lasts = z
  .string()
  .meta({ pattern: "^(once|session|[0-9]{1,9}(ms|s|m|h|d))$", description: LASTS })
  .transform((written, context): (typeof WORDS)[number] | number => {
    const word = WORDS.find((candidate) => candidate === written);
    if (word !== undefined) return word;
    const time = duration(TIMES).safeParse(written);
    if (time.success) return time.data;
    const nearest = didYouMean(written, WORDS);
    context.addIssue(`expected ${LASTS}, found ${JSON.stringify(written)}${nearest}`);
    return z.NEVER;
  });

const scope = z
  .strictObject({ same: z.enum(["command", "shape"]).prefault("command"), for: lasts.prefault("once") })
  .refine((written) => written.same === "command" || written.for !== "once", {
    path: ["same"],
    message: "`same: shape` needs `for: session` or a time: what is approved once is one command",
  });

/** Written out as a key, it would look like a promise's. */
export const THEN = "then";

/** The keys that a rule has only with `hold`. */
export const holdKeys = {
  approvers: oneOrMore(approvers)
    .describe("who may say yes; of a list, each entry has to be met, by people of its own")
    .optional(),
  expires: duration({ min: 10 * SECOND, max: 24 * HOUR })
    .describe("how long the command waits, 10s to 24h; 15m unless it is said")
    .optional(),
  reason: oneOrMore(z.enum(["requester", "approver"]))
    .describe("who has to say why; nobody unless it is said")
    .optional(),
  scope: scope.describe("what one yes is good for; this command, once, unless it is said").optional(),
  breakGlass: z
    .strictObject(whoLists)
    .refine(somebody, SOMEBODY)
    .meta({ ...anyOfSomebody, description: "who is let through at once, and reported" })
    .optional(),
  [THEN]: z
    .enum(["refuse", "allow-with-mask"])
    .describe("what becomes of a command that nobody answers; refuse unless it is said")
    .optional(),
};

/** The same keys where getting in at all needs somebody's yes: its approvers are not left out. */
export const accessKey = z.strictObject({
  approvers: holdKeys.approvers.unwrap(),
  expires: holdKeys.expires
    .unwrap()
    .describe("how long it waits to be answered, 10s to 24h; 15m unless it is said")
    .exactOptional(),
  lasts: duration(TIMES)
    .describe("how long whoever was let in may stay, or come again, 1m to 24h; 1h unless it is said")
    .exactOptional(),
  reason: holdKeys.reason,
  message: line("a message", 300).exactOptional(),
});

/** The keys of a hold as they are read. */
export type HoldKeys = {
  readonly [key in keyof typeof holdKeys]?: z.output<(typeof holdKeys)[key]>;
};

type Written = { readonly hold?: string | undefined } & { readonly [key in keyof typeof holdKeys]?: unknown };

/** What the types of the keys can't say: which of them belong together. */
export function holdIssues(rule: Written): { path: string[]; message: string }[] {
  if (rule.hold === undefined) {
    return keysOf(holdKeys)
      .filter((key) => rule[key] !== undefined)
      .map((key) => ({ path: [key], message: `\`${key}\` may stand only with hold` }));
  }
  if (rule.approvers !== undefined) return [];
  const message = '"approvers" is missing: who may say yes, such as { groups: [dba] }';
  return [{ path: ["approvers"], message }];
}

/** The same as JSON Schema. */
export const holdKeysJsonSchema = {
  hold: { required: ["approvers"] },
  ...Object.fromEntries(keysOf(holdKeys).map((key) => [key, { required: ["hold"] }])),
};

function keysOf<K extends string>(keys: Readonly<Record<K, unknown>>): K[] {
  return Object.keys(keys).filter((key): key is K => Object.hasOwn(keys, key));
}
