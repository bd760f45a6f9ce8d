import type { SecretReference } from "./secret.ts";

/** What webhooks can be told of. `break-glass` is no approval's: nothing waited. */
export const webhookEvents = ["requested", "approved", "denied", "expired", "void", "break-glass"] as const;

export type WebhookEventName = (typeof webhookEvents)[number];

/** Somebody else's system that is told what becomes of approvals. */
export interface WebhookSettings {
  readonly name: string;
  /** Such URLs hold what lets anybody post: a secret. */
  readonly url: SecretReference;
  /** http:// is taken too, where it leads to loopback: in development alone. */
  readonly plaintext: boolean;
  /** What its requests are signed with; unsigned where there is none. */
  readonly secret?: SecretReference;
  readonly body: "generic" | "slack";
  readonly events: readonly WebhookEventName[];
  /** The path of a CA bundle, where its certificate is not from a public authority. */
  readonly ca?: string;
}

/** Where a callback's people come from: the configured provider's name, and its `iss`. */
export interface CallbackIssuer {
  readonly provider: string;
  readonly issuer: string;
}

/** Whom somebody else's user is here. */
export interface CallbackPerson extends CallbackIssuer {
  readonly subject: string;
  readonly groups: readonly string[];
}

/** Somebody else's system that brings people's answers, and for whom it may speak. */
export type CallbackSettings = {
  readonly name: string;
  /** What its requests are signed with. */
  readonly secret: SecretReference;
} & (
  | ({
      readonly form: "generic";
      /** It may say of anybody that they are in these, and in no others. */
      readonly groups: readonly string[];
    } & CallbackIssuer)
  | {
      readonly form: "slack";
      /** By the id that Slack has for them. */
      readonly people: ReadonlyMap<string, CallbackPerson>;
    }
);
