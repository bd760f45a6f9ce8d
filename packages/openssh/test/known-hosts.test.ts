import { randomBytes } from "node:crypto";
import t from "tap";
import {
  type Certificate,
  issueCertificate,
  KnownHosts,
  type PublicKey,
  readCertificate,
} from "../src/index.ts";
import { matchesPattern } from "../src/pattern.ts";
import { certificateBlob, NOW, privateKey, publicKey, vector } from "./vectors.ts";

const hosts = KnownHosts.parse(vector("known_hosts"));
const check = (host: string, port: number, shown: PublicKey | Certificate, now = NOW) =>
  hosts.check(host, port, shown, now);
const [ed25519, ecdsa256, rsa] = [publicKey("ed25519"), publicKey("ecdsa256"), publicKey("rsa")];
const line = (name: string) => publicKey(name).toString();

t.test("a host is known by the key of its line, under each of its names", async (t) => {
  t.equal(check("web.example.com", 22, ed25519), "known");
  t.equal(check("WEB.example.com", 22, ed25519), "known");
  t.equal(check("10.1.2.3", 22, ed25519), "known");
  t.equal(check("web.example.com", 22, ecdsa256), "unknown");
  t.equal(check("mail.example.com", 22, ed25519), "unknown");
});

t.test("a host on another port is known by the lines with that port, where there are any", async (t) => {
  t.equal(check("web.example.com", 2222, ecdsa256), "known");
  t.equal(check("web.example.com", 2222, ed25519), "unknown");
  t.equal(check("web.example.com", 2223, ecdsa256), "unknown");
  t.equal(check("web.example.com", 2223, ed25519), "known");
});

t.test("a pattern is for the hosts that it fits, but for those that it takes out again", async (t) => {
  t.equal(check("a.example.org", 22, rsa), "known");
  t.equal(check("example.org", 22, rsa), "unknown");
  t.equal(check("bad.example.org", 22, rsa), "unknown");
  const negatedOnly = KnownHosts.parse(`!bad.example.org ${line("rsa")}`);
  t.equal(negatedOnly.check("a.example.org", 22, rsa, NOW), "unknown");
});

t.test("names that ssh-keygen has hashed are found again", async (t) => {
  const hashed = KnownHosts.parse(vector("known_hosts_hashed"));
  t.equal(hashed.check("hashed.example.com", 22, ed25519, NOW), "known");
  t.equal(hashed.check("hashed.example.com", 2200, ecdsa256, NOW), "known");
  t.equal(hashed.check("2001:db8::7", 22, rsa, NOW), "known");
  t.equal(hashed.check("other.example.com", 22, ed25519, NOW), "unknown");
});

t.test("a certificate is known by its authority, for its host and its time", async (t) => {
  const certificate = readCertificate(certificateBlob("host"));
  t.equal(check("db.internal.example.com", 22, certificate), "known");
  t.equal(check("db.internal.example.com", 2222, certificate), "known");
  t.equal(check("db.internal.example.com", 22, certificate, Date.UTC(2028, 0, 1)), "unknown");
  t.equal(check("a.example.org", 22, certificate), "unknown", "the authority is not one for this host");
  t.equal(check("db.internal.example.com", 22, publicKey("authority")), "unknown", "the key without it");
  t.equal(
    check("web.example.com", 22, readCertificate(certificateBlob("ed25519"))),
    "known",
    "by its own key",
  );
});

t.test("an authority's key is no host's key, and a host's key no authority", async (t) => {
  t.equal(check("db.internal.example.com", 22, ed25519), "unknown");
  const plain = KnownHosts.parse(`*.internal.example.com ${line("ed25519")}`);
  t.equal(
    plain.check("db.internal.example.com", 22, readCertificate(certificateBlob("host")), NOW),
    "unknown",
  );
});

t.test("a user's certificate proves no host", async (t) => {
  const authority = KnownHosts.parse(`@cert-authority * ${line("authority")}`);
  t.equal(authority.check("deploy", 22, readCertificate(certificateBlob("ecdsa256")), NOW), "unknown");
});

t.test(
  "a key that was revoked is revoked on every port, in a certificate, and as its authority",
  async (t) => {
    t.equal(check("web.example.com", 22, publicKey("ecdsa384")), "revoked");
    const both = KnownHosts.parse(
      [
        `web.example.com ${line("ed25519")}`,
        `@revoked web.example.com ${line("ed25519")}`,
        `[db.example.com]:2222 ${line("rsa")}`,
        `@revoked db.example.com ${line("rsa")}`,
        `@cert-authority * ${line("ed25519")}`,
      ].join("\n"),
    );
    const certificate = readCertificate(certificateBlob("host"));
    t.equal(both.check("web.example.com", 22, ed25519, NOW), "revoked");
    t.equal(both.check("web.example.com", 22, certificate, NOW), "revoked", "its authority");
    t.equal(
      both.check("web.example.com", 22, readCertificate(certificateBlob("ed25519")), NOW),
      "revoked",
      "its key",
    );
    t.equal(both.check("db.example.com", 2222, rsa, NOW), "revoked");
  },
);

t.test("a host is asked for what is known of it, best first", async (t) => {
  const two = KnownHosts.parse(
    `a ${line("rsa")}\na,b ${line("ecdsa256")}\na ${line("ed25519")}\n@revoked a ${line("ecdsa384")}`,
  );
  t.same(two.algorithms("a", 22), ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"]);
  t.same(two.algorithms("b", 22), ["ecdsa-sha2-nistp256"]);
  t.same(two.algorithms("c", 22), []);
  t.same(hosts.algorithms("db.internal.example.com", 22), [
    "ssh-ed25519-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
  ]);
  t.same(hosts.algorithms("web.example.com", 22).at(-1), "ssh-ed25519", "certificates, and then keys");
});

t.test("a certificate with a critical option that nobody keeps to is unknown", async (t) => {
  const issued = issueCertificate(
    privateKey("authority"),
    {
      ...{ type: "host", publicKey: ed25519, serial: 1n, keyId: "host", principals: ["a"] },
      ...{
        validAfter: NOW,
        validBefore: NOW + 1000,
        criticalOptions: new Map([["new@example.com", Buffer.alloc(0)]]),
      },
    },
    randomBytes,
  );
  const authority = KnownHosts.parse(`@cert-authority a ${line("authority")}`);
  t.equal(authority.check("a", 22, issued, NOW), "unknown");
});

t.test("a line that can't be read is named", async (t) => {
  for (const wrong of [
    "web.example.com",
    "web.example.com ssh-ed25519",
    `web.example.com ssh-rsa ${line("ed25519").split(" ")[1]}`,
    `web.example.com ssh-ed25519 AAAA`,
    vector("rsa1024.pub").replace(/^/, "web.example.com "),
    `@unknown * ${line("rsa")}`,
    `@__proto__ * ${line("rsa")}`,
    `@constructor * ${line("rsa")}`,
    `@ * ${line("rsa")}`,
    `a,,b ${line("rsa")}`,
    `! ${line("rsa")}`,
    `|1|AAAA ${line("rsa")}`,
    `|2|AAAA|AAAA ${line("rsa")}`,
    `|1|BkomJ09BdVDjZGz3/ZDKqXYpRF0=|AAAA ${line("rsa")}`,
    `${vector("known_hosts_hashed").split(" ")[0]},web.example.com ${line("rsa")}`,
    line("rsa"),
  ]) {
    const text = `# hosts\n\n${wrong}\n`;
    t.throws(() => KnownHosts.parse(text), { code: "KEY_INVALID", message: /^Line 3 / }, wrong.slice(0, 60));
  }
  t.same(KnownHosts.parse("# nothing\r\n\r\n").algorithms("a", 22), []);
});

t.test("patterns have wildcards, and take no longer for hostile ones", async (t) => {
  const fits = ["*", "*.b", "a.*", "?.b", "a.b", "**", "a*b", "***a*.*b***"];
  for (const pattern of fits) t.ok(matchesPattern(pattern, "a.b"), pattern);
  for (const pattern of ["", "a", "a.b?", "?", "b*", "*a", "a.bb", "*.c*"])
    t.notOk(matchesPattern(pattern, "a.b"), pattern);
  t.ok(matchesPattern("*", ""));
  t.notOk(matchesPattern("?", ""));
  t.notOk(matchesPattern(`${"*a".repeat(200)}b`, "a".repeat(2000)));
});
