import { sampleApproval } from "@gatehouse/testkit";
import t from "tap";
import { ChangeLog } from "../src/change-log.ts";

/** How many changes are kept behind the first of so many. */
function kept(changes: ChangeLog, first: string): { readonly count: number; readonly missed: boolean } {
  let count = 0;
  const following = changes.follow(first, () => count++);
  following.stop();
  return { count, missed: following.missed };
}

t.test("whoever was away for a moment misses nothing", async (t) => {
  const changes = new ChangeLog();
  let first = "";
  const following = changes.follow(undefined, ({ id }) => (first ||= id));
  for (let n = 0; n < 900; n++) changes.add("requested", sampleApproval());
  following.stop();
  t.same(kept(changes, first), { count: 899, missed: false });
});

t.test("of long commands fewer are kept, and it is said that some are missing", async (t) => {
  const changes = new ChangeLog();
  const approval = sampleApproval();
  const long = { ...approval, command: { ...approval.command, text: "x".repeat(1024 * 1024) } };
  let first = "";
  const following = changes.follow(undefined, ({ id }) => (first ||= id));
  for (let n = 0; n < 100; n++) changes.add("requested", long);
  following.stop();
  const { count, missed } = kept(changes, first);
  t.ok(count > 10 && count <= 32, String(count));
  t.equal(missed, true);
});
