/**
 * The JSON of the API's answers: for the OpenAPI document, and for whoever reads them. Times are ISO 8601 in UTC;
 * lengths of time are seconds. A reader passes over members that it does not know.
 */
import { z } from "zod";

const kind = z.enum(["human", "workload"]);
const time = z.string().meta({ format: "date-time" });
const seconds = z.number().min(0);
const names = z.array(z.string());
const count = z.int().min(0);

const proof = z.object({
  method: z.enum(["oidc", "callback", "ssh-key", "ssh-certificate"]),
  provider: z.string().describe("The provider's or callback's name in the config."),
  issuer: z.string(),
  tokenId: z.string().exactOptional().describe("The `jti` of the token. Never the token."),
  key: z.string().exactOptional().describe("The fingerprint of the key that was proved."),
  serial: z.string().exactOptional().describe("Of the certificate, in decimal."),
});

const person = z.object({ subject: z.string(), kind, groups: names, proof });

const rule = z.object({
  policy: z.string(),
  rule: z.string(),
  source: z.string().describe("`file:line` of the rule."),
});

const approvers = z
  .object({
    groups: names.exactOptional(),
    subjects: names.exactOptional(),
    kinds: z.array(kind).exactOptional(),
    count: z.int().min(1),
  })
  .describe("Who may say yes, and how many of them have to. Whoever does is on every list that is there.");

const hold = z.object({
  rule,
  approvers: z.array(approvers).min(1).describe("Each of them has to be met, by people of its own."),
  expires: seconds.describe("Seconds from the asking on in which it can be answered."),
  reasons: z.array(z.enum(["requester", "approver"])).describe("Who has to say why."),
  scope: z
    .object({
      same: z.enum(["command", "shape"]),
      for: z.union([z.enum(["once", "session"]), seconds]).describe("A number is seconds."),
    })
    .describe(
      "What one yes is good for: the same command or one that differs in values alone, and for how long.",
    ),
  unanswered: z.enum(["refuse", "mask"]).describe("When nobody answers: refused, or let through with masks."),
  message: z.string().exactOptional(),
});

const answer = z.object({
  by: person,
  answer: z.enum(["approve", "deny"]),
  reason: z.string().exactOptional(),
  at: time,
});

const session = z.object({
  id: z.string().describe("Empty where there is none: access that was asked for beforehand."),
  openedAt: time,
  client: z.string().describe("Where it comes from: `host:port`, or `unix:` and a path."),
  application: z.string().describe("What the client calls itself."),
  commands: count.describe("All that it has asked for before."),
  refused: count.describe("What of that was refused."),
  recent: z
    .array(
      z.object({
        at: time,
        effect: z.enum(["allow", "block", "hold"]),
        verbs: names,
        resources: names,
      }),
    )
    .describe("The last ones, the newest last."),
});

const command = z.object({
  kind: z.string(),
  verbs: names,
  access: z.enum(["read", "write", "ddl", "admin", "unknown"]),
  resources: names,
  functions: names,
  text: z.string().nullable().describe("Null where it is withheld."),
  parameters: z.array(z.string().nullable()).nullable().describe("Null where they are withheld."),
  runs: names.nullable().describe("The texts of what it runs by name. Null where they are withheld."),
  outline: z.string().exactOptional().describe("The text without the values that stand in it."),
  touches: names
    .nullable()
    .describe("What is stored that its values may be about; null where that can't be told."),
  cut: z.boolean().describe("More than is shown here; the approval by itself has it all."),
});

const surroundings = z.object({
  transaction: z
    .object({
      since: time,
      failed: z.boolean(),
      locks: z.array(z.object({ on: z.string(), mode: z.string() })),
    })
    .exactOptional()
    .describe("It keeps what it has locked for as long as the command waits."),
  rows: z.number().min(0).exactOptional().describe("How many the target expects it to be about."),
});

const delivery = z.object({
  webhook: z.string(),
  event: z.string(),
  state: z.enum(["waiting", "delivered", "given up"]),
  attempts: count,
  last: z.string().exactOptional().describe("Of the last attempt: a status, or why there was none."),
  next: time.exactOptional(),
});

export const stateSchema = z.enum(["pending", "approved", "denied", "expired", "void", "spent"]);

export const approvalSchema = z.object({
  id: z.string(),
  state: stateSchema,
  requestedAt: time,
  expiresAt: time,
  changedAt: time.describe("When it came to the state it is in."),
  requester: person,
  session,
  protocol: z.string(),
  target: z.string(),
  level: z.string(),
  command,
  withheld: z
    .boolean()
    .describe("Masks may hide the command's values from whoever asks: there is no more than its outline."),
  digest: z.string().describe("SHA-256 over all that makes it this command of this session, in hex."),
  detached: z
    .boolean()
    .describe("It waits on no connection: approved, it runs when its client sends it again, unchanged."),
  policyVersion: z.string(),
  holds: z.array(hold).min(1),
  reason: z.string().exactOptional().describe("Why, in the requester's own words."),
  answers: z.array(answer),
  missing: z
    .array(z.object({ rule, approvers, given: count.describe("How many of them have said yes.") }))
    .describe("What is still needed."),
  unanswerable: z.string().exactOptional().describe("The code of why whoever asks can't answer it now."),
  alike: count.describe("Other commands that wait for the same yes."),
  surroundings,
  why: z
    .enum([
      "client_gone",
      "canceled",
      "overtaken",
      "session_ended",
      "changed",
      "policy_changed",
      "not_recorded",
      "unused",
      "gateway_restarted",
    ])
    .exactOptional()
    .describe("Of a void one."),
  outcome: z
    .enum(["done", "failed", "in_doubt"])
    .exactOptional()
    .describe("Of a spent one. `in_doubt` where nobody can tell: it is never run again."),
  reused: count.describe("Commands that a yes to it has let through beside its own."),
  deliveries: z.array(delivery),
});

export const pageSchema = z.object({
  approvals: z.array(approvalSchema),
  next: z
    .string()
    .exactOptional()
    .describe(
      "There may be older ones: ask with this as `before`. A page can be short, or empty, all the same.",
    ),
});

export const grantSchema = z.object({
  id: z.string(),
  holder: person,
  target: z.string(),
  level: z.string(),
  from: time,
  until: time.describe("When its time is over, be it taken back before or not."),
  approval: z.string().describe("The approval that it rests on."),
  by: z.array(person).describe("Who said yes."),
  reason: z.string().exactOptional().describe("Why, in the holder's own words."),
  revoked: z
    .object({ by: person, at: time, reason: z.string().exactOptional() })
    .exactOptional()
    .describe("By whom it was taken back."),
});

export const grantsSchema = z.object({ grants: z.array(grantSchema) });

export const callbackSchema = z.object({ approval: z.string(), state: stateSchema });

export const sshSchema = z.object({
  authority: z
    .string()
    .describe("The public key that users' certificates are signed with, as a `.pub` file has it."),
  hostKeys: z
    .array(z.string())
    .describe("What the gateway shows to SSH clients, each as a line of known_hosts without its host."),
  port: z
    .int()
    .min(1)
    .max(65_535)
    .exactOptional()
    .describe("Where it listens for SSH; absent where it does not."),
});

export const certificateSchema = z.object({
  certificate: z.string().describe("As a `-cert.pub` file has it."),
  keyId: z.string(),
  principals: names,
  serial: z.string().describe("In decimal: the audit log has it with every session."),
  validBefore: time,
  authority: z.string().describe("The public key that signed it, as a `.pub` file has it."),
});

export const errorSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    hint: z.string().exactOptional(),
    reference: z.string().exactOptional().describe("What the gateway's log calls it."),
  }),
});

/** One approval, as JSON has it. */
export type ApprovalBody = z.infer<typeof approvalSchema>;
export type GrantBody = z.infer<typeof grantSchema>;
export type GrantsBody = z.infer<typeof grantsSchema>;
export type SshBody = z.infer<typeof sshSchema>;
export type CertificateBody = z.infer<typeof certificateSchema>;
export type PageBody = z.infer<typeof pageSchema>;
export type ErrorBody = z.infer<typeof errorSchema>;
