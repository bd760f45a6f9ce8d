import type { Deciding, Gate, OpenSession, Standing, Waited } from "@gatehouse/core";
import { issuePermit } from "@gatehouse/core/permit";
import { sampleSession } from "@gatehouse/testkit";
import t from "tap";
import {
  acceptedAnswer,
  answerPlace,
  approvalPlace,
  decideDetached,
  presentedApproval,
} from "../src/async-hold.ts";
import { Fields, parseFields } from "../src/codec/fields.ts";
import { findHead } from "../src/codec/head.ts";
import { parseRequestHead } from "../src/codec/request-head.ts";
import { HttpCommand } from "../src/commands.ts";
import { clientRequest } from "../src/outgoing.ts";
import { readTarget } from "../src/path.ts";

const ID = "apr_8R4T0JC2V6M1XKQZ";
const UNTIL = Date.UTC(2026, 10, 22, 9);
const pending: Standing = {
  ...{ id: ID, state: "pending", until: UNTIL },
  ...{ message: "Held by the rule: it waits for a person.", hint: `gatehouse approve ${ID}` },
};

function bodyOf({ body }: { readonly body: Buffer }): Record<string, unknown> {
  return JSON.parse(body.toString("utf8")) as Record<string, unknown>;
}

t.test("the place of an approval is found by its path alone", async (t) => {
  const approvalAt = (target: string) => approvalPlace(readTarget(target));
  t.equal(approvalAt(`/.gatehouse/approvals/${ID}`), ID);
  t.equal(approvalAt(`/.gatehouse/approvals/${ID}?full=1`), ID);
  t.equal(approvalAt(`//.gatehouse/./approvals/${ID}`), ID, "in its one form");
  for (const target of [
    ...["/", "/api/v1", "/.gatehouse/approvals/", "/.gatehouse/approvals/apr_1", "/.gatehouse"],
    ...[`/api/.gatehouse/approvals/${ID}`, `/.gatehouse/approvals/${ID}/`, `/.gatehouse/approvals/${ID}X`],
    ...[`/.gatehouse/approvals/${ID.toLowerCase()}`, `/.gatehouse/approvals/x/${ID}`],
  ])
    t.equal(approvalAt(target), undefined, target);
  t.throws(() => approvalAt(`/.gatehouse%2Fapprovals/${ID}`), "what two readers could read differently");
});

t.test("an approval is said once", async (t) => {
  t.equal(presentedApproval(parseFields([`x-gatehouse-approval: ${ID}`])), ID);
  t.equal(presentedApproval(parseFields([])), undefined);
  t.equal(
    presentedApproval(parseFields(["X-Gatehouse-Approval:"])),
    "",
    "one that is none is refused as such",
  );
  t.throws(() =>
    presentedApproval(parseFields([`X-Gatehouse-Approval: ${ID}`, `x-gatehouse-approval: ${ID}`])),
  );
});

t.test("who does not wait is told where to ask, and what to do then", async (t) => {
  const answer = acceptedAnswer(pending);
  t.equal(answer.status, 202);
  t.same(answer.fields, [
    ["Content-Type", "application/json"],
    ["Cache-Control", "no-store"],
    ["Preference-Applied", "respond-async"],
    ["Location", `/.gatehouse/approvals/${ID}`],
    ["Retry-After", "5"],
  ]);
  t.match(bodyOf(answer), {
    ...{ approval: ID, state: "pending", expires: "2026-11-22T09:00:00.000Z" },
    ...{ message: pending.message, hint: pending.hint, next: /unchanged, with X-Gatehouse-Approval: apr_/ },
  });
});

t.test("whoever has asked for it sees how it stands, and others nothing", async (t) => {
  const states: Record<string, Standing> = {
    [ID]: pending,
    apr_2: { ...pending, id: "apr_2", state: "approved" },
    apr_3: { id: "apr_3", state: "void", why: "unused", until: UNTIL, message: "Not in time." },
    apr_4: { id: "apr_4", state: "spent", outcome: "done", until: UNTIL, message: "Once." },
  };
  const gate: Pick<Gate, "standing"> = {
    standing: ({ credential, protocol }, id) => {
      t.equal(protocol, "http");
      if (!("token" in credential) || credential.token !== "good") {
        const refusal = { kind: "credential", message: "No.", reference: "ref_1" } as const;
        return Promise.resolve({ ok: false, refusal });
      }
      return Promise.resolve({ ok: true, standing: states[id] });
    },
  };
  const ask = (id: string, token = "good", method = "GET") =>
    answerPlace(gate, { method, token, client: { host: "::1", port: 1 }, application: "curl" }, id);
  const retry = (answer: Awaited<ReturnType<typeof ask>>) =>
    answer.fields.find(([name]) => name === "Retry-After")?.[1];
  const waits = await ask(ID);
  t.same([waits.status, retry(waits), bodyOf(waits)["state"]], [200, "5", "pending"]);
  const approved = await ask("apr_2", "good", "HEAD");
  t.same([approved.status, retry(approved)], [200, undefined]);
  t.match(bodyOf(approved), { state: "approved", expires: "2026-11-22T09:00:00.000Z", next: /X-Gatehouse/ });
  t.same(bodyOf(await ask("apr_3")), {
    ...{ approval: "apr_3", state: "void", why: "unused", message: "Not in time." },
  });
  t.match(bodyOf(await ask("apr_4")), { state: "spent", outcome: "done" });
  t.equal((await ask("apr_5")).status, 404);
  t.equal((await ask(ID, "bad")).status, 401);
  const posted = await ask(ID, "good", "POST");
  t.equal(posted.status, 405);
  t.match(
    posted.fields.filter(([name]) => name === "Allow"),
    [["Allow", "GET, HEAD"]],
  );
});

const RAW = {
  line: "POST /v1/refunds?dry=0 HTTP/1.1",
  fields: ["Content-Type: application/json", "X-Reason: ticket", "Prefer: respond-async"],
  body: '{"amount":70}',
};

/** The command that goes to the target, of a request as a client sends it. */
function commandOf(changed: Partial<typeof RAW>, more: readonly string[] = []): HttpCommand {
  const { line, fields, body } = { ...RAW, ...changed };
  const lines = [line, "Host: gateway", `Content-Length: ${body.length}`, ...fields, ...more, "", ""];
  const found = findHead(Buffer.from(lines.join("\r\n"), "latin1"), 0, 65_536);
  if (found === undefined) throw new Error("the head has no end");
  const head = parseRequestHead(found);
  const asked = clientRequest(head, head.target, { inject: "bearer", cookies: "none", forwarded: false });
  const request = {
    ...{ head, target: readTarget(asked.target), fields: new Fields(asked.fields) },
    body: Buffer.from(body),
  };
  return new HttpCommand(request, { routes: [], secret: new Set() });
}

t.test("the request that comes back with an approval is the same one, and any other is not", async (t) => {
  const first = commandOf({});
  t.equal(first.detached, true);
  const again = commandOf({}, [
    ...[
      `X-Gatehouse-Approval: ${ID}`,
      "X-Gatehouse-Authorization: Bearer other",
      "Authorization: Bearer new",
    ],
    "Connection: close",
  ]);
  t.equal(again.fingerprint?.(), first.fingerprint?.());
  const others = [
    commandOf({ line: "PUT /v1/refunds?dry=0 HTTP/1.1" }),
    commandOf({ line: "POST /v1/refunds?dry=1 HTTP/1.1" }),
    commandOf({ line: "POST /v1/refunds/?dry=0 HTTP/1.1" }),
    commandOf({ line: "POST /v1/refunds HTTP/1.1" }),
    commandOf({ body: '{"amount":71}' }),
    commandOf({ body: '{"amount": 70}' }),
    commandOf({ fields: [RAW.fields[0] ?? "", "X-Reason: other", "Prefer: respond-async"] }),
    commandOf({ fields: [RAW.fields[0] ?? "", "Prefer: respond-async"] }),
    commandOf({}, ["X-More: 1"]),
    commandOf({}, ["Prefer: return=minimal"]),
    commandOf({ fields: RAW.fields.slice(0, 2) }),
  ];
  const fingerprints = others.map((command) => command.fingerprint?.());
  t.equal(new Set([first.fingerprint?.(), ...fingerprints]).size, others.length + 1);
});

/** A session that holds everything that comes without an approval. */
function session(standing: Standing | undefined) {
  const steps: string[] = [];
  const refused = (message: string): Deciding => ({
    effect: "block",
    verdict: Promise.resolve({ ok: false, refusal: { kind: "policy", message, reference: "ref_1" } }),
  });
  const waitedFor = (approval: string): Waited => ({
    ...{ approval, recalled: true, gone: () => undefined },
    outcome: (outcome) => steps.push(outcome),
  });
  const open: Pick<OpenSession, "session" | "decide" | "recall" | "standing" | "refuse"> = {
    session: sampleSession,
    decide(command, waited): Deciding {
      if (waited?.approval === ID) {
        const rule = { policy: "p", rule: "r", source: "p:1" };
        const decision = { effect: "allow", rule, policyVersion: "v" } as const;
        return {
          effect: "allow",
          verdict: Promise.resolve({ ok: true, permit: issuePermit(command), decision }),
        };
      }
      if (waited) return refused("not yours");
      const notice = { message: "", detail: "", hint: "" };
      const held = { ...waitedFor(ID), notice, repeat: undefined, describe: () => undefined };
      return { effect: "hold", held: { ...held, ended: new Promise(() => undefined) } };
    },
    recall: waitedFor,
    standing: () => Promise.resolve(standing),
    refuse: ({ text, ...refusal }) => {
      steps.push(text);
      return Promise.resolve({ ...refusal, reference: "ref_2" });
    },
  };
  return { open, steps };
}

t.test("a detached command is asked for, and let through when it comes back", async (t) => {
  const command = commandOf({});
  const { open, steps } = session(pending);
  t.same(await decideDetached(open, command, undefined), { ok: false, standing: pending });
  const decided = await decideDetached(open, command, ID);
  if (!decided.ok) throw new Error("it is not let through");
  decided.permit.redeem(command);
  decided.held?.outcome("done");
  t.same(steps, ["done"]);
  t.match(await decideDetached(open, command, "apr_0"), { ok: false, refusal: { message: "not yours" } });
  t.match(await decideDetached(open, command, ""), { ok: false, refusal: { message: "not yours" } });
});

t.test("one that could not be put on record is refused, and not accepted", async (t) => {
  const { open, steps } = session(undefined);
  t.match(await decideDetached(open, commandOf({}), undefined), {
    ...{ ok: false, refusal: { kind: "internal", reference: "ref_2" } },
  });
  t.match(steps, [/^POST \/v1\/refunds/]);
});
