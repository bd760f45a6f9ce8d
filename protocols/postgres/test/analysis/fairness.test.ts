import { sampleSession } from "@gatehouse/testkit";
import t, { type Test } from "tap";
import type { Reading } from "../../src/analysis/analysis.ts";
import { Analyzer } from "../../src/analysis/analyzer.ts";
import { HeldParsers, tooDeep } from "../support/held-parsers.ts";

const PUBLIC: Reading = { path: ["public"], backslashes: false, touched: false, usesUser: false };

function sessionOf(subject: string, issuer = "https://idp.example.com") {
  const { identity } = sampleSession;
  return { ...sampleSession, identity: { ...identity, subject, proof: { ...identity.proof, issuer } } };
}

/** An analyzer, and texts that are asked for without waiting for them. */
function start(t: Test) {
  const parsers = new HeldParsers();
  const analyzer = new Analyzer(parsers.make);
  t.teardown(() => analyzer.dispose());
  const asked: Promise<unknown>[] = [];
  return {
    analyzer,
    parsers,
    ask: async (text: string, session = sessionOf("somebody")) => {
      const result = analyzer.analyze(text, PUBLIC, session);
      asked.push(result);
      return result;
    },
    all: async () => Promise.all(asked),
  };
}

t.test("identities take turns, each with all its sessions", async (t) => {
  const { parsers, ask, all } = start(t);
  const release = parsers.hold("select from a1");
  for (const n of [1, 2, 3, 4]) void ask(`select from a${n}`, sessionOf("a"));
  for (const n of [1, 2]) void ask(`select from b${n}`, sessionOf("b"));
  void ask("select from elsewhere", sessionOf("a", "https://other.example.com"));
  release();
  await all();
  t.strictSame(
    parsers.begun.map((text) => text.slice("select from ".length)),
    ["a1", "b1", "elsewhere", "a2", "b2", "a3", "a4"],
  );
});

t.test("who has sent a slow text has the next parsed beside the others' for a minute", async (t) => {
  const { parsers, ask } = start(t);
  const slow = sessionOf("slow");
  t.match(await ask(tooDeep(10_000), slow), { ok: false });
  const release = parsers.hold("select from held");
  const held = ask("select from held", slow);
  const behind = ask("select from behind", sessionOf("slow"));
  t.match(await ask("select from other", sessionOf("other")), { ok: true });
  t.notOk(parsers.begun.includes("select from behind"), "another session of the same identity waits");

  const now = performance.now();
  t.intercept(performance, "now", { value: () => now + 60_001 });
  t.match(await ask("select from later", slow), { ok: true }, "the held text is still held");
  release();
  t.match(await Promise.all([held, behind]), [{ ok: true }, { ok: true }]);
});

t.test("what waits moves to the second parser when its identity turns out to be slow", async (t) => {
  const { parsers, ask } = start(t);
  const slow = ask(tooDeep(10_000), sessionOf("slow"));
  const release = parsers.hold("select from held");
  const held = ask("select from held", sessionOf("slow"));
  t.match(await slow, { ok: false });
  t.match(await ask("select from other", sessionOf("other")), { ok: true });
  release();
  t.match(await held, { ok: true });
});

t.test("a session that has ended has nothing parsed any more", async (t) => {
  const { analyzer, parsers, ask } = start(t);
  const release = parsers.hold("select from held");
  const held = ask("select from held");
  const [ended, other] = [sessionOf("a"), sessionOf("a")];
  const endedAsks = ask("select from ended", ended);
  const otherAsks = ask("select from other", other);
  analyzer.withdraw(ended);
  t.match(await endedAsks, { ok: false, why: "unparsable" });
  release();
  t.match(await Promise.all([held, otherAsks]), [{ ok: true }, { ok: true }]);
  t.strictSame(parsers.begun, ["select from held", "select from other"]);
});
