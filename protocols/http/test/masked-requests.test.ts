import type { RequestListener } from "node:http";
import { gzipSync } from "node:zlib";
import t, { type Test } from "tap";
import { detecting } from "./masking/detecting.ts";
import { CANARY, maskOf } from "./masking/masks.ts";
import { ask } from "./support/client.ts";
import { type Front, type FrontOptions, startFront } from "./support/front.ts";
import { startTarget } from "./support/target.ts";

const restoring = maskOf({ detect: ["pii.*"], requests: { restore: true } });
const JSON_TYPE = { "content-type": "application/json" };

/** What came, as a target has it. */
interface Heard {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

async function behind(
  t: Test,
  answer: (body: string, ...of: Parameters<RequestListener>) => void,
  options: Omit<FrontOptions, "target"> = {},
): Promise<{ readonly front: Front; readonly heard: readonly Heard[] }> {
  const heard: Heard[] = [];
  const target = await startTarget((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts).toString();
      heard.push({ headers: request.headers, body });
      answer(body, request, response);
    });
  });
  const front = await startFront({ target, masks: [restoring], values: detecting, ...options });
  t.teardown(async () => {
    await front.close();
    await target.stop();
  });
  return { front, heard };
}

t.test("what a request has is taken out before it leaves, and put back in its answer", async (t) => {
  const { front, heard } = await behind(t, (body, request, response) => {
    const type = request.headers["x-answer"] ?? request.headers["content-type"] ?? "";
    response.setHeader("content-type", type);
    if (request.url === "/gzip") {
      response.setHeader("content-encoding", "gzip");
      response.setHeader("content-md5", "AAAA");
    }
    response.end(request.url === "/gzip" ? gzipSync(body) : body);
  });
  const body = `{"to": "${CANARY}", "n": [1]}`;
  for (const [path, headers] of [
    ["/api/json", JSON_TYPE],
    ["/api/chunked", { ...JSON_TYPE, "transfer-encoding": "chunked" }],
    ["/api/gzip", { ...JSON_TYPE, "x-answer": "application/vnd.api+json" }],
    ["/api/text", { "content-type": "text/plain" }],
    ["/api/lines", { ...JSON_TYPE, "x-answer": "application/x-ndjson" }],
  ] as const) {
    const answer = await ask(front, { method: "POST", path, headers, body });
    t.same([answer.status, answer.body], [200, body], path);
    t.notOk(answer.headers["content-md5"]);
    const last = heard.at(-1);
    t.match(last?.body, /^\{"to": "\[email-1-[a-z]{6}\]", "n": \[1\]\}$/, path);
    t.equal(last?.headers["content-length"], String(last?.body.length));
  }
  for (const type of ["image/png", "text/html", "application/json; charset=utf-16"]) {
    const headers = { ...JSON_TYPE, "x-answer": type };
    const answer = await ask(front, { method: "POST", path: "/api/other", headers, body });
    t.same([answer.status, answer.body], [200, heard.at(-1)?.body], `${type} goes on as it is`);
  }
  t.notMatch(JSON.stringify(heard), /anna|keller/);
});

t.test("digests and signatures of the body that came are not sent with another one", async (t) => {
  const { front, heard } = await behind(t, (_, __, response) => response.end());
  const headers = { ...JSON_TYPE, "content-md5": "AAAA", digest: "sha-256=AAAA", "signature-input": "s=()" };
  await ask(front, { method: "POST", path: "/api/", headers, body: `["${CANARY}"]` });
  await ask(front, { method: "POST", path: "/api/", headers, body: "[1]" });
  const [changed, same] = heard.map((one) => Object.keys(one.headers));
  for (const name of ["content-md5", "digest", "signature-input"]) {
    t.notOk(changed?.includes(name), name);
    t.ok(same?.includes(name), name);
  }
});

t.test("what comes back of a request's own is not masked again; what else the answer has is", async (t) => {
  const { front } = await behind(
    t,
    (body, _, response) => {
      const mail = /\[email-\d+-\w+\]/.exec(body)?.[0] ?? "";
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ mail, other: "b@example.com" }));
    },
    { masks: [restoring, maskOf({ detect: ["pii.email"] })] },
  );
  const { body } = await ask(front, {
    method: "POST",
    path: "/api/",
    headers: JSON_TYPE,
    body: `["${CANARY}"]`,
  });
  t.same(JSON.parse(body), { mail: CANARY, other: "[redacted]" });
});

t.test("a text is masked, and what it repeats of the request is put back, wherever it is cut", async (t) => {
  const { front } = await behind(
    t,
    (body, request, response) => {
      const text = `b@example.com wrote to ${body}\n`;
      const cut = Number(request.headers["x-cut"]);
      response.setHeader("content-type", "text/plain");
      response.write(text.slice(0, cut), () => response.end(text.slice(cut)));
    },
    { masks: [restoring, maskOf({ detect: ["pii.email"] })] },
  );
  for (let cut = 1; cut < "b@example.com wrote to [email-1-abcdef]\n".length; cut++) {
    const headers = { "content-type": "text/plain", "x-cut": String(cut) };
    const { body } = await ask(front, { method: "POST", path: "/api/", headers, body: CANARY });
    t.equal(body, `[redacted] wrote to ${CANARY}\n`, `cut at ${cut}`);
  }
});

t.test("a stream of a model puts back a placeholder that is cut into tokens anywhere", async (t) => {
  const { front, heard } = await behind(
    t,
    (body, request, response) => {
      response.setHeader("content-type", "text/event-stream");
      const text = (JSON.parse(body) as { messages: { content: string }[] }).messages[0]?.content ?? "";
      const cut = Number(request.headers["x-cut"]);
      const event = (content: string) =>
        `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, logprobs: 1 }] })}\n\n`;
      response.write(event(text.slice(0, cut)));
      response.end(`${event(text.slice(cut))}data: [DONE]\n\n`);
    },
    { settings: { api: "openai" } },
  );
  const content = `to ${CANARY}.`;
  const length = "to [email-1-abcdef].".length;
  const body = JSON.stringify({ model: "m", stream: true, messages: [{ role: "user", content }] });
  for (let cut = 0; cut <= length; cut++) {
    const headers = { ...JSON_TYPE, "x-cut": String(cut) };
    const answer = await ask(front, { method: "POST", path: "/api/v1/chat/completions", headers, body });
    const text = [...answer.body.matchAll(/"content":("[^"]*")/g)].map(
      ([, json = '""']) => JSON.parse(json) as string,
    );
    t.equal(text.join(""), content, `cut at ${cut}`);
    t.match(answer.body, /"logprobs":1\D/, "all else is as it was");
  }
  t.notMatch(JSON.stringify(heard), /anna|keller/);
  t.match(heard[0]?.body, /to \[email-1-[a-z]{6}\]\./);
});

t.test("where it can't be taken out, nothing is sent, and the client is told where it is", async (t) => {
  const { front, heard } = await behind(t, (_, __, response) => response.end());
  const post = { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" } };
  const cases = [
    [{ path: `/api/v1?to=${CANARY}` }, /in the query .*pii/],
    [{ path: `/api/${CANARY}` }, /in the path/],
    [{ path: "/api/", headers: { "x-user": CANARY } }, /in the header x-user/],
    [{ ...post, path: "/api/", body: `${CANARY}=1` }, /name of a parameter/],
    [
      { ...post, path: "/api/", headers: { "content-type": "application/pdf" }, body: "x" },
      /Not masked|can't be masked/,
    ],
  ] as const;
  for (const [asked, detail] of cases) {
    const { status, body } = await ask(front, asked);
    t.equal(status, 403);
    t.match(JSON.parse(body), { code: "policy", detail, hint: /rule/, reference: /^ref_/ });
    t.notMatch(body, /anna|keller/);
  }
  t.same(heard, []);
});

t.test("one that was approved and can't be sent has failed", async (t) => {
  const { front, heard } = await behind(t, (_, __, response) => response.end(), { hold: () => true });
  const asked = ask(front, { path: `/api/v1?to=${CANARY}` });
  await front.gate.until((events) => events.some(({ type }) => type === "held"));
  front.gate.waiting[0]?.approve();
  t.equal((await asked).status, 403);
  t.match(
    front.gate.events.filter(({ type }) => type === "outcome"),
    [{ outcome: "failed" }],
  );
  t.same(heard, []);
});
