// A log-in that waits for a person, by psql. `npm run test:clients` runs this.
import { spawn } from "node:child_process";
import { once } from "node:events";
import t from "tap";
import { eventually } from "../environment.ts";
import { canRun, gatewayFor, onPath } from "./world.ts";

const program = onPath("psql");
const policy = `policy: writers wait
who: { groups: [crew-ops] }
targets: [orders]
access: { approvers: { groups: [dba] }, lasts: 1h }
rules:
  - allow: reads
    when: sql.access == "read"
`;

if (canRun(t, "psql", program)) {
  const { env, demo, gateway } = await gatewayFor(t, policy);
  const dana = await gateway.authenticate({ token: demo.variables["GATEHOUSE_TOKEN"] ?? "" });

  /** Connects; dana says this when the client has shown that it waits. */
  const connects = async (answer: "approve" | "deny", reason: string) => {
    const child = spawn(program, ["--no-psqlrc", "-At", "-c", "select 40 + 2"], { env, stdio: "pipe" });
    const output = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output.stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output.stderr += text;
    });
    const closed = once(child, "close") as Promise<[number | null]>;
    await eventually(() => /apr_[0-9A-Z]{16}/.test(output.stderr));
    const [id = ""] = /apr_[0-9A-Z]{16}/.exec(output.stderr) ?? [];
    await gateway.approvals.answer(dana, id, { answer, reason });
    return { code: (await closed)[0], ...output };
  };

  t.test("a no is the log-in's error", async (t) => {
    const { code, stderr } = await connects("deny", "Not today.");
    t.equal(code, 2);
    t.match(stderr, /^NOTICE: .*\nDETAIL: .*\nHINT: .*\n.*FATAL: .*Not today\./s);
  });

  t.test("with a yes it is in, and the next needs none", async (t) => {
    const { code, stdout, stderr } = await connects("approve", "Go on.");
    t.same([code, stdout], [0, "42\n"]);
    t.match(stderr, /^NOTICE: /);
    const again = spawn(program, ["--no-psqlrc", "-Atc", "select 1"], { env, stdio: "pipe" });
    t.same(await once(again, "close"), [0, null]);
  });
}
