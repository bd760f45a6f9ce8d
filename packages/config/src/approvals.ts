import { type CallbackSettings, type OidcProvider, webhookEvents } from "@gatehouse/core";
import {
  duration,
  durationOrOff,
  filePath,
  httpsComplaint,
  name,
  secretReference,
} from "@gatehouse/documents";
import { z } from "zod";
import type { ApprovalsConfig } from "./config.ts";
import type { Reading } from "./target-schema.ts";
import { groups, said } from "./people.ts";
import { publicUrl } from "./urls.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Each is asked for every change of an approval. */
const MOST_HOOKS = 20;
const MOST_PEOPLE = 1000;

function webhook(reading: Reading) {
  const { folder, development } = reading;
  const secret = secretReference(folder, { literals: development });
  return z
    .strictObject({
      name: name().describe("What logs and approvals call it"),
      url: secret.describe("A reference to its URL, which is https:// and as good as a key"),
      secret: secret.exactOptional().describe("What its requests are signed with, 16 bytes at the least"),
      body: z.enum(["generic", "slack"]).default("generic").describe("In whose form it is told"),
      events: z
        .array(z.enum(webhookEvents))
        .min(1, "expected at least one event")
        .default([...webhookEvents])
        .describe("What it is told of"),
      ca: filePath(folder)
        .exactOptional()
        .describe("The authorities of its certificate, where they are not public (PEM)"),
    })
    .transform((hook, context) => {
      const literal = hook.url.from === "literal" ? hook.url.secret.reveal() : undefined;
      const message = literal === undefined ? undefined : httpsComplaint(literal, { development });
      if (message === undefined) return { ...hook, plaintext: development };
      context.addIssue({ code: "custom", path: ["url"], message, params: { secret: true } });
      return z.NEVER;
    });
}

function person() {
  return z.strictObject({
    subject: said("whom the provider's tokens call so").describe("Who it is, as the provider's tokens say"),
    provider: name().describe("Whose subject it is"),
    groups: groups().min(1, "expected at least one group").describe("Which groups they are in"),
  });
}

/** The keys that are one form's alone. */
const OWN_KEYS = { generic: ["provider", "groups"], slack: ["people"] } as const;

function callback({ folder, development }: Reading) {
  return z
    .strictObject({
      name: name().describe("The last part of its path, and what events call it"),
      secret: secretReference(folder, { literals: development }).describe(
        "What its requests are signed with, 16 bytes at the least; no other callback has it",
      ),
      form: z.enum(["generic", "slack"]).default("generic").describe("In whose form it answers"),
      provider: name().exactOptional().describe("Whose subjects it speaks for"),
      groups: groups()
        .min(1, "expected at least one group")
        .exactOptional()
        .describe("The only groups that it may say people are in"),
      people: z
        .record(
          z.string().regex(/^[UW][A-Z0-9]{2,30}$/, "expected a member ID of Slack's, such as U024BE7LH"),
          person(),
        )
        .refine((people) => Object.keys(people).length <= MOST_PEOPLE, `expected at most ${MOST_PEOPLE}`)
        .exactOptional()
        .describe("Who may answer: member ID -> who it is"),
    })
    .meta({
      if: { properties: { form: { const: "slack" } }, required: ["form"] },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema calls it so.
      then: { required: ["people"], properties: { provider: false, groups: false } },
      else: { required: ["provider", "groups"], properties: { people: false } },
    })
    .transform(({ provider, groups, people, ...common }, context) => {
      const own = { provider, groups, people };
      const refuse = (key: string, atKey: boolean, message: string) =>
        context.addIssue({ code: "custom", path: atKey ? [key] : [], message, params: { atKey: true } });
      for (const [form, keys] of Object.entries(OWN_KEYS)) {
        for (const key of keys) {
          const written = own[key] !== undefined;
          if (form === common.form && !written)
            refuse(key, false, `"${key}" is missing: \`form: ${form}\` needs it`);
          if (form !== common.form && written) refuse(key, true, `"${key}" is for \`form: ${form}\` alone`);
        }
      }
      if (common.form === "slack" && people) return { ...common, form: common.form, people };
      if (common.form === "generic" && provider !== undefined && groups)
        return { ...common, form: common.form, provider, groups };
      return z.NEVER;
    });
}

/** How commands that wait for a person are kept, told of and answered. */
export function approvals(reading: Reading) {
  return z
    .strictObject({
      url: publicUrl(reading)
        .exactOptional()
        .describe("Where people answer; shown to clients that wait, and in webhooks"),
      repeat: durationOrOff({ min: 10_000, max: HOUR })
        .prefault("off")
        .transform((every) => (every === Number.POSITIVE_INFINITY ? undefined : every))
        .describe("How often a client is shown again that its command waits"),
      perIdentity: z
        .int()
        .min(1)
        .max(10_000)
        .default(20)
        .describe("Commands of one identity that wait at once"),
      pending: z.int().min(1).max(100_000).default(1000).describe("Commands that wait at once, in all"),
      keep: duration({ min: HOUR, max: 3650 * DAY })
        .prefault("30d")
        .describe("How long ended ones are listed"),
      webhooks: z.array(webhook(reading)).max(MOST_HOOKS).default([]).describe("Whom the gateway tells"),
      callbacks: z.array(callback(reading)).max(MOST_HOOKS).default([]).describe("Who brings it answers"),
    })
    .prefault({})
    .describe("How commands that wait for a person are kept, told of and answered");
}

type Written = z.output<ReturnType<typeof approvals>>;

/** What was written, with each provider's issuer. One that is not configured is an issue (`cross-checks.ts`). */
export function approvalsConfig(written: Written, providers: readonly OidcProvider[]): ApprovalsConfig {
  const issuerOf = (provider: string) => ({
    provider,
    issuer: providers.find(({ name }) => name === provider)?.issuer ?? "",
  });
  const callbacks = written.callbacks.map((callback): CallbackSettings => {
    const { name, secret, form } = callback;
    if (form === "generic") {
      return { name, secret, form, groups: callback.groups, ...issuerOf(callback.provider) };
    }
    const people = Object.entries(callback.people).map(
      ([id, { provider, ...who }]) => [id, { ...who, ...issuerOf(provider) }] as const,
    );
    return { name, secret, form, people: new Map(people) };
  });
  return { ...written, url: written.url, callbacks };
}
