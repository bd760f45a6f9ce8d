import { createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import t from "tap";
import { distinguishedName, signCertificate } from "../src/certificate.ts";
import { authorityExtensions } from "../src/extensions.ts";

/** A point whose X begins with 63 reads, by chance, as a whole OCTET STRING: one key in 256 has one. */
function keyPairThatLooksLikeAsn1() {
  for (;;) {
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { x = "" } = pair.publicKey.export({ format: "jwk" });
    if (Buffer.from(x, "base64url")[0] === 63) return pair;
  }
}

t.test("a public key whose bits look like ASN.1 stays the same key", async (t) => {
  const { publicKey, privateKey } = keyPairThatLooksLikeAsn1();
  const name = distinguishedName("Test CA");
  const pem = signCertificate(
    {
      issuer: name,
      subject: name,
      notBefore: 0,
      notAfter: 1000,
      publicKey,
      extensions: authorityExtensions(publicKey),
    },
    privateKey,
  );
  const certificate = new X509Certificate(pem);
  t.ok(certificate.publicKey.equals(createPublicKey(privateKey)));
  t.ok(certificate.verify(publicKey));
  t.ok(certificate.ca);
});
