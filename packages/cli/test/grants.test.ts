import { once } from "node:events";
import { GatehouseError } from "@gatehouse/core";
import { sampleGrant } from "@gatehouse/testkit";
import t from "tap";
import { controlPlane } from "./control-plane.ts";
import { gatehouse, start } from "./gatehouse.ts";

const id = "grt_0123456789ABCDEF";
const asked = "apr_0000000000000001";
const writing = ["request", "orders", "--as", "writer"];

t.test("access is asked for, and it is said who has to say yes, and how", async (t) => {
  const { grants, env } = await controlPlane(t);
  const { code, stdout } = await gatehouse([...writing, "--for", "30m", "--reason", "INC-1"], env);
  t.equal(code, 0);
  t.match(
    stdout,
    /^apr_0{15}1 {2}access to orders as writer for 30m\n {2}waits for 1 of crew-approver, for \d+m( \d+s)?: gatehouse approve apr_0{15}1\n$/,
  );
  t.match(grants.requests, [{ target: "orders", level: "writer", lasts: 1_800_000, reason: "INC-1" }]);
  const json = await gatehouse([...writing, "--json"], env);
  t.match(JSON.parse(json.stdout), { id: /^apr_/, command: { kind: "access" } });
});

t.test("an approver sees a page that is about access, and no command", async (t) => {
  const { env } = await controlPlane(t);
  await gatehouse([...writing, "--reason", "INC-1"], env);
  const page = await gatehouse(["approvals", "show", asked], { ...env, GATEHOUSE_TOKEN: "bob" });
  t.match(page.stdout, /│ access to orders as writer for 60m\n/);
  t.match(page.stdout, /Access +on orders as writer \(postgres, access\)\n/);
  t.match(page.stdout, /Session +none: asked for beforehand, from 127\.0\.0\.1:\d+\n/);
  t.match(page.stdout, /gatehouse approve apr_0{15}1/);
  t.notMatch(page.stdout, /a yes is good for|commands before|unknown/);
  const list = await gatehouse(["approvals"], env);
  t.match(list.stdout, /access to orders as writer for 60m/);
});

t.test("with --wait it ends with the answer: 0 with a grant, 1 without", async (t) => {
  const { desk, grants, env } = await controlPlane(t);
  const child = start([...writing, "--wait"], env);
  let said = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (said += text));
  while (!said.includes("gatehouse approve")) await once(child.stdout ?? child, "data");
  const approval = desk.approvals.get(asked);
  if (!approval) throw new Error("nothing was asked for");
  grants.grants.set(id, sampleGrant({ approval: asked }));
  desk.put({ ...approval, state: "approved" }, "approved");
  desk.put({ ...approval, state: "spent", outcome: "done" }, "outcome");
  t.same(await once(child, "close"), [0, null]);
  t.match(said, /✔ grt_0123456789ABCDEF: in to orders as writer for (59m|1h)/);

  const denied = start([...writing, "--wait"], env);
  let error = "";
  denied.stderr?.setEncoding("utf8").on("data", (text: string) => (error += text));
  await once(denied.stdout ?? denied, "data");
  const second = desk.approvals.get("apr_0000000000000002");
  if (!second) throw new Error("nothing was asked for");
  const { subject, kind, groups, proof } = { ...second.requester, subject: "bob" };
  const no = {
    by: { subject, kind, groups, proof },
    answer: "deny",
    reason: "not today",
    at: Date.now(),
  } as const;
  desk.put({ ...second, state: "denied", answers: [no] }, "denied");
  t.same(await once(denied, "close"), [1, null]);
  t.match(error, /✘ denied by bob: “not today”/);
});

t.test("grants are a table with the time that is left, a page, or JSON", async (t) => {
  const { grants, env } = await controlPlane(t);
  t.match(await gatehouse(["grants"], env), { code: 0, stdout: /^There is no grant/ });
  const from = Date.now() - 60_000;
  grants.grants.set(id, sampleGrant({ from, until: from + 3_600_000, reason: "turned \u202e around" }));
  const [head, row, ...more] = (await gatehouse(["grants"], env)).stdout.trimEnd().split("\n");
  t.match(head, /^ID +WHO +WHERE +LEFT +BY +REASON$/);
  t.match(row, /^grt_0123456789ABCDEF +agent-7 +orders\/writer +58m( \d+s)? +ann +turned <U\+202E> around$/);
  t.same(more, []);
  const page = await gatehouse(["grants", "show", id.toLowerCase()], env);
  t.match(page.stdout, /^grt_0123456789ABCDEF {2}58m( \d+s)? left\n/);
  t.match(page.stdout, /Lets in +agent-7 \(workload, crew-agent\)\nTo +orders as writer\n/);
  const json = await gatehouse(["grants", "list", "--json"], env);
  t.match(JSON.parse(json.stdout), { grants: [{ id, holder: { subject: "agent-7" } }] });
});

t.test("a grant is taken back, and is shown as such", async (t) => {
  const { grants, env } = await controlPlane(t);
  grants.grants.set(id, sampleGrant());
  const { code, stdout } = await gatehouse(["grants", "revoke", id, "--reason", "done"], env);
  t.equal(code, 0);
  t.match(
    stdout,
    /^✔ grt_0123456789ABCDEF is taken back, and its sessions end\n {2}agent-7 on orders\/writer\n$/,
  );
  t.match(grants.grants.get(id)?.revoked, { by: { subject: "ann" }, reason: "done" });
  const page = await gatehouse(["grants", "show", id], env);
  t.match(page.stdout, /^grt_0123456789ABCDEF {2}taken back\n/);
  t.match(page.stdout, /Taken back +by ann, at .*: done\n/);
});

t.test("an error has its code and what to do, and exits 1; a call that makes no sense exits 2", async (t) => {
  const { grants, env } = await controlPlane(t);
  grants.failure = new GatehouseError("GRANT_NOT_NEEDED", "It is open.");
  t.match(await gatehouse(writing, env), {
    code: 1,
    stderr: /It is open\..*\n.*nobody has to be asked\.\n.*GRANT_NOT_NEEDED/,
  });
  t.match(await gatehouse(["grants", "show", id], env), { code: 1, stderr: /GRANT_UNKNOWN/ });
  for (const args of [
    ["request", "orders"],
    [...writing, "--for", "30"],
    [...writing, "--for", "30s"],
    [...writing, "--for", "25h"],
    ["grants", "show", "apr_0123456789ABCDEF"],
    ["grants", "revoke"],
  ])
    t.equal((await gatehouse(args, env)).code, 2, args.join(" "));
});
