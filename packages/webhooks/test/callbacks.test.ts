import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CallbackSettings, GatehouseError, Secret } from "@gatehouse/core";
import { createFakeClock, createMemoryLog } from "@gatehouse/testkit";
import t from "tap";
import { type CallbackHeaders, Callbacks } from "../src/index.ts";
import { reportOf } from "../src/report.ts";
import { headerOf, type SignatureVersion, signatureOf } from "../src/signature.ts";
import { KEY, literal, secrets } from "./fixtures.ts";
import { requested, START } from "./samples.ts";

const SLACK_KEY = "8f742231b10e8888abcd99yyyzzz85a5";
const ID = "apr_0123456789ABCDEF";
const corp = { provider: "corp", issuer: "https://idp.example.com" };

const settings: readonly CallbackSettings[] = [
  { name: "chatops", secret: literal(KEY), form: "generic", groups: ["dba", "leads"], ...corp },
  {
    name: "slack",
    secret: literal(SLACK_KEY),
    form: "slack",
    people: new Map([["U024BE7LH", { subject: "dana", groups: ["dba"], ...corp }]]),
  },
];

function callbacks(configured: readonly CallbackSettings[] = settings) {
  const clock = createFakeClock(START);
  const log = createMemoryLog();
  return { clock, log, callbacks: new Callbacks({ callbacks: () => configured, secrets, clock, log }) };
}

interface Signing {
  readonly key?: string;
  readonly version?: SignatureVersion;
  readonly at?: number;
}

function signed(body: string | Buffer, { key = KEY, version = "v1", at = START }: Signing = {}) {
  const stamp = String(Math.floor(at / 1000));
  const signature = headerOf(version, signatureOf(new Secret(key), version, stamp, body));
  const headers: CallbackHeaders =
    version === "v1"
      ? { "x-gatehouse-timestamp": stamp, "x-gatehouse-signature": signature }
      : { "x-slack-request-timestamp": stamp, "x-slack-signature": signature };
  return { headers, body: Buffer.from(body) };
}

const generic = (changed: object = {}) =>
  JSON.stringify({ approval: ID, answer: "approve", by: "dana", ...changed });

const slack = (changed: object = {}) =>
  new URLSearchParams({
    payload: JSON.stringify({
      type: "block_actions",
      team: { id: "T0" },
      user: { id: "U024BE7LH", name: "somebody" },
      actions: [{ type: "button", action_id: "deny", value: ID, block_id: "x" }],
      ...changed,
    }),
  }).toString();

const bySlack: Signing = { key: SLACK_KEY, version: "v0" };

/** The code that a callback was refused with, or what it said. */
async function outcome(to: Callbacks, name: string, { headers, body }: ReturnType<typeof signed>) {
  try {
    return await to.verify(name, headers, body);
  } catch (error) {
    if (error instanceof GatehouseError) return error.code;
    throw error;
  }
}

t.test("a signed answer is taken, for a person of the callback's provider and in its groups", async (t) => {
  const { headers, body } = signed(generic({ reason: "ticket 7" }));
  t.same(await callbacks().callbacks.verify("chatops", headers, body), {
    approval: ID,
    answer: "approve",
    reason: "ticket 7",
    by: {
      subject: "dana",
      groups: ["dba", "leads"],
      kind: "human",
      proof: { method: "callback", provider: "chatops", issuer: "https://idp.example.com" },
    },
  });
});

t.test("groups that a body names are taken where the config gives them, and no others", async (t) => {
  for (const [groups, taken] of [
    [["dba"], ["dba"]],
    [["dba", "admins", "DBA", "dba "], ["dba"]],
    [["admins"], []],
    [[], []],
  ]) {
    const said = await outcome(callbacks().callbacks, "chatops", signed(generic({ groups })));
    t.match(said, { by: { groups: taken } });
    t.same(typeof said === "string" ? said : said.by.groups, taken);
  }
});

t.test("Slack's answer is that of the person whom the config names", async (t) => {
  const state = { values: { reason: { reason: { type: "plain_text_input", value: "too many rows" } } } };
  const { headers, body } = signed(slack({ state }), bySlack);
  t.same(await callbacks().callbacks.verify("slack", headers, body), {
    approval: ID,
    answer: "deny",
    reason: "too many rows",
    by: {
      subject: "dana",
      groups: ["dba"],
      kind: "human",
      proof: { method: "callback", provider: "slack", issuer: "https://idp.example.com" },
    },
  });
  const empty = { values: { reason: { reason: { type: "plain_text_input", value: null } } } };
  const without = await outcome(callbacks().callbacks, "slack", signed(slack({ state: empty }), bySlack));
  t.notOk(typeof without === "string" || "reason" in without);
});

t.test("what was not signed so is refused", async (t) => {
  const good = signed(generic());
  const time = good.headers["x-gatehouse-timestamp"];
  const signature = good.headers["x-gatehouse-signature"];
  const both = (timestamp: unknown, its: unknown) =>
    ({ "x-gatehouse-timestamp": timestamp, "x-gatehouse-signature": its }) as CallbackHeaders;
  const later = String(Number(time) + 1);
  for (const [why, headers, body] of [
    ["no headers", {}, good.body],
    ["no time", both(undefined, signature), good.body],
    ["no signature", both(time, undefined), good.body],
    ["another time", both(later, signature), good.body],
    ["a time with a sign", both(`+${String(time)}`, signature), good.body],
    ["a time with zeros", both(`0${String(time)}`, signature), good.body],
    ["a time that came twice", both([time, time], signature), good.body],
    ["a signature that came twice", both(time, [signature]), good.body],
    ["a signature in capitals", both(time, String(signature).toUpperCase()), good.body],
    ["another body", good.headers, Buffer.from(generic({ answer: "deny" }))],
    ["one blank more", good.headers, Buffer.concat([good.body, Buffer.from(" ")])],
    ["no body", good.headers, Buffer.alloc(0)],
    ["another key", signed(generic(), { key: `${KEY}!` }).headers, good.body],
    ["Slack's signature", signed(generic(), { version: "v0" }).headers, good.body],
  ] as const) {
    t.equal(await outcome(callbacks().callbacks, "chatops", { headers, body }), "CALLBACK_REFUSED", why);
  }
  const slacks = signed(slack(), bySlack);
  t.equal(await outcome(callbacks().callbacks, "chatops", slacks), "CALLBACK_REFUSED");
  t.equal(await outcome(callbacks().callbacks, "slack", good), "CALLBACK_REFUSED");
});

t.test("a time without digits is not signed either", async (t) => {
  const body = Buffer.from(generic());
  const headers = {
    "x-gatehouse-timestamp": "",
    "x-gatehouse-signature": headerOf("v1", signatureOf(new Secret(KEY), "v1", "", body)),
  };
  t.equal(await outcome(callbacks().callbacks, "chatops", { headers, body }), "CALLBACK_REFUSED");
});

t.test("what was signed more than five minutes away is stale, either way", async (t) => {
  for (const [away, taken] of [
    [-300_000, true],
    [-301_000, false],
    [300_000, true],
    [301_000, false],
    [-START, false],
  ] as const) {
    const said = await outcome(callbacks().callbacks, "chatops", signed(generic(), { at: START + away }));
    t.equal(typeof said === "string" ? said : "taken", taken ? "taken" : "CALLBACK_STALE", String(away));
  }
});

t.test("a callback is taken once: until it is stale it is a replay, and then it is stale", async (t) => {
  const { callbacks: to, clock } = callbacks();
  const ahead = signed(generic(), { at: START + 300_000 });
  t.type(await outcome(to, "chatops", ahead), "object");
  for (let minute = 0; minute <= 10; minute++) {
    t.equal(await outcome(to, "chatops", ahead), "CALLBACK_REPLAYED");
    clock.advance(60_000);
  }
  t.equal(await outcome(to, "chatops", ahead), "CALLBACK_STALE");
});

t.test("a replay that comes at the same moment is one", async (t) => {
  const { callbacks: to } = callbacks();
  const message = signed(generic());
  const said = await Promise.all([0, 1, 2].map(() => outcome(to, "chatops", message)));
  t.equal(said.filter((one) => one === "CALLBACK_REPLAYED").length, 2);
});

t.test("of a name that nobody has it is not told that nobody has it", async (t) => {
  for (const configured of [settings, []]) {
    const { callbacks: to } = callbacks(configured);
    const { headers, body } = signed(generic());
    const error = await to.verify("nobody", headers, body).catch((thrown: unknown) => thrown);
    const forged = await callbacks()
      .callbacks.verify("chatops", headers, Buffer.from("{}"))
      .catch((thrown: unknown) => thrown);
    t.match(error, { code: "CALLBACK_REFUSED" });
    t.equal(String(error), String(forged));
  }
});

t.test("who is not among the config's people is refused, whatever their id", async (t) => {
  for (const id of ["U0000000", "", "__proto__", "constructor", "u024be7lh", "U024BE7LH "]) {
    const said = await outcome(callbacks().callbacks, "slack", signed(slack({ user: { id } }), bySlack));
    t.equal(said, "CALLBACK_REFUSED", JSON.stringify(id));
  }
});

t.test("a signed body that is no answer is refused", async (t) => {
  const body = generic();
  for (const bad of [
    "",
    "null",
    "[]",
    "approve",
    body.slice(0, -1),
    `${body}${body}`,
    generic({ approval: "apr_1" }),
    generic({ approval: `${ID}\n` }),
    generic({ approval: "ses_0123456789ABCDEF" }),
    generic({ approval: { id: ID } }),
    generic({ answer: "approved" }),
    generic({ answer: ["approve"] }),
    generic({ by: "" }),
    generic({ by: "dana\u202e" }),
    generic({ by: "d".repeat(257) }),
    generic({ by: { subject: "dana" } }),
    generic({ groups: "dba" }),
    generic({ groups: Array.from({ length: 501 }, () => "dba") }),
    generic({ groups: [7] }),
    generic({ reason: 7 }),
    generic({ kind: "workload" }),
    generic({ issuer: "https://other.example.com" }),
    Buffer.concat([Buffer.from(body.slice(0, -1)), Buffer.from([0xff, 0x7d])]),
    "[".repeat(60_000),
    // What the gateway itself sends is no answer, even where the same key signs both.
    JSON.stringify(reportOf(requested(), undefined)),
  ]) {
    t.equal(
      await outcome(callbacks().callbacks, "chatops", signed(bad)),
      "CALLBACK_REFUSED",
      String(bad).slice(0, 80),
    );
  }
});

t.test("a signed payload of Slack's that is no answer is refused", async (t) => {
  const action = { action_id: "approve", value: ID };
  for (const bad of [
    "",
    "payload=",
    "payload={}",
    `${slack()}&${slack()}`,
    slack().replace("payload", "Payload"),
    generic(),
    slack({ type: "view_submission" }),
    slack({ actions: [] }),
    slack({ actions: [action, action] }),
    slack({ actions: [{ ...action, action_id: "open" }] }),
    slack({ actions: [{ ...action, value: "apr_1" }] }),
    slack({ user: null }),
    slack({ user: { id: ["U024BE7LH"] } }),
    slack({ state: { values: { reason: { reason: { value: 7 } } } } }),
  ]) {
    t.equal(
      await outcome(callbacks().callbacks, "slack", signed(bad, bySlack)),
      "CALLBACK_REFUSED",
      bad.slice(0, 80),
    );
  }
});

t.test("a body of 64 KiB is read, and no larger one", async (t) => {
  const room = 64 * 1024 - generic({ reason: "" }).length;
  const fits = signed(generic({ reason: "x".repeat(room) }));
  t.type(await outcome(callbacks().callbacks, "chatops", fits), "object");
  const larger = signed(generic({ reason: "x".repeat(room + 1) }));
  t.equal(await outcome(callbacks().callbacks, "chatops", larger), "CALLBACK_REFUSED");
});

t.test("the key is the one that is there now; without one nothing holds, and the log says why", async (t) => {
  const path = join(t.testdir(), "key");
  const [first] = settings;
  if (first === undefined) throw new Error("there is one");
  const { callbacks: to, log } = callbacks([{ ...first, secret: { from: "file", path } }]);
  t.equal(await outcome(to, "chatops", signed(generic())), "CALLBACK_REFUSED");
  t.match(log.entries, [{ level: "error", fields: { callback: "chatops", error: /does not exist/ } }]);
  writeFileSync(path, KEY);
  t.type(await outcome(to, "chatops", signed(generic())), "object");
  writeFileSync(path, "short");
  t.equal(await outcome(to, "chatops", signed(generic({ by: "d" }), { key: "short" })), "CALLBACK_REFUSED");
  rmSync(path);
  writeFileSync(path, `${KEY}, another`);
  t.equal(await outcome(to, "chatops", signed(generic({ by: "e" }))), "CALLBACK_REFUSED");
  t.type(await outcome(to, "chatops", signed(generic({ by: "e" }), { key: `${KEY}, another` })), "object");
});

/** Whole numbers below a bound, the same for the same seed. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

t.test("bytes of any kind are refused with a code, and never more than that", async (t) => {
  const { callbacks: to } = callbacks();
  const bodies = [generic({ groups: ["dba"], reason: "x" }), slack()].map((text) => Buffer.from(text));
  const next = numbersFrom(7);
  for (let round = 0; round < 2000; round++) {
    const form = round % 2;
    const body = Buffer.from(bodies[form] ?? "");
    for (let change = 0; change <= round % 4; change++) body[next(body.length)] = next(256);
    const message = signed(body, { ...(form === 1 ? bySlack : {}), at: START + (round % 300) * 1000 });
    const said = await outcome(to, form === 1 ? "slack" : "chatops", message);
    if (typeof said === "string") t.match(said, /^CALLBACK_(REFUSED|REPLAYED)$/);
    else {
      t.match(said.approval, /^apr_[0-9A-Z]{16}$/);
      t.ok(said.by.groups.every((group) => group === "dba" || group === "leads"));
      t.match(said.by.proof, { method: "callback", issuer: corp.issuer });
    }
  }
});
