import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Secret } from "@gatehouse/core";
import { freePort } from "@gatehouse/testkit";
import t, { type Test } from "tap";
import { headerOf, signatureOf } from "../src/signature.ts";
import { hook, KEY, literal, webhooksFor } from "./fixtures.ts";
import { hangs, type Received, type Receiver, startReceiver, statuses } from "./receiver.ts";
import { approval, brokenGlass, START } from "./samples.ts";

const ID = approval().id;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** The one request that came. */
function only(t: Test, { received }: Receiver): Received {
  const [first] = received;
  if (first === undefined || received.length > 1)
    throw new Error(`${received.length} requests came, not one`);
  t.pass("one request came");
  return first;
}

t.test("an event is told over TLS, signed, under a key that is the approval's and the event's", async (t) => {
  const receiver = await startReceiver(t, statuses(200), { secure: true });
  const settings = hook(receiver.url, { ca: receiver.ca, secret: literal(KEY), plaintext: false });
  const { webhooks } = webhooksFor(t, [settings]);
  webhooks.tell("requested", approval());
  await webhooks.sweep();
  const { headers, body, path } = only(t, receiver);
  t.equal(path, "/hook/T0-hunter2");
  t.match(headers, {
    "content-type": "application/json; charset=utf-8",
    "idempotency-key": `${ID}.requested`,
    "x-gatehouse-timestamp": String(START / 1000),
    "x-gatehouse-signature": headerOf("v1", signatureOf(new Secret(KEY), "v1", String(START / 1000), body)),
  });
  t.match(JSON.parse(body), { version: 1, event: "requested", approval: { id: ID, state: "pending" } });
  t.same(webhooks.deliveries(ID), [
    { webhook: "pager", event: "requested", state: "delivered", attempts: 1, last: "status 200" },
  ]);
});

t.test("each webhook is told of what it wants to know, and one without a secret is not signed", async (t) => {
  const all = await startReceiver(t, statuses(200));
  const some = await startReceiver(t, statuses(204));
  const { webhooks } = webhooksFor(t, [
    hook(all.url),
    hook(some.url, { name: "some", events: ["denied", "break-glass"] }),
  ]);
  webhooks.tell("requested", approval());
  webhooks.tell("denied", approval({ state: "denied" }));
  for (const event of ["answered", "spent", "outcome"] as const) webhooks.tell(event, approval());
  const { session, command, rules, reference } = brokenGlass;
  webhooks.tellOfBrokenGlass(session, command, rules, reference);
  await webhooks.sweep();
  t.same(
    some.received.map(({ headers }) => headers["idempotency-key"]),
    [`${ID}.denied`, "ref_0123456789ABCDEF.break-glass"],
  );
  t.equal(all.received.length, 3);
  t.notOk(all.received.some(({ headers }) => "x-gatehouse-signature" in headers));
  t.match(webhooks.deliveries(ID), [
    { webhook: "pager", event: "requested" },
    { webhook: "pager", event: "denied" },
    { webhook: "some", event: "denied" },
  ]);
});

t.test(
  "what failed is told again when it is time, under the same key and with a new signature",
  async (t) => {
    const receiver = await startReceiver(t, statuses(500, 200));
    const { webhooks, clock } = webhooksFor(t, [hook(receiver.url, { secret: literal(KEY) })]);
    webhooks.tell("requested", approval());
    await webhooks.sweep();
    const [{ next = 0 } = {}, ...others] = webhooks.deliveries(ID);
    t.equal(others.length, 0);
    t.match(webhooks.deliveries(ID), [
      { state: "waiting", attempts: 1, last: "status 500", next: START + 1500 },
    ]);
    clock.advance(next - START - 1);
    await webhooks.sweep();
    t.equal(receiver.received.length, 1, "not before its time");
    clock.advance(1);
    await webhooks.sweep();
    t.same(webhooks.deliveries(ID), [
      { webhook: "pager", event: "requested", state: "delivered", attempts: 2, last: "status 200" },
    ]);
    const [first, second] = receiver.received;
    t.equal(first?.body, second?.body);
    t.equal(first?.headers["idempotency-key"], second?.headers["idempotency-key"]);
    t.equal(second?.headers["x-gatehouse-timestamp"], String((START + 1000) / 1000));
    t.not(first?.headers["x-gatehouse-signature"], second?.headers["x-gatehouse-signature"]);
  },
);

t.test("a webhook that asks for time is given it, up to five minutes", async (t) => {
  for (const [after, wait] of [
    ["120", 120_000],
    ["86400", 5 * MINUTE],
    [new Date(START + 30_000).toUTCString(), 30_000],
    [new Date(START - 30_000).toUTCString(), 1500],
    ["0", 1500],
    ["soon", 1500],
  ] as const) {
    for (const status of [429, 503]) {
      const receiver = await startReceiver(t, statuses([status, { "retry-after": after }]));
      const { webhooks } = webhooksFor(t, [hook(receiver.url)]);
      webhooks.tell("requested", approval());
      await webhooks.sweep();
      t.match(webhooks.deliveries(ID), [{ state: "waiting", next: START + wait }], `${status} ${after}`);
    }
  }
});

t.test("a webhook that says no is not asked again", async (t) => {
  for (const status of [400, 401, 404, 410, 304]) {
    const receiver = await startReceiver(t, statuses(status));
    const { webhooks, clock, log } = webhooksFor(t, [hook(receiver.url)]);
    webhooks.tell("requested", approval());
    await webhooks.sweep();
    clock.advance(HOUR);
    await webhooks.sweep();
    only(t, receiver);
    t.match(webhooks.deliveries(ID), [{ state: "given up", attempts: 1, last: `status ${status}` }]);
    t.match(log.entries.at(-1), { level: "error", fields: { webhook: "pager", id: `${ID}.requested` } });
  }
});

t.test("no redirect is followed", async (t) => {
  const elsewhere = await startReceiver(t, statuses(200));
  for (const status of [301, 302, 307, 308]) {
    const receiver = await startReceiver(t, statuses([status, { location: elsewhere.url }]));
    const { webhooks } = webhooksFor(t, [hook(receiver.url)]);
    webhooks.tell("requested", approval());
    await webhooks.sweep();
    t.match(webhooks.deliveries(ID), [{ state: "given up", last: `status ${status}` }]);
  }
  t.equal(elsewhere.received.length, 0);
});

t.test("no proxy of the environment is asked", async (t) => {
  const proxy = await startReceiver(t, statuses(200));
  const names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "NODE_USE_ENV_PROXY"];
  const before = names.map((name) => [name, process.env[name]] as const);
  t.teardown(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  for (const name of names) process.env[name] = name === "NODE_USE_ENV_PROXY" ? "1" : proxy.url;
  const receiver = await startReceiver(t, statuses(200));
  const { webhooks } = webhooksFor(t, [hook(receiver.url)]);
  webhooks.tell("requested", approval());
  await webhooks.sweep();
  only(t, receiver);
  t.equal(proxy.received.length, 0);
});

t.test("waits grow from a second to five minutes, and after an hour it is given up", async (t) => {
  for (const [random, first, longest] of [
    [0, 1000, 150_000],
    [1, 2000, 300_000],
  ] as const) {
    const url = `http://127.0.0.1:${await freePort()}/`;
    const { webhooks, clock, log } = webhooksFor(t, [hook(url)], { random: () => random });
    webhooks.tell("requested", approval());
    await webhooks.sweep();
    const waits: number[] = [];
    for (;;) {
      const { next } = webhooks.deliveries(ID)[0] ?? {};
      if (next === undefined) break;
      waits.push(next - clock.now());
      clock.advance(next - clock.now());
      await webhooks.sweep();
    }
    t.equal(waits[0], first);
    t.equal(waits.at(-1), longest);
    t.same(
      waits,
      waits.toSorted((a, b) => a - b),
    );
    t.ok(clock.now() <= START + HOUR && clock.now() > START + HOUR - longest);
    t.match(webhooks.deliveries(ID), [
      { state: "given up", attempts: waits.length + 1, last: "ECONNREFUSED" },
    ]);
    t.same(
      log.entries.map(({ level }) => level).filter((level) => level !== "debug"),
      ["warn", "error"],
    );
  }
});

t.test("one that hangs holds up no other", async (t) => {
  const silent = await startReceiver(t, hangs);
  const quick = await startReceiver(t, statuses(200));
  const { webhooks } = webhooksFor(t, [hook(silent.url, { name: "silent" }), hook(quick.url)]);
  webhooks.tell("requested", approval());
  await silent.until(1);
  while (webhooks.deliveries(ID)[1]?.state !== "delivered") await setImmediate();
  t.match(webhooks.deliveries(ID), [
    { webhook: "silent", state: "waiting", attempts: 1 },
    { webhook: "pager" },
  ]);
});

t.test("one that does not answer in time counts as one that failed", async (t) => {
  const silent = await startReceiver(t, hangs);
  const { webhooks } = webhooksFor(t, [hook(silent.url)], { deadline: 50 });
  webhooks.tell("requested", approval());
  await webhooks.sweep();
  t.match(webhooks.deliveries(ID), [{ state: "waiting", attempts: 1, last: "no answer in time" }]);
});

t.test("what is answered beside the status is not waited for without an end", async (t) => {
  const endless = await startReceiver(t, ({ response }) => {
    response.writeHead(200);
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    };
    response.on("drain", more);
    more();
  });
  const trickling = await startReceiver(t, ({ response }) => response.writeHead(200).write("x"));
  const { webhooks } = webhooksFor(t, [hook(endless.url), hook(trickling.url, { name: "trickling" })], {
    deadline: 2000,
  });
  webhooks.tell("requested", approval());
  await webhooks.sweep();
  t.match(webhooks.deliveries(ID), [{ state: "delivered" }, { state: "delivered" }]);
});

t.test("at most four are under way to one webhook, and the next goes when one has ended", async (t) => {
  const receiver = await startReceiver(t, hangs);
  const { webhooks } = webhooksFor(t, [hook(receiver.url)]);
  const ids = Array.from({ length: 6 }, (_, index) => `apr_000000000000000${index}`);
  for (const id of ids) webhooks.tell("requested", approval({ id }));
  await receiver.until(4);
  const attempts = () => ids.map((id) => webhooks.deliveries(id)[0]?.attempts);
  t.same(attempts(), [1, 1, 1, 1, 0, 0]);
  receiver.received[0]?.response.end();
  await receiver.until(5);
  t.same(attempts(), [1, 1, 1, 1, 1, 0]);
  for (const { response } of receiver.received) response.end();
  await receiver.until(6);
  receiver.received[5]?.response.end();
  await webhooks.sweep();
  t.ok(ids.every((id) => webhooks.deliveries(id)[0]?.state === "delivered"));
});

t.test("of too many the oldest are given up, and that is said", async (t) => {
  const receiver = await startReceiver(t, hangs);
  const { webhooks, log } = webhooksFor(t, [hook(receiver.url)]);
  const ids = Array.from({ length: 1003 }, (_, index) => `apr_${String(index).padStart(16, "0")}`);
  for (const id of ids) webhooks.tell("requested", approval({ id }));
  const states = ids.map((id) => webhooks.deliveries(id)[0]?.state);
  t.same(
    ids.filter((_, index) => states[index] === "given up"),
    ids.slice(4, 7),
    "the first four are under way",
  );
  t.match(webhooks.deliveries(ids[4] ?? ""), [{ last: "too many others wait", attempts: 0 }]);
  t.equal(log.entries.filter(({ level }) => level === "error").length, 3);
});

t.test("URL and key are those that are there when it is told", async (t) => {
  const receiver = await startReceiver(t, statuses(503, 503, 200));
  const folder = t.testdir();
  const [url, key] = [join(folder, "url"), join(folder, "key")];
  const settings = hook("", { url: { from: "file", path: url }, secret: { from: "file", path: key } });
  const { webhooks, clock } = webhooksFor(t, [settings]);
  writeFileSync(key, KEY);
  webhooks.tell("requested", approval());
  await webhooks.sweep();
  t.match(webhooks.deliveries(ID), [{ state: "waiting", last: "SECRET_UNAVAILABLE" }]);
  t.notMatch(JSON.stringify(webhooks.deliveries(ID)), folder);
  const again = async () => {
    clock.advance(5 * MINUTE);
    await webhooks.sweep();
    const last = receiver.received.at(-1);
    const stamp = String(last?.headers["x-gatehouse-timestamp"]);
    return (used: string) =>
      last?.headers["x-gatehouse-signature"] ===
      headerOf("v1", signatureOf(new Secret(used), "v1", stamp, last?.body ?? ""));
  };
  writeFileSync(url, `${receiver.url}\n`);
  t.ok((await again())(KEY));
  writeFileSync(key, `another ${KEY}`);
  t.ok((await again())(`another ${KEY}`));
  writeFileSync(key, "too short");
  await again();
  t.equal(receiver.received.length, 2, "nothing is sent with a key that can be guessed");
  t.match(webhooks.deliveries(ID), [{ last: "SECRET_UNAVAILABLE" }]);
  rmSync(key);
  writeFileSync(key, KEY);
  t.ok((await again())(KEY));
  t.match(webhooks.deliveries(ID), [{ state: "delivered", attempts: 5 }]);
});

t.test("nothing goes out in plaintext but to loopback in development", async (t) => {
  const receiver = await startReceiver(t, statuses(200));
  for (const settings of [
    hook(receiver.url, { plaintext: false }),
    hook(receiver.url.replace("127.0.0.1", "hooks.example.com")),
    hook(receiver.url.replace("//", "//user:hunter2@")),
    hook("file:///etc/passwd"),
    hook("hunter2"),
  ]) {
    const { webhooks } = webhooksFor(t, [settings]);
    webhooks.tell("requested", approval());
    await webhooks.sweep();
    t.match(webhooks.deliveries(ID), [{ state: "waiting", last: /^its URL can't be used: / }]);
  }
  t.equal(receiver.received.length, 0);
});

t.test("a certificate that proves nothing is told nothing", async (t) => {
  const receiver = await startReceiver(t, statuses(200), { secure: true });
  const other = await startReceiver(t, statuses(200), { secure: true });
  for (const [ca, last] of [
    [{}, /^[A-Z_]+$/],
    [{ ca: other.ca }, /^[A-Z_]+$/],
    [{ ca: "/nowhere/ca.crt" }, /^its CA file can't be read \(ENOENT\)$/],
  ] as const) {
    const { webhooks } = webhooksFor(t, [hook(receiver.url, ca)]);
    webhooks.tell("requested", approval());
    await webhooks.sweep();
    t.match(webhooks.deliveries(ID), [{ state: "waiting", last }]);
  }
  t.equal(receiver.received.length, 0);
});

t.test("neither log nor deliveries repeat a URL, a key, or what the other side said", async (t) => {
  const rude = await startReceiver(t, ({ response }) => response.writeHead(500, "hunter2").end("hunter2"));
  const refusing = await startReceiver(t, statuses(404));
  const good = await startReceiver(t, statuses(200));
  const secure = await startReceiver(t, statuses(200), { secure: true });
  const nobody = `http://127.0.0.1:${await freePort()}/hunter2`;
  const urls = [rude.url, refusing.url, good.url, secure.url, nobody, "https://hunter2 /", "hunter2"];
  const hooks = urls.map((url, index) =>
    hook(url, { name: `hook${index}`, secret: literal(`${KEY} hunter2`) }),
  );
  const { webhooks, clock, log } = webhooksFor(t, hooks);
  webhooks.tell("requested", approval());
  await webhooks.sweep();
  clock.advance(HOUR);
  await webhooks.sweep();
  t.ok(log.entries.length >= 8);
  t.notMatch(JSON.stringify(log.entries), "hunter2");
  t.notMatch(JSON.stringify(webhooks.deliveries(ID)), "hunter2");
  t.match(log.entries[0]?.fields, { webhook: /^hook/, event: "requested" });
});

t.test("a webhook that a reload has taken away is told no more", async (t) => {
  const receiver = await startReceiver(t, statuses(500));
  const { webhooks, clock, set } = webhooksFor(t, [hook(receiver.url)]);
  webhooks.tell("requested", approval());
  await webhooks.sweep();
  set.hooks = [];
  clock.advance(MINUTE);
  await webhooks.sweep();
  only(t, receiver);
  t.match(webhooks.deliveries(ID), [{ state: "given up", last: "it is not configured any more" }]);
});

t.test("telling never fails, whatever there is to be told", async (t) => {
  const receiver = await startReceiver(t, statuses(200));
  const { webhooks, log } = webhooksFor(t, [hook(receiver.url)]);
  webhooks.tell("requested", approval({ changedAt: Number.NaN }));
  t.match(log.entries, [{ level: "error", fields: { event: "requested" } }]);
  webhooks.tell("requested", approval());
  await webhooks.sweep();
  only(t, receiver);
});

t.test("closing gives what is due its time, and takes nothing more", async (t) => {
  const slow = await startReceiver(t, hangs);
  const broken = await startReceiver(t, statuses(500));
  const { webhooks, log } = webhooksFor(t, [hook(slow.url), hook(broken.url, { name: "broken" })]);
  webhooks.tell("requested", approval());
  const closed = webhooks.close();
  webhooks.tell("void", approval({ state: "void", why: "gateway_restarted" }));
  await slow.until(1);
  slow.received[0]?.response.end();
  await closed;
  t.match(webhooks.deliveries(ID), [
    { webhook: "pager", state: "delivered" },
    { webhook: "broken", state: "waiting" },
  ]);
  t.equal(webhooks.deliveries(ID).length, 2);
  t.match(log.entries.at(-1), { level: "warn", fields: { lost: 1 } });
});
