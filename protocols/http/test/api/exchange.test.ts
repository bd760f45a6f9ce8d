import { startModelServer } from "@gatehouse/testkit";
import t from "tap";
import { ask } from "../support/client.ts";
import { SECRET, startFront } from "../support/front.ts";

t.test(
  "a model is asked by whoever may, and a refusal reaches the client in the API's own form",
  async (t) => {
    const target = await startModelServer({ key: SECRET, script: { choices: [{ tokens: ["hello"] }] } });
    const front = await startFront({
      target,
      settings: { api: "openai" },
      allow: ({ access, facts }) => access === "read" && facts["model"] === "small",
    });
    t.teardown(async () => {
      await front.close();
      await target.stop();
    });
    const chat = (model: string, rest: object = {}) =>
      ask(front, {
        ...{ method: "POST", path: "/api/v1/chat/completions" },
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model, messages: [], ...rest }),
      });

    const answered = await chat("small");
    t.same([answered.status, target.requests.length], [200, 1]);
    t.match(JSON.parse(answered.body), { choices: [{ message: { content: "hello" } }] });

    for (const refused of [await chat("large"), await chat("small", { models: ["large"] })]) {
      t.match(refused, { status: 403, headers: { "content-type": "application/json" } });
      const message = /^No\. .*\(reference ref_[0-9]+\)$/;
      t.match(JSON.parse(refused.body), { error: { type: "permission_error", param: null, message } });
    }
    t.equal(target.requests.length, 1);

    await target.stop();
    const unreachable = await chat("small");
    t.match(unreachable, { status: 502, headers: { "content-type": "application/json" } });
    t.match(JSON.parse(unreachable.body), { error: { type: "server_error", code: "unavailable" } });
  },
);
