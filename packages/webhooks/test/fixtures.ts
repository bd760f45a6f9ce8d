import { Secret, type SecretReference, type WebhookSettings, webhookEvents } from "@gatehouse/core";
import { createSecrets } from "@gatehouse/credentials";
import { createFakeClock, createMemoryLog } from "@gatehouse/testkit";
import type { Test } from "tap";
import { Webhooks, type WebhooksOptions } from "../src/index.ts";
import { START } from "./samples.ts";

export const KEY = "a key of more than sixteen bytes";

export const secrets = createSecrets({ vault: () => undefined });

export function literal(text: string): SecretReference {
  return { from: "literal", secret: new Secret(text) };
}

export function hook(url: string, changed: Partial<WebhookSettings> = {}): WebhookSettings {
  return {
    name: "pager",
    url: literal(url),
    plaintext: true,
    body: "generic",
    events: webhookEvents,
    ...changed,
  };
}

/** Webhooks with a clock that stands still, and chance that is always the same. */
export function webhooksFor(
  t: Test,
  hooks: readonly WebhookSettings[],
  options: Partial<Pick<WebhooksOptions, "deadline" | "random" | "url">> = {},
) {
  const clock = createFakeClock(START);
  const log = createMemoryLog();
  const set = { hooks };
  const webhooks = new Webhooks({
    secrets,
    hooks: () => set.hooks,
    url: () => "https://gatehouse.example.com",
    random: () => 0.5,
    clock,
    log,
    ...options,
  });
  // Its requests end when the receivers do.
  t.teardown(() => void webhooks.close());
  return { webhooks, clock, log, set };
}
