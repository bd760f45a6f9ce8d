import { systemClock } from "@gatehouse/core";
import { createMemoryLog, FakeDesk, FakeGrantDesk } from "@gatehouse/testkit";
import t from "tap";
import { createApp } from "../src/app.ts";
import { document, objections } from "./conformity.ts";
import { askAs, environment } from "./environment.ts";

const nobody = () => Promise.reject(new Error("nobody"));

t.test("every route of the API is in the document, and nothing else is", async (t) => {
  const app = createApp({
    desk: new FakeDesk(),
    grants: new FakeGrantDesk(new FakeDesk()),
    ssh: { way: nobody, certify: nobody },
    authenticate: nobody,
    readiness: () => [],
    clock: systemClock,
    heartbeat: 15_000,
    log: createMemoryLog(),
  });
  t.teardown(() => app.close());
  await app.ready();
  const described = Object.entries(document.paths).flatMap(([url, operations]) =>
    Object.keys(operations).map((method) => ({
      method: method.toUpperCase(),
      url: url.replace(/\{(\w+)\}/g, ":$1"),
    })),
  );
  for (const { method, url } of described) t.ok(app.hasRoute({ method, url }), `${method} ${url}`);
  const printed = app.printRoutes({ commonPrefix: false });
  const served = [...printed.matchAll(/\(([A-Z, ]+)\)/g)].flatMap(([, methods = ""]) => methods.split(", "));
  t.equal(served.length, described.length + 4, "beside /healthz and /readyz, each with HEAD");
});

t.test("it is served to whoever has a token", async (t) => {
  const env = await environment(t);
  const { status, body } = await askAs(env, "ann", "/v1/openapi.json");
  t.equal(status, 200);
  t.match(body, { openapi: "3.1.0", paths: document.paths });
});

t.test("each parameter and each code stands where a client looks for it", (t) => {
  t.match(document.paths["/v1/approvals"]?.["get"], {
    operationId: "listApprovals",
    security: [{ token: [] }],
    parameters: [
      { name: "state", in: "query", required: false, schema: { type: "array" } },
      { name: "limit", in: "query", required: false, schema: { minimum: 1, maximum: 100, default: 50 } },
      { name: "before", in: "query", required: false },
    ],
  });
  t.match(document.paths["/v1/approvals/{approval}/approve"]?.["post"], {
    parameters: [{ name: "approval", in: "path", required: true, schema: { type: "string" } }],
    requestBody: { required: false },
    responses: {
      409: { description: "APPROVAL_ANSWERED, APPROVAL_ENDED" },
      422: { description: "APPROVAL_REASON" },
    },
  });
  t.match(document.paths["/v1/approvals/events"]?.["get"], {
    parameters: [{ name: "Last-Event-ID", in: "header", required: false }],
    responses: { 200: { content: { "text/event-stream": {} } } },
  });
  t.match(document.paths["/v1/callbacks/{callback}"]?.["post"], { security: [] });
  t.end();
});

t.test("every reference leads somewhere", (t) => {
  const names = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
  t.ok(names.length > 0);
  const { schemas } = document.components as { schemas: object };
  for (const [, name = ""] of names) t.ok(name in schemas, name);
  t.end();
});

t.test("the tests of the routes would notice an answer that is not as the document says", (t) => {
  const page = { status: 200, type: "application/json; charset=utf-8", body: { approvals: [] } };
  const wrong = (change: Partial<typeof page>, path = "/v1/approvals") =>
    objections("GET", path, { ...page, ...change }).length;
  t.equal(wrong({}), 0);
  t.equal(wrong({ status: 418 }), 1);
  t.equal(wrong({ type: "text/plain" }), 1);
  t.equal(wrong({}, "/v1/secrets"), 1);
  for (const body of [{}, { ...page.body, extra: 1 }, { ...page.body, approvals: [{}] }])
    t.equal(objections("GET", "/v1/approvals", { ...page, body }).length, 1);
  const body = { error: { code: "APPROVAL_OWN", message: "Not a code of this one." } };
  t.equal(objections("GET", "/v1/approvals", { ...page, status: 401, body }).length, 1);
  t.end();
});
