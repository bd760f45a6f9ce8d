import type { Target, Understanding } from "@gatehouse/core";
import t from "tap";
import { httpSettings } from "../src/settings.ts";
import { understand } from "../src/understand.ts";

const settings = httpSettings.read({}, "/");
if (!settings.ok) throw new Error("The settings have an error.");
const target: Target = {
  ...{ name: "api", protocol: "http", tls: { mode: "off" }, credential: { user: "default" } },
  ...{ addresses: [{ host: "127.0.0.1", port: 1 }], levels: new Map(), tags: new Map() },
  ...{ connectTimeout: 1, settings: settings.value },
};

function commandOf(understanding: Understanding) {
  if (!understanding.ok) throw new Error(understanding.refusal.message);
  return understanding.command;
}

t.test("a request", async (t) => {
  const { kind, facts } = commandOf(await understand('POST /v1/chat\nX-A: 1\n\n{"n": 1}', target));
  t.match([kind, facts], ["request", { kind: "request", path: "/v1/chat", json: { n: 1 } }]);
});

t.test("a message of a WebSocket", async (t) => {
  const { kind, facts } = commandOf(await understand('MESSAGE /chat?a=1\nX-A: 1\n\n{"n": 1}', target));
  t.match(
    [kind, facts],
    [
      "message",
      { path: "/chat", query: { a: ["1"] }, headers: { "x-a": "1" }, message: '{"n": 1}', json: { n: 1 } },
    ],
  );
});

t.test("a binary one", async (t) => {
  const { kind, access } = commandOf(await understand("BINARY /chat", target));
  t.same([kind, access], ["binary", "unknown"]);
});
