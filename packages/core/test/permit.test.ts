import t from "tap";
import * as core from "../src/index.ts";
import { issuePermit, Permit } from "../src/permit.ts";

const command: core.Command = {
  protocol: "postgres",
  kind: "query",
  verbs: ["SELECT"],
  access: "read",
  resources: [],
  text: "select 1",
  parameters: [],
  facts: {},
};

t.test("a permit is redeemed for its command, once", async (t) => {
  const permit = issuePermit(command);
  permit.redeem(command);
  t.throws(() => permit.redeem(command), { code: "PERMIT_INVALID" });
});

t.test("a permit is refused for another command, even one that reads the same", async (t) => {
  const permit = issuePermit(command);
  t.throws(() => permit.redeem({ ...command }), { code: "PERMIT_INVALID" });
  t.doesNotThrow(() => permit.redeem(command), "and is not spent by the attempt");
});

t.test("a permit's error does not repeat the command", async (t) => {
  const secret = { ...command, text: "alter role app password 'hunter2'" };
  const permit = issuePermit(secret);
  permit.redeem(secret);
  t.throws(() => permit.redeem(secret), { message: /^(?!.*hunter2)/ });
});

t.test("the way to make a permit is not among what every package can import", async (t) => {
  t.notOk("Permit" in core);
  t.notOk("issuePermit" in core);
});

t.test("nobody outside of its file may construct a permit", async (t) => {
  const construct = () => {
    // @ts-expect-error -- the constructor is private: `tsc` fails here on the day it is not.
    const made: unknown = new Permit(command);
    return made;
  };
  t.type(construct, "function");
});
