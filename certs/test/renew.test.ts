import { X509Certificate } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { createAuthority, renewIfDue, writePair } from "../src/index.ts";

const DAY = 24 * 60 * 60 * 1000;
const NOW = Date.UTC(2026, 10, 20);
const invalid = { name: "GatehouseError", code: "CERTIFICATE_INVALID" };

const authority = await createAuthority({ name: "Test CA", now: NOW });

async function issued(dir: string, now = NOW): Promise<X509Certificate> {
  const names = ["gw.example.com", "10.0.0.7", "::1"];
  const request = { use: "server", commonName: "The Gateway", names, lifetime: 30 * DAY, now } as const;
  await writePair(dir, "gw", await authority.issue(request));
  return read(dir);
}

const read = async (dir: string) => new X509Certificate(await readFile(join(dir, "gw.crt")));

t.test("a certificate with a third of its lifetime left stays", async (t) => {
  const dir = t.testdir();
  const before = await issued(dir);
  const renewal = await renewIfDue({ authority, dir, name: "gw", now: NOW + 19 * DAY });
  t.same(renewal, { renewed: false, notAfter: NOW + 30 * DAY });
  t.equal((await read(dir)).fingerprint256, before.fingerprint256);
});

t.test("with less left it is issued again: same names, use and lifetime, another key", async (t) => {
  for (const now of [NOW + 21 * DAY, NOW + 400 * DAY]) {
    const dir = t.testdir();
    const before = await issued(dir);
    const renewal = await renewIfDue({ authority, dir, name: "gw", now });
    t.same(renewal, { renewed: true, notAfter: now + 30 * DAY });
    const after = await read(dir);
    t.equal(after.validToDate.getTime(), now + 30 * DAY);
    t.equal(after.subject, before.subject);
    t.equal(after.subjectAltName, before.subjectAltName);
    t.same(after.keyUsage, before.keyUsage);
    t.notOk(after.publicKey.equals(before.publicKey));
    t.ok(after.verify(authority.certificate.publicKey));
  }
});

t.test("a client's certificate without names is renewed as one", async (t) => {
  const dir = t.testdir();
  await writePair(
    dir,
    "gw",
    await authority.issue({ use: "client", commonName: "agent", names: [], now: NOW }),
  );
  t.match(await renewIfDue({ authority, dir, name: "gw", now: NOW + 80 * DAY }), { renewed: true });
  const after = await read(dir);
  t.same(after.keyUsage, ["1.3.6.1.5.5.7.3.2"]);
  t.equal(after.subjectAltName, undefined);
});

t.test("a pair whose key is lost or another's is mended", async (t) => {
  const dir = t.testdir();
  const breakages = [
    (key: string) => rm(key),
    async (key: string) => {
      const other = await authority.issue({ use: "client", commonName: "a", names: [], now: NOW });
      await writeFile(key, other.key.reveal());
    },
  ];
  for (const breakIt of breakages) {
    await issued(dir);
    await breakIt(join(dir, "gw.key"));
    t.match(await renewIfDue({ authority, dir, name: "gw", now: NOW }), { renewed: true });
    t.match(await renewIfDue({ authority, dir, name: "gw", now: NOW }), { renewed: false });
  }
});

t.test("nothing is renewed that would end at the same moment: with the authority", async (t) => {
  const dir = t.testdir();
  const end = authority.certificate.validToDate.getTime();
  await issued(dir, end - 10 * DAY);
  t.same(await renewIfDue({ authority, dir, name: "gw", now: end - DAY }), { renewed: false, notAfter: end });
});

t.test("another authority's certificate is left as it is", async (t) => {
  const dir = t.testdir();
  const before = await issued(dir);
  const other = await createAuthority({ name: "Test CA", now: NOW });
  await t.rejects(renewIfDue({ authority: other, dir, name: "gw", now: NOW + 29 * DAY }), {
    ...invalid,
    message: /was not issued by this authority/,
  });
  t.equal((await read(dir)).fingerprint256, before.fingerprint256);
});

t.test("a certificate that is missing or damaged is an error, not a new certificate", async (t) => {
  const dir = t.testdir();
  await t.rejects(renewIfDue({ authority, dir, name: "gw", now: NOW }), invalid);
  await writeFile(join(dir, "gw.crt"), "garbage");
  await t.rejects(renewIfDue({ authority, dir, name: "gw", now: NOW }), invalid);
});
