import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { isIPv6 } from "node:net";
import { Secret } from "@gatehouse/core";
import t from "tap";
import { distinguishedName, signCertificate } from "../src/certificate.ts";
import { encode, octets, oid, sequence } from "../src/der.ts";
import { authorityExtensions } from "../src/extensions.ts";
import { createAuthority, loadAuthority, type PemPair } from "../src/index.ts";

const NOW = Date.UTC(2026, 10, 20, 12, 0, 0);
const DAY = 24 * 60 * 60 * 1000;
const invalid = { name: "GatehouseError", code: "CERTIFICATE_INVALID" };

t.test("an authority signs itself, may sign leaves only, and lasts ten years", async (t) => {
  const { certificate } = await createAuthority({ name: "Test CA", now: NOW });
  t.equal(certificate.subject, "O=Gatehouse\nCN=Test CA");
  t.equal(certificate.issuer, certificate.subject);
  t.ok(certificate.ca);
  t.ok(certificate.verify(certificate.publicKey));
  t.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
  t.equal(certificate.validFromDate.getTime(), NOW - 5 * 60 * 1000);
  t.equal(certificate.validToDate.getTime(), NOW + 3650 * DAY);
  const hex = certificate.raw.toString("hex");
  t.match(hex, "0603551d13" + "0101ff" + "0408" + "30060101ff020100", "critical, CA, path length 0");
  t.match(hex, "0603551d0f" + "0101ff" + "0404" + "03020106", "critical, certificate and CRL signing");
});

t.test("a leaf chains to its authority and to no other of the same name", async (t) => {
  const authority = await createAuthority({ name: "Test CA", now: NOW });
  const other = await createAuthority({ name: "Test CA", now: NOW });
  const pair = await authority.issue({ use: "server", commonName: "db", names: ["db"], now: NOW });
  const leaf = new X509Certificate(pair.certificatePem);
  t.ok(leaf.checkIssued(authority.certificate));
  t.ok(leaf.verify(authority.certificate.publicKey));
  t.notOk(leaf.checkIssued(other.certificate), "the key identifiers differ");
  t.notOk(leaf.verify(other.certificate.publicKey));
  t.notOk(leaf.ca);
  t.equal(leaf.subject, "O=Gatehouse\nCN=db");
});

t.test("a server's certificate is for its names and addresses, whatever their form", async (t) => {
  const authority = await createAuthority({ name: "Test CA", now: NOW });
  const names = [
    "DB.Example.com",
    "db.example.com",
    "localhost",
    "127.0.0.1",
    "::1",
    "2001:db8::ffff:1.2.3.4",
  ];
  const pair = await authority.issue({ use: "server", commonName: "db", names, now: NOW });
  const leaf = new X509Certificate(pair.certificatePem);
  t.equal(leaf.checkHost("db.example.com"), "db.example.com");
  t.equal(leaf.checkHost("localhost"), "localhost");
  t.equal(leaf.checkHost("db"), undefined, "the common name is no name to connect to");
  for (const address of ["127.0.0.1", "::1", "2001:db8::ffff:102:304"])
    t.equal(leaf.checkIP(address), address);
  t.equal(leaf.checkIP("127.0.0.2"), undefined);
  t.equal(leaf.subjectAltName?.split(", ").length, 5, "each name once");
});

t.test("every place of an IPv6 address survives", async (t) => {
  const authority = await createAuthority({ name: "Test CA", now: NOW });
  const names = [
    "::",
    "1::",
    "::8",
    "1:2:3:4:5:6:7:8",
    "1::8",
    "fe80::abcd:0:1",
    "::ffff:10.1.2.3",
    "ABCD::0",
  ];
  const pair = await authority.issue({ use: "server", commonName: "db", names, now: NOW });
  const leaf = new X509Certificate(pair.certificatePem);
  for (const name of names) {
    t.ok(isIPv6(name));
    t.equal(leaf.checkIP(name), name);
  }
});

t.test("the use of a leaf is the one that was asked for, and no other", async (t) => {
  const authority = await createAuthority({ name: "Test CA", now: NOW });
  const server = await authority.issue({ use: "server", commonName: "db", names: ["db"], now: NOW });
  const client = await authority.issue({ use: "client", commonName: "crew-analyst", names: [], now: NOW });
  t.same(new X509Certificate(server.certificatePem).keyUsage, ["1.3.6.1.5.5.7.3.1"]);
  t.same(new X509Certificate(client.certificatePem).keyUsage, ["1.3.6.1.5.5.7.3.2"]);
  t.equal(new X509Certificate(client.certificatePem).subjectAltName, undefined);
});

t.test("serial numbers are positive, 20 bytes long and never the same", async (t) => {
  const authority = await createAuthority({ name: "Test CA", now: NOW });
  const serials = new Set<string>();
  for (let i = 0; i < 64; i += 1) {
    const pair = await authority.issue({ use: "client", commonName: "a", names: [], now: NOW });
    serials.add(new X509Certificate(pair.certificatePem).serialNumber);
  }
  t.equal(serials.size, 64);
  for (const serial of serials) t.match(serial, /^[4-7][0-9A-F]{39}$/);
});

t.test("a leaf lasts 90 days, or as long as asked for, and never longer than its authority", async (t) => {
  const authority = await createAuthority({ name: "Test CA", now: NOW });
  const end = authority.certificate.validToDate.getTime();
  const issue = (now: number, lifetime?: number) =>
    authority.issue({
      use: "client",
      commonName: "a",
      names: [],
      now,
      ...(lifetime === undefined ? {} : { lifetime }),
    });
  const usual = await issue(NOW);
  t.equal(usual.notAfter, NOW + 90 * DAY);
  t.equal(new X509Certificate(usual.certificatePem).validToDate.getTime(), usual.notAfter);
  t.equal(new X509Certificate(usual.certificatePem).validFromDate.getTime(), NOW - 5 * 60 * 1000);
  t.equal((await issue(NOW, 3 * DAY)).notAfter, NOW + 3 * DAY);
  t.equal((await issue(NOW, Number.POSITIVE_INFINITY)).notAfter, end);
  t.equal((await issue(end - DAY)).notAfter, end);
  for (const lifetime of [0, -DAY, Number.NaN]) await t.rejects(issue(NOW, lifetime), invalid);
  await t.rejects(issue(end + 1), { ...invalid, message: /expired/ });
  await t.rejects(issue(NOW - DAY), { ...invalid, message: /not valid before/ });
});

t.test("years from 2050 on are written as GeneralizedTime, earlier ones as UTCTime", async (t) => {
  const { certificate } = await createAuthority({ name: "Test CA", now: Date.UTC(2045, 0, 1) });
  t.equal(certificate.validToDate.toISOString(), "2054-12-30T00:00:00.000Z");
  t.ok(certificate.raw.includes("\x17\x0d441231235500Z"));
  t.ok(certificate.raw.includes("\x18\x0f20541230000000Z"));
});

t.test("a name that a certificate can't hold is refused and nothing is issued", async (t) => {
  const authority = await createAuthority({ name: "Test CA", now: NOW });
  const long = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`;
  t.equal(long.length, 253);
  const server = (...names: string[]) =>
    authority.issue({ use: "server", commonName: "db", names, now: NOW });
  await t.resolves(server(long));
  const bad = [
    "",
    " ",
    "a b",
    " a",
    "a\0b",
    "a\n",
    "a.",
    ".a",
    "a..b",
    "-a",
    "a-",
    "a_b",
    "*",
    "*.example.com",
  ];
  bad.push(`${long}e`, "e".repeat(64), "b\u00fccher.example", "256.1.1.1", "1.2.3", "fe80::1%eth0", "[::1]");
  bad.push("a,DNS:b", "a:5432", "http://a");
  for (const name of bad) await t.rejects(server("localhost", name), invalid, JSON.stringify(name));
  await t.rejects(server(), invalid, "a server without a name");
  await t.rejects(server(...Array.from({ length: 101 }, (_, i) => `h${i}`)), invalid, "too many names");
});

t.test("a refused name is shown on one line, bounded, and without what a terminal acts on", async (t) => {
  const authority = await createAuthority({ name: "Test CA", now: NOW });
  const name = `\u001b[31m\n\u202e${"x".repeat(10_000)}`;
  await t.rejects(authority.issue({ use: "server", commonName: "db", names: [name], now: NOW }), {
    message: /^[^\p{C}]{1,300}$/u,
  });
});

t.test("a common name is text of 1 to 64 characters", async (t) => {
  const authority = await createAuthority({ name: "Test CA", now: NOW });
  const client = (commonName: string) => authority.issue({ use: "client", commonName, names: [], now: NOW });
  const name = `Zo\u00eb, "the" + O=1 ${"\u{1f511}".repeat(40)}`;
  const leaf = new X509Certificate((await client(name)).certificatePem);
  t.equal(leaf.toLegacyObject().subject.CN, name);
  for (const bad of ["", " a", "a\0", "a\nb", "x".repeat(65)]) {
    await t.rejects(client(bad), invalid, JSON.stringify(bad));
    await t.rejects(createAuthority({ name: bad, now: NOW }), invalid);
  }
});

t.test("a loaded authority issues as the one that was made", async (t) => {
  const made = await createAuthority({ name: "Pr\u00fcf CA", now: NOW });
  const loaded = loadAuthority({ certificatePem: made.certificatePem, key: made.key });
  const pair = await loaded.issue({ use: "server", commonName: "db", names: ["db"], now: NOW });
  const leaf = new X509Certificate(pair.certificatePem);
  t.ok(leaf.checkIssued(made.certificate));
  t.ok(leaf.verify(made.certificate.publicKey));
});

/** An authority that somebody else made: its key's curve and its identifier are theirs to choose. */
function foreignAuthority(namedCurve: string, identifier: Uint8Array): PemPair {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve });
  const name = distinguishedName("Foreign CA");
  const [constraints, usage] = authorityExtensions(publicKey);
  if (constraints === undefined || usage === undefined) throw new Error("An authority has extensions.");
  const subjectKeyIdentifier = sequence(oid("2.5.29.14"), octets(encode(octets(identifier))));
  const extensions = [constraints, usage, subjectKeyIdentifier];
  const fields = { issuer: name, subject: name, notBefore: NOW, notAfter: NOW + DAY, publicKey, extensions };
  return {
    certificatePem: signCertificate(fields, privateKey),
    key: new Secret(privateKey.export({ type: "pkcs8", format: "pem" }).toString()),
  };
}

t.test("a leaf names its authority by the identifier that the authority has", async (t) => {
  const authority = loadAuthority(foreignAuthority("P-256", Buffer.from("an identifier")));
  const pair = await authority.issue({ use: "client", commonName: "a", names: [], now: NOW });
  const leaf = new X509Certificate(pair.certificatePem);
  t.ok(leaf.raw.includes("an identifier"));
  t.ok(leaf.checkIssued(authority.certificate));
  t.equal(leaf.validFromDate.getTime(), NOW, "it does not begin before its authority");
});

t.test("an authority whose key is on another curve is not loaded", async (t) => {
  t.throws(() => loadAuthority(foreignAuthority("P-384", Buffer.from("an identifier"))), {
    ...invalid,
    message: /not an ECDSA key on the curve P-256/,
  });
});

t.test("what is no authority is not loaded as one", async (t) => {
  const authority = await createAuthority({ name: "Test CA", now: NOW });
  const other = await createAuthority({ name: "Test CA", now: NOW });
  const leaf = await authority.issue({ use: "server", commonName: "db", names: ["db"], now: NOW });
  t.throws(() => loadAuthority(leaf), { ...invalid, message: /not a certificate authority's/ });
  t.throws(() => loadAuthority({ certificatePem: authority.certificatePem, key: other.key }), {
    ...invalid,
    message: /not the private key of/,
  });
});
