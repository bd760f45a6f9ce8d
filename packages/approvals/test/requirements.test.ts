import type { Answer, Approval, Approvers } from "@gatehouse/core";
import t from "tap";
import { isMet, missing, type Person, whyNot } from "../src/requirements.ts";
import { hold, person } from "./support.ts";

const requester = person("crew-analyst");

/** An approval that these have said yes to, under rules of which each has these entries. */
function approval(
  rules: readonly (readonly [Approvers, ...Approvers[]])[],
  approving: readonly Person[] = [],
): Pick<Approval, "state" | "requester" | "holds" | "answers"> {
  const [first, ...others] = rules.map((approvers) => hold({ approvers }));
  const answers = approving.map((by): Answer => ({ by, answer: "approve", at: 0 }));
  return { state: "pending", requester, holds: first ? [first, ...others] : [hold()], answers };
}

const dba: Approvers = { groups: ["dba"], count: 1 };
const security: Approvers = { groups: ["security"], count: 1 };
const both = person("both", "dba", "security");
const onlyDba = person("only-dba", "dba");
const onlySecurity = person("only-security", "security");

t.test("as many have to say yes as the rule asks for", async (t) => {
  const two: Approvers = { groups: ["dba"], count: 2 };
  t.equal(isMet(approval([[two]], [onlyDba])), false);
  t.match(missing(approval([[two]], [onlyDba])), [{ approvers: two, given: 1 }]);
  t.equal(isMet(approval([[two]], [onlyDba, both])), true);
});

t.test("of one rule, a person counts in one place alone, whichever brings it further", async (t) => {
  t.equal(isMet(approval([[dba, security]], [both])), false, "one person is not two");
  t.equal(
    isMet(approval([[dba, security]], [both, onlyDba])),
    true,
    "who came first moves to the other place",
  );
  t.equal(isMet(approval([[dba, security]], [both, onlySecurity])), true);
  t.equal(isMet(approval([[dba, security]], [onlyDba, both])), true);
  t.equal(isMet(approval([[{ ...dba, count: 2 }, security]], [both, onlyDba])), false);
  t.equal(isMet(approval([[{ ...dba, count: 2 }, security]], [both, onlyDba, person("third", "dba")])), true);
});

t.test("of several rules, a person counts for each", async (t) => {
  t.equal(isMet(approval([[dba], [security]], [both])), true);
  t.equal(isMet(approval([[dba], [security]], [onlyDba])), false);
  t.equal(missing(approval([[dba], [security]], [onlyDba])).length, 1);
});

t.test("the same matching as trying every way to seat them", async (t) => {
  const groups = ["a", "b", "c"];
  const people = Array.from({ length: 7 }, (_, bits) =>
    person(`p${bits}`, ...groups.filter((_, at) => ((bits + 1) >> at) & 1)),
  );
  const seats = (entries: readonly Approvers[]) =>
    entries.flatMap(({ groups: [group = ""] = [], count }) => Array.from({ length: count }, () => group));
  /** How many seats can be taken at the most: each person takes any, or none. */
  function most(free: readonly string[], [first, ...rest]: readonly Person[]): number {
    if (!first) return 0;
    const without = most(free, rest);
    return free.reduce(
      (best, group, at) =>
        first.groups.includes(group) ? Math.max(best, 1 + most(free.toSpliced(at, 1), rest)) : best,
      without,
    );
  }
  let met = 0;
  for (let chosen = 0; chosen < 2 ** people.length; chosen++) {
    const here = people.filter((_, at) => (chosen >> at) & 1);
    for (const counts of [
      [1, 1, 1],
      [2, 1, 1],
      [1, 2, 2],
    ]) {
      const [first, ...others] = groups.map(
        (group, at): Approvers => ({ groups: [group], count: counts[at] ?? 1 }),
      );
      if (!first) continue;
      const places = seats([first, ...others]);
      const expected = most(places, here) === places.length;
      met += Number(expected);
      if (isMet(approval([[first, ...others]], here)) !== expected) {
        t.fail(`${counts.join(",")}: ${here.map(({ groups }) => groups.join("+")).join(" ")}`);
      }
    }
  }
  t.ok(met > 20, `${met} of them are met`);
});

t.test("who has to be of a group, by name and of a kind, has to be all of it", async (t) => {
  const entry: Approvers = { groups: ["dba"], subjects: ["dana"], kinds: ["human"], count: 1 };
  t.equal(whyNot(approval([[entry]]), person("dana", "dba")), undefined);
  t.equal(whyNot(approval([[entry]]), person("erik", "dba")), "APPROVAL_NOT_YOURS");
  t.equal(whyNot(approval([[entry]]), person("dana", "web")), "APPROVAL_NOT_YOURS");
  t.equal(whyNot(approval([[entry]]), { ...person("dana", "dba"), kind: "workload" }), "APPROVAL_NOT_YOURS");
});

t.test("nobody answers for their own command, whatever groups they are in", async (t) => {
  t.equal(whyNot(approval([[dba]]), { ...requester, groups: ["dba"] }), "APPROVAL_OWN");
  const elsewhere = { ...requester.proof, issuer: "https://other.example.com" };
  const namesake = { ...requester, groups: ["dba"], proof: elsewhere };
  t.equal(whyNot(approval([[dba]]), namesake), undefined, "another issuer's subject is another person");
});

t.test("nobody answers twice, and nobody whose yes would fill no place", async (t) => {
  t.equal(whyNot(approval([[dba, security]], [onlyDba]), onlyDba), "APPROVAL_ANSWERED");
  t.equal(whyNot(approval([[dba, security]], [onlyDba]), person("other", "dba")), "APPROVAL_NOT_YOURS");
  t.equal(whyNot(approval([[dba, security]], [both]), person("other", "dba")), undefined, "both can move");
});

t.test("what is over takes no answer, and outsiders do not learn that it is", async (t) => {
  const over = { ...approval([[dba]]), state: "denied" as const };
  t.equal(whyNot(over, onlyDba), "APPROVAL_ENDED");
  t.equal(whyNot(over, onlySecurity), "APPROVAL_NOT_YOURS");
});
