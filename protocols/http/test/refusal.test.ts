import t from "tap";
import { refusalAnswer } from "../src/refusal.ts";

t.test("a refusal for a time says when to try again", async (t) => {
  const refusal = { kind: "too_many", message: "Used up.", reference: "ref_1" } as const;
  const { status, fields } = refusalAnswer({ ...refusal, retryAfter: 20 });
  t.equal(status, 429);
  t.same(
    fields.filter(([name]) => name === "Retry-After"),
    [["Retry-After", "20"]],
  );
  t.same(
    refusalAnswer(refusal).fields.filter(([name]) => name === "Retry-After"),
    [],
  );
});
