import type { Approval } from "@gatehouse/core";
import t from "tap";
import { reportOf } from "../src/report.ts";
import { slackBody } from "../src/slack-body.ts";
import { approval, brokenGlass, requested, START, VALUE } from "./samples.ts";

const URL = "https://gatehouse.example.com";

/** All texts of a body, wherever they stand. */
function texts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(texts) : [];
}

const slack = (changed: Partial<Approval> = {}) => slackBody(reportOf(requested(changed), URL));

t.test("the generic body of one that was asked for", async (t) => {
  t.same(reportOf(requested({ reason: "ticket 7" }), URL), {
    version: 1,
    id: "apr_0123456789ABCDEF.requested",
    event: "requested",
    at: "2026-11-21T12:00:00.000Z",
    approval: {
      id: "apr_0123456789ABCDEF",
      state: "pending",
      requester: { subject: "ann", kind: "human" },
      session: "ses_0123456789ABCDEF",
      protocol: "postgres",
      target: "orders",
      level: "writer",
      command: {
        verbs: ["DELETE"],
        access: "write",
        resources: ["public.customers"],
        outline: "DELETE FROM customers WHERE email = $1",
      },
      reason: "ticket 7",
      rules: [{ policy: "orders", rule: "deletes", approvers: [{ groups: ["dba"], count: 1 }], reasons: [] }],
      requestedAt: "2026-11-21T12:00:00.000Z",
      expiresAt: "2026-11-21T12:15:00.000Z",
      answers: [],
      url: "https://gatehouse.example.com/approvals/apr_0123456789ABCDEF",
    },
  });
});

t.test("the generic body of one that was denied, and of one that is void", async (t) => {
  const proof = { method: "oidc", provider: "corp", issuer: "https://idp.example.com" } as const;
  const by = { subject: "dana", kind: "human", groups: ["dba"], proof } as const;
  const denied = approval({ state: "denied", answers: [{ by, answer: "deny", reason: "no", at: START }] });
  t.match(reportOf({ event: "denied", approval: denied }, undefined), {
    approval: { answers: [{ by: "dana", answer: "deny", reason: "no", at: "2026-11-21T12:00:00.000Z" }] },
  });
  const gone = approval({ state: "void", why: "client_gone" });
  const report = reportOf({ event: "void", approval: gone }, undefined);
  t.match(report, { id: "apr_0123456789ABCDEF.void", approval: { state: "void", why: "client_gone" } });
  t.notOk("approval" in report && "url" in report.approval);
});

t.test("the generic body of broken glass", async (t) => {
  t.same(reportOf(brokenGlass, URL), {
    version: 1,
    id: "ref_0123456789ABCDEF.break-glass",
    event: "break-glass",
    at: "2026-11-21T12:00:00.000Z",
    breakGlass: {
      reference: "ref_0123456789ABCDEF",
      requester: { subject: "crew-analyst", kind: "workload" },
      session: "ses_1",
      protocol: "postgres",
      target: "orders",
      level: "reader",
      command: {
        verbs: ["DELETE"],
        access: "write",
        resources: ["public.customers"],
        outline: "DELETE FROM customers WHERE email = $1",
      },
      rules: [{ policy: "orders", rule: "deletes" }],
    },
  });
});

t.test("no body has a value of the command, a token's id or a place on the gateway's disk", async (t) => {
  const { outline: _, ...withheld } = approval().command;
  for (const event of [requested(), requested({ command: withheld }), brokenGlass]) {
    const report = reportOf(event, URL);
    for (const body of [report, slackBody(report)]) {
      const text = JSON.stringify(body);
      for (const secret of [VALUE, "token-7", "orders.yaml", "10.1.2.3"]) t.notMatch(text, secret);
    }
  }
});

t.test("where values can't be told apart, the text is left out, and that is said", async (t) => {
  const { outline: _, ...command } = approval().command;
  const report = reportOf(requested({ command }), URL);
  t.match(report, { approval: { command: { outline: null, verbs: ["DELETE"] } } });
  t.ok(texts(slackBody(report)).some((text) => /can't be shown here without its values/.test(text)));
});

t.test("what is long is cut, in every place that a client can grow", async (t) => {
  const long = "x".repeat(1_000_000);
  const proof = { method: "oidc", provider: "corp", issuer: "https://idp.example.com" } as const;
  const by = { subject: long, kind: "human", groups: [], proof } as const;
  const event = requested({
    reason: long,
    requester: { ...approval().requester, subject: long },
    command: {
      ...approval().command,
      outline: long,
      verbs: Array.from({ length: 10_000 }, () => "SELECT"),
      resources: Array.from({ length: 10_000 }, () => long),
    },
    answers: Array.from(
      { length: 10_000 },
      () => ({ by, answer: "approve", reason: "x", at: START }) as const,
    ),
  });
  const report = reportOf(event, URL);
  t.ok(JSON.stringify(report).length < 64 * 1024);
  t.match(report, { approval: { command: { outline: /^x{3999}…$/ } } });
  const text = JSON.stringify(slackBody(report));
  t.ok(text.length < 40_000);
});

t.test("Slack's message has the same in words, buttons that name the approval, and a link", async (t) => {
  const body = slack();
  t.match(body, {
    text: "A command waits for a person: ann, DELETE public.customers on orders",
    blocks: [
      { type: "header" },
      { type: "section", fields: Array },
      { type: "section", text: { text: "```DELETE FROM customers WHERE email = $1```" } },
      {
        type: "actions",
        elements: [
          { type: "button", action_id: "approve", value: "apr_0123456789ABCDEF" },
          { type: "button", action_id: "deny", value: "apr_0123456789ABCDEF" },
        ],
      },
      {
        type: "context",
        elements: [{ text: /^<https:\/\/gatehouse\.example\.com\/approvals\/apr_\w+\|apr_\w+>$/ }],
      },
    ],
  });
  const said = texts(body);
  for (const part of ["ann", "orders, level writer", "1 of dba", "2026-11-21T12:15:00.000Z", "deletes"]) {
    t.ok(
      said.some((text) => text.includes(`\`${part}\``)),
      part,
    );
  }
});

t.test("where a rule asks for the approver's reason, Slack asks for it", async (t) => {
  const [hold] = approval().holds;
  const body = slack({ holds: [{ ...hold, reasons: ["approver"] }] });
  t.match(
    (body as { blocks: { type: string }[] }).blocks.filter(({ type }) => type === "input"),
    [{ block_id: "reason", element: { type: "plain_text_input", action_id: "reason" } }],
  );
  t.notMatch(JSON.stringify(slack()), /"input"/);
});

t.test("what can't be answered any more has no buttons", async (t) => {
  for (const event of ["approved", "denied", "expired", "void"] as const) {
    const body = slackBody(reportOf({ event, approval: approval() }, URL));
    t.notMatch(JSON.stringify(body), "actions", event);
  }
  t.notMatch(JSON.stringify(slackBody(reportOf(brokenGlass, URL))), "actions");
});

t.test("nothing that a requester writes is more than text in Slack", async (t) => {
  const attack = "<!channel> <https://evil.example.com|Approved> & `*x*` ```\n*done*\u202e\u200b\u0007";
  const body = slack({
    reason: attack,
    requester: { ...approval().requester, subject: attack },
    command: { ...approval().command, outline: attack, resources: [attack], verbs: [attack] },
  });
  const [first, ...others] = (body as { blocks: unknown[] }).blocks;
  t.ok(first);
  for (const text of texts({ ...body, blocks: others.slice(0, -1) })) {
    t.notMatch(text, /<[^>]*>/, "no mention and no link");
    for (const unseen of ["\u202e", "\u200b", "\u0007"]) t.notOk(text.includes(unseen), "nothing unseen");
    t.notMatch(text.replace(/^(?:\*[^*]+\*\n)?`+|`+$/g, ""), /`/, "no way out of the code");
  }
  t.ok(texts(body).some((text) => text.includes("&lt;!channel&gt;") && text.includes("\\u{202e}")));
});

t.test("a cut text ends in a whole character and no part of an entity", async (t) => {
  for (const sign of ["&", "<", "🗝", "a"]) {
    for (const shift of [0, 1, 2, 3, 4]) {
      const outline = "a".repeat(shift) + sign.repeat(3900 / sign.length);
      const [, , block] = (slack({ command: { ...approval().command, outline } }) as { blocks: unknown[] })
        .blocks;
      const text = (block as { text: { text: string } }).text.text;
      t.ok(text.length <= 3000);
      t.match(text, /^```(?:a|🗝|&amp;|&lt;)+…```$/u);
    }
  }
});

t.test("a request to be let in is told of as one, and names no session", async (t) => {
  const text = "access to orders as writer for 30m";
  const { session, command } = approval();
  const asked = { ...command, kind: "access", verbs: ["ACCESS"], resources: [], text, outline: text };
  const body = slack({ command: asked, session: { ...session, id: "" } });
  t.match(body, { text: `Somebody asks to be let in: ann, ${text} on orders` });
  t.notMatch(texts(body).join("\n"), /\*Session\*/);
});
