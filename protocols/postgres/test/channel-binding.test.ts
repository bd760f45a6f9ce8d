import t from "tap";
import { signatureHash } from "../src/channel-binding.ts";
import { certificates } from "./certificates.data.ts";

t.test("a certificate binds by its signature's hash, and by SHA-256 in place of a weak one", async (t) => {
  for (const [algorithm, hash, der] of certificates) {
    t.equal(signatureHash(Buffer.from(der, "base64")), hash, algorithm);
  }
});

t.test("what is no certificate has no hash, wherever it ends", async (t) => {
  for (const [, , der] of certificates) {
    const whole = Buffer.from(der, "base64");
    for (let length = 0; length < whole.length; length++) {
      if (signatureHash(whole.subarray(0, length)) !== undefined) t.fail(`${length} bytes`);
    }
  }
  t.equal(signatureHash(Buffer.alloc(100, 0x30)), undefined);
  t.equal(signatureHash(Buffer.alloc(100, 0xff)), undefined);
});
