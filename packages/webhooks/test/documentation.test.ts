import { readFileSync } from "node:fs";
import { Secret, webhookEvents } from "@gatehouse/core";
import { createFakeClock, createMemoryLog } from "@gatehouse/testkit";
import t from "tap";
import { Callbacks } from "../src/index.ts";
import { reportOf } from "../src/report.ts";
import { headerOf, signatureOf } from "../src/signature.ts";
import { KEY, literal, secrets } from "./fixtures.ts";
import { approval, START } from "./samples.ts";

const page = readFileSync(new URL("../../../docs/webhooks.md", import.meta.url), "utf8");
const [body = "", callback = ""] = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, text = ""]) => text);

t.test("the generic body of the documentation is the one that is sent", async (t) => {
  const [hold] = approval().holds;
  const proof = { method: "oidc", provider: "corp", issuer: "https://idp.example.com" } as const;
  const by = { subject: "dana", kind: "human", groups: ["dba"], proof } as const;
  const denied = approval({
    state: "denied",
    reason: "ticket 7",
    holds: [{ ...hold, reasons: ["approver"], message: "Ask the DBAs on call first." }],
    answers: [{ by, answer: "deny", reason: "too many rows", at: START }],
  });
  t.same(JSON.parse(body), reportOf({ event: "denied", approval: denied }, "https://gatehouse.example.com"));
});

t.test("the callback of the documentation is taken", async (t) => {
  const corp = { provider: "corp", issuer: "https://idp.example.com" };
  const callbacks = new Callbacks({
    secrets,
    callbacks: () => [{ name: "chatops", secret: literal(KEY), form: "generic", groups: ["dba"], ...corp }],
    clock: createFakeClock(START),
    log: createMemoryLog(),
  });
  const timestamp = String(START / 1000);
  const headers = {
    "x-gatehouse-timestamp": timestamp,
    "x-gatehouse-signature": headerOf("v1", signatureOf(new Secret(KEY), "v1", timestamp, callback)),
  };
  const {
    approval: id,
    answer,
    reason,
    by,
  } = await callbacks.verify("chatops", headers, Buffer.from(callback));
  t.match(
    { ...JSON.parse(callback) },
    { approval: id, answer, reason, by: by.subject, groups: [...by.groups] },
  );
});

t.test("the documentation's table has every event", async (t) => {
  const [, table = ""] = /## What is told\n(.*?)\n## /s.exec(page) ?? [];
  t.same(
    [...table.matchAll(/^\| `([a-z-]+)`/gm)].map(([, name]) => name),
    webhookEvents,
  );
});
