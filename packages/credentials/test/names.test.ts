import { randomBytes } from "node:crypto";
import t from "tap";
import { epochOf, newEpoch, readyName, sessionName } from "../src/names.ts";

t.test("every name says which run has made it", (t) => {
  for (let times = 0; times < 1000; times++) {
    const epoch = newEpoch(randomBytes);
    t.match(epoch, /^[0-9a-z]{8}$/);
    t.equal(epochOf(readyName(epoch, randomBytes)), epoch);
    t.equal(epochOf(sessionName(epoch, "ses_0123456789ABCDEF")), epoch);
    t.equal(epochOf(sessionName(epoch, "ses_0123456789ABCDEF", 2)), epoch);
  }
  t.equal(sessionName("0123abcd", "ses_0123456789ABCDEF"), "gh_0123abcd_0123456789abcdef");
  t.end();
});

t.test("a name of another form is nobody's", (t) => {
  for (const name of [
    "",
    "postgres",
    "gh_",
    "gh_0123abcd",
    "gh_0123abcd_",
    "gh_0123ABCD_1",
    "gh_0123abcd_A",
    "gh_0123abc_1",
    "gh_0123abcdl_1",
    "gh_0123abcu_1",
    "gh_0123abcd_ready_1",
    "gh_0123abcd_1_3",
    "gh_0123abcd_1 ",
    "gh_0123abcd_1\n",
    'gh_0123abcd_1"; DROP ROLE x',
    `gh_0123abcd_${"1".repeat(41)}`,
    "xgh_0123abcd_1",
  ]) {
    t.equal(epochOf(name), undefined, JSON.stringify(name));
  }
  t.end();
});

t.test("a session that no user can be named by is refused", (t) => {
  for (const session of ["ses_", "ses_'; --", "ses_a b", `ses_${"1".repeat(60)}`, "ses_1_2"]) {
    t.throws(() => sessionName("0123abcd", session), { code: "INTERNAL" }, session);
  }
  t.end();
});
