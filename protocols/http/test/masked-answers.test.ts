import type { Mask } from "@gatehouse/core";
import type { RequestListener } from "node:http";
import { gzipSync } from "node:zlib";
import t, { type Test } from "tap";
import { detecting } from "./masking/detecting.ts";
import { CANARY, contacts, maskOf } from "./masking/masks.ts";
import { ask } from "./support/client.ts";
import { type Front, startFront } from "./support/front.ts";
import { type HttpTarget, startTarget } from "./support/target.ts";

const names = maskOf({ fields: ["$..name"] });

async function behind(
  t: Test,
  answer: RequestListener,
  masks: readonly Mask[] = [contacts],
): Promise<{ readonly front: Front; readonly target: HttpTarget }> {
  const target = await startTarget(answer);
  const front = await startFront({ target, masks, values: detecting });
  t.teardown(async () => {
    await front.close();
    await target.stop();
  });
  return { front, target };
}

t.test("answers are masked by paths and by detectors, as they come", async (t) => {
  const json = JSON.stringify({ name: "Anna", deep: [{ name: 7, mail: CANARY }], n: 1 });
  const masked = '{"name":"[redacted]","deep":[{"name":"[redacted]","mail":"[redacted]"}],"n":1}';
  const bodies: Readonly<Record<string, readonly [type: string, body: string, shown: string]>> = {
    "/json": ["application/json", json, masked],
    "/gzip": ["application/json", json, masked],
    "/events": [
      "text/event-stream",
      `data: ${json}\n\ndata: [DONE]\n\n`,
      `data: ${masked}\n\ndata: [DONE]\n\n`,
    ],
  };
  const { front, target } = await behind(
    t,
    ({ url = "" }, response) => {
      const [type = "", body = ""] = bodies[url] ?? [];
      const bytes = url === "/gzip" ? gzipSync(body) : Buffer.from(body);
      response.setHeader("content-type", type);
      response.setHeader("content-length", bytes.length);
      response.setHeader("x-by", `a ${CANARY}`);
      response.setHeader("etag", '"1"');
      if (url === "/gzip") response.setHeader("content-encoding", "gzip");
      response.end(bytes);
    },
    [contacts, names],
  );
  for (const [path, [, , shown]] of Object.entries(bodies)) {
    const { status, headers, body } = await ask(front, {
      path: `/api${path}`,
      headers: { range: "bytes=0-3" },
    });
    t.same([status, body], [200, shown], path);
    t.match(headers, { "x-by": "a [redacted]", etag: undefined });
    t.notOk(headers["content-encoding"]);
  }
  for (const { headers } of target.requests) {
    t.match(headers["accept-encoding"], /gzip/);
    t.notOk(headers.range, "the whole of it is asked for");
  }
});

t.test("text is masked wherever the target cuts it", async (t) => {
  const text = `an ${CANARY} und\n`;
  const { front } = await behind(t, (request, response) => {
    const cut = Number(request.url?.slice(1));
    response.setHeader("content-type", "text/plain");
    response.write(text.slice(0, cut), () => response.end(text.slice(cut)));
  });
  for (let cut = 1; cut < text.length; cut++) {
    t.equal((await ask(front, { path: `/api/${cut}` })).body, "an [redacted] und\n", `cut at ${cut}`);
  }
});

t.test("what has no body, or is a picture to detectors, passes", async (t) => {
  const { front } = await behind(t, (request, response) => {
    response.setHeader("content-type", request.method === "HEAD" ? "application/pdf" : "image/png");
    response.setHeader("content-length", 4);
    response.end("png\0");
  });
  t.match(await ask(front, { path: "/api/", method: "HEAD" }), { status: 200, body: "" });
  t.match(await ask(front, { path: "/api/" }), { status: 200, body: "png\0" });
});

t.test("what can't be looked into is not sent on, in words", async (t) => {
  const answers: Readonly<Record<string, readonly [status: number, type: string, coding?: string]>> = {
    "/pdf": [200, "application/pdf"],
    "/zip": [200, "application/octet-stream"],
    "/part": [206, "application/json"],
    "/coded": [200, "application/json", "compress"],
    "/wide": [200, "application/json; charset=utf-16"],
    "/nothing": [200, ""],
  };
  const { front } = await behind(t, (request, response) => {
    const [status = 500, type = "", coding] = answers[request.url ?? ""] ?? [];
    response.statusCode = status;
    if (type !== "") response.setHeader("content-type", type);
    if (coding !== undefined) response.setHeader("content-encoding", coding);
    response.end(CANARY);
  });
  for (const path of Object.keys(answers)) {
    const { status, body } = await ask(front, { path: `/api${path}` });
    t.equal(status, 502, path);
    t.match(JSON.parse(body), { detail: /can't be looked into: /, hint: /The request was done/ });
    t.notMatch(body, CANARY);
  }
});

t.test("with paths, only JSON can be looked into; what turns out to be none is broken off", async (t) => {
  const { front } = await behind(
    t,
    (request, response) => {
      response.setHeader("content-type", request.url === "/text" ? "text/plain" : "application/json");
      response.end(`{"name": "Anna" "x": "${CANARY}"}`);
    },
    [names],
  );
  const { status, body } = await ask(front, { path: "/api/text" });
  t.equal(status, 502);
  t.notMatch(body, /Anna|anna/);
  await t.rejects(ask(front, { path: "/api/json" }), "half an answer");
});
