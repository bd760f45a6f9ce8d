import type { Access, Command } from "@gatehouse/core";
import t from "tap";
import { command, identity, load, policy, request } from "./fixtures.ts";

/** A command that calls functions which users of the target have made. */
function calling(names: readonly string[], otherwise: Access = "read"): Command {
  return { ...command("unknown", { functions: names }), userFunctions: { names, otherwise } };
}

const rules = '  - allow: reads\n    when: sql.access == "read"';
const listing = policy(
  rules,
  "who: { groups: [analysts] }\ntargets: [orders]\nfunctions: { reads: [public.total, app.rate] }",
);

t.test("a function that a policy lists is held to read, and one that none lists is unknown", async (t) => {
  const effect = (asked: Command, texts = [listing]) =>
    load(texts).decide(request({ command: asked })).effect;
  t.equal(effect(calling(["public.total"])), "allow");
  t.equal(effect(calling(["app.rate", "public.total"])), "allow");
  t.equal(effect(calling(["public.total", "public.other"])), "block", "all of them must be listed");
  t.equal(effect(calling(["public.total"]), [policy(rules)]), "block");
  t.equal(effect(command("unknown")), "block", "what is unknown for another reason stays so");
});

t.test("what else the command does is still what it does", async (t) => {
  for (const otherwise of ["write", "ddl", "admin", "unknown"] as const) {
    const { decision, access } = load([listing]).explain(
      request({ command: calling(["public.total"], otherwise) }),
    );
    t.match([decision.effect, access], ["block", otherwise]);
  }
});

t.test("a function may be listed as one that writes, and many by one pattern", async (t) => {
  const lists =
    "who: { groups: [analysts] }\ntargets: [orders]\nfunctions: { reads: [geo.*], writes: [public.log_*] }";
  const engine = load([policy(rules, lists)]);
  const access = (names: readonly string[], otherwise: Access = "read") =>
    engine.explain(request({ command: calling(names, otherwise) })).access;
  t.equal(access(["geo.area"]), "read");
  t.equal(access(["geo.area"], "write"), "write");
  t.equal(access(["public.log_order", "geo.area"]), "write");
  t.equal(access(["public.log_order"], "ddl"), "ddl");
  t.equal(access(["public.login"]), "unknown");
  t.equal(access(['geo."a.b"']), "read");
  t.equal(access(["other.geo.area"]), "unknown", "a star stays in its part");
});

t.test("a refusal names the functions that stand in the way", async (t) => {
  const engine = load([policy(rules)]);
  const decision = engine.decide(request({ command: calling(["a.b", "c.d", "e.f", "g.h", "i.j"]) }));
  t.match(decision, {
    message:
      /It runs a\.b, c\.d, e\.f and 2 more, and what that does is not known until a policy lists it under functions\.$/,
  });
});

t.test("a list is for those whom its policy is for, and holds in the rules of other policies", async (t) => {
  const other = policy('  - allow: reads\n    when: sql.access == "read"').replace("sample", "other");
  const alone = listing.replace(rules, "  - block: never\n    when: 'false'");
  const engine = load([alone, other]);
  const ask = (changes: Parameters<typeof request>[0]) =>
    engine.decide(request({ command: calling(["public.total"]), ...changes })).effect;
  t.equal(ask({}), "allow");
  t.equal(ask({ identity: identity({ groups: [] }) }), "block");
});

t.test("an explanation has the access that the rules see", async (t) => {
  const { access, decision } = load([listing]).explain(request({ command: calling(["public.total"]) }));
  t.match([access, decision.effect], ["read", "allow"]);
  t.equal(load([listing]).explain(request({ command: calling(["public.x"]) })).access, "unknown");
});

t.test("what was decided of one identity's shape is not taken for one whom no list is for", async (t) => {
  const engine = load([listing, policy(rules).replace("sample", "other")]);
  const shaped = { ...calling(["public.total"]), shape: {} };
  const [one, two] = [identity(), identity({ groups: [] })];
  for (const _ of [1, 2]) {
    t.equal(engine.decide(request({ identity: one, command: shaped })).effect, "allow");
    t.equal(engine.decide(request({ identity: two, command: shaped })).effect, "block");
  }
});
