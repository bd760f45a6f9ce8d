import { Secret } from "@gatehouse/core";
import t from "tap";
import { createSecrets, resolveSigningKey } from "../src/index.ts";

const secrets = createSecrets({ vault: () => undefined });
const literal = (text: string) => ({ from: "literal", secret: new Secret(text) }) as const;

t.test("a key of 16 bytes is one to sign with", async (t) => {
  t.equal((await resolveSigningKey(secrets, literal("0123456789abcdef"))).reveal(), "0123456789abcdef");
  t.equal((await resolveSigningKey(secrets, literal("éééééééé"))).reveal(), "éééééééé");
});

t.test("a shorter one is refused, and not repeated", async (t) => {
  for (const text of ["0123456789abcde", "x"]) {
    await t.rejects(resolveSigningKey(secrets, literal(text)), {
      code: "SECRET_UNAVAILABLE",
      message:
        "The key that the config holds has less than 16 bytes; nothing was signed with it, and no signature was checked.",
    });
  }
});
