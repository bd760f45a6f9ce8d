import { randomBytes } from "node:crypto";
import t from "tap";
import { string, uint32, uint64 } from "../src/fields.ts";
import {
  certificateAlgorithms,
  checkCertificate,
  isCertificate,
  issueCertificate,
  optionData,
  optionValue,
  readCertificate,
  signatureAlgorithmOf,
  type WantedCertificate,
} from "../src/index.ts";
import { createToken, TOKEN_TYPES } from "./token.ts";
import { certificateBlob, damaged, NOW, outcomeOf, privateKey, publicKey, vector } from "./vectors.ts";

const invalid = { code: "CERTIFICATE_INVALID" };
const START = Date.UTC(2026, 0, 1);
const END = Date.UTC(2027, 0, 1);

/** Reads a vector, and checks it for the user `deploy` of its own authority, unless told otherwise. */
function check(name: string, wanted: Partial<WantedCertificate> = {}): void {
  const certificate = readCertificate(certificateBlob(name));
  const authorities = [publicKey("rsa"), certificate.authority];
  checkCertificate(certificate, { type: "user", authorities, principal: "deploy", now: NOW, ...wanted });
}

/** A certificate whose parts need not be such as anybody issues, signed all the same. */
function forge(parts: {
  type?: string;
  kind?: number;
  principals?: Buffer;
  keyId?: string | Buffer;
  options?: Buffer;
  authority?: Buffer;
  after?: bigint;
}): Buffer {
  const body = Buffer.concat([
    ...[string(parts.type ?? "ssh-ed25519-cert-v01@openssh.com"), string(randomBytes(32))],
    publicKey("ed25519").blob.subarray(string("ssh-ed25519").length),
    ...[uint64(1n), uint32(parts.kind ?? 1), string(parts.keyId ?? "forged")],
    string(parts.principals ?? string("deploy")),
    ...[uint64(parts.after ?? 0n), uint64(2n ** 64n - 1n)],
    ...[string(parts.options ?? ""), string(""), string("")],
    string(parts.authority ?? publicKey("authority").blob),
  ]);
  return Buffer.concat([body, string(privateKey("authority").sign("ssh-ed25519", body))]);
}

t.test("a certificate of ssh-keygen's is read, with all that it says", async (t) => {
  const certificate = readCertificate(certificateBlob("user-options"));
  t.match(certificate, {
    type: "user",
    algorithm: "ssh-ed25519-cert-v01@openssh.com",
    serial: 42n,
    keyId: "dana",
    principals: ["deploy", "admin"],
    validAfter: START,
    validBefore: END,
  });
  t.ok(certificate.publicKey.equals(publicKey("ed25519")));
  t.ok(certificate.authority.equals(publicKey("authority")));
  t.same([...certificate.criticalOptions.keys()], ["force-command", "source-address"]);
  t.equal(optionValue(certificate.criticalOptions.get("force-command") ?? Buffer.alloc(0)), "uptime");
  t.same(
    [...certificate.extensions],
    [
      ["login@example.com", optionData("dana")],
      ["permit-agent-forwarding", Buffer.alloc(0)],
      ["permit-pty", Buffer.alloc(0)],
    ],
  );
});

t.test("certificates over keys, and by authorities, of every type are read", async (t) => {
  for (const name of ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa"]) {
    const certificate = readCertificate(certificateBlob(name));
    t.ok(certificate.publicKey.equals(publicKey(name)), name);
    t.ok(isCertificate(certificate.algorithm), name);
    check(name);
  }
  for (const name of ["by-rsa", "by-ecdsa256", "by-ecdsa384", "by-ecdsa521"]) {
    check(name);
    t.pass(name);
  }
});

t.test("a certificate signed with SHA-1 is refused", async (t) => {
  t.match(vector("by-sha1-cert.pub"), /^ssh-rsa-cert/);
  t.throws(() => readCertificate(certificateBlob("by-sha1")), { ...invalid, message: /signature/ });
});

t.test("a certificate that is cut, longer, or has a bit changed is refused", async (t) => {
  for (const name of ["user-options", "ecdsa256", "rsa", "by-rsa", "by-ecdsa521", "host"]) {
    const passed = [...damaged(certificateBlob(name))].filter(
      (bytes) => outcomeOf(() => readCertificate(bytes)) !== "CERTIFICATE_INVALID",
    );
    t.same(passed, [], name);
  }
});

t.test("what an authority signed, but no certificate may be, is refused", async (t) => {
  t.ok(readCertificate(forge({})), "what is forged is refused for its faults alone");
  const option = (name: string) => Buffer.concat([string(name), string("")]);
  const faults = {
    "no type of certificates": forge({ type: "ssh-ed25519" }),
    "a type of certificates for other keys": forge({ type: "ssh-rsa-cert-v01@openssh.com" }),
    "an algorithm that is no type": forge({ type: "rsa-sha2-512-cert-v01@openssh.com" }),
    "neither a user's nor a host's": forge({ kind: 3 }),
    "an empty principal": forge({ principals: string("") }),
    "257 principals": forge({
      principals: Buffer.concat(Array.from({ length: 257 }, () => string("deploy"))),
    }),
    "a principal that is not UTF-8": forge({ principals: string(Buffer.of(0xff)) }),
    "a zero byte in the key id": forge({ keyId: "dana\0root" }),
    "an escape in the key id": forge({ keyId: "\u001b[2J" }),
    "an option twice": forge({ options: Buffer.concat([option("a"), option("a")]) }),
    "options out of order": forge({ options: Buffer.concat([option("b"), option("a")]) }),
    "an option without data": forge({ options: string("a") }),
    "a certificate as authority": forge({ authority: certificateBlob("ed25519") }),
    "an authority of 1024 bits": forge({
      authority: Buffer.from(vector("rsa1024.pub").split(" ")[1] ?? "", "base64"),
    }),
    "70 KB": forge({ keyId: "x".repeat(70_000) }),
  };
  for (const [fault, blob] of Object.entries(faults)) t.throws(() => readCertificate(blob), invalid, fault);
});

t.test("an authority that is certified itself is none", async (t) => {
  // The certificate's key signs, and shows its certificate for it.
  const certified = certificateBlob("host");
  t.ok(readCertificate(certified).publicKey.equals(publicKey("authority")));
  t.throws(() => readCertificate(forge({ authority: certified })), {
    ...invalid,
    message: /authority's key/,
  });
});

t.test("a certificate is for its principals, and without any for nobody", async (t) => {
  check("ed25519");
  t.throws(() => check("ed25519", { principal: "root" }), { ...invalid, message: /principal/ });
  t.throws(() => check("ed25519", { principal: "Deploy" }), invalid);
  t.throws(() => check("ed25519", { principal: "" }), invalid);
  t.throws(() => check("no-principals"), { ...invalid, message: /principal/ });
  const pattern = readCertificate(forge({ principals: string("*") }));
  const wanted = { type: "user", authorities: [pattern.authority], principal: "deploy", now: NOW } as const;
  t.throws(() => checkCertificate(pattern, wanted), invalid, "a user's have no wildcards");
  checkCertificate(pattern, { ...wanted, principal: "*" });
});

t.test("a certificate is for its time", async (t) => {
  check("ed25519", { now: START });
  check("ed25519", { now: END - 1 });
  t.throws(() => check("ed25519", { now: START - 1 }), { ...invalid, message: /not valid yet/ });
  t.throws(() => check("ed25519", { now: END }), { ...invalid, message: /expired/ });
  t.throws(() => check("ed25519", { now: Number.NaN }), invalid);
  const never = readCertificate(forge({ after: 2n ** 64n - 1n }));
  const wanted = { type: "user", authorities: [never.authority], principal: "deploy", now: NOW } as const;
  t.throws(() => checkCertificate(never, wanted), invalid, "a beginning that no number has");
});

t.test("a certificate is by an authority that is trusted", async (t) => {
  t.throws(() => check("ed25519", { authorities: [] }), { ...invalid, message: /authority/ });
  t.throws(() => check("ed25519", { authorities: [publicKey("ed25519"), publicKey("rsa")] }), invalid);
});

t.test("a user's is no host's, and a host's no user's", async (t) => {
  const host = { type: "host", principal: "web.example.com" } as const;
  check("host", host);
  check("host-forever", { ...host, now: Date.UTC(2200, 0, 1) });
  t.throws(() => check("host", { ...host, type: "user" }), { ...invalid, message: /host's/ });
  t.throws(() => check("ed25519", { type: "host" }), { ...invalid, message: /user's/ });
});

t.test("a host's principals may have wildcards, and do not tell letters' cases apart", async (t) => {
  const host = (principal: string) => check("host", { type: "host", principal });
  host("db.internal.example.com");
  host("WEB.example.com");
  t.throws(() => host("internal.example.com"), invalid);
  t.throws(() => host("web.example.com.evil.example"), invalid);
});

t.test("a critical option that is not known refuses the certificate", async (t) => {
  const from = { address: "10.1.2.3" };
  t.throws(() => check("user-options", from), { ...invalid, message: /force-command/ });
  check("user-options", { ...from, knownOptions: ["force-command"] });
  t.throws(() => check("verify-required"), { ...invalid, message: /verify-required/ });
  check("verify-required", { knownOptions: ["verify-required"] });
});

t.test("a certificate with a source-address is for use from there", async (t) => {
  const from = (address?: string) =>
    check("user-options", { knownOptions: ["force-command"], ...(address === undefined ? {} : { address }) });
  for (const address of ["10.255.0.1", "2001:db8:1::1", "::ffff:10.0.0.1"])
    t.doesNotThrow(() => from(address), address);
  for (const address of ["11.0.0.1", "2001:db9::1", "::ffff:11.0.0.1", "::1", "", "localhost", undefined]) {
    t.throws(() => from(address), { ...invalid, message: /address/ }, String(address));
  }
});

t.test("networks of a source-address that can't be read refuse the certificate", async (t) => {
  const wanted = { type: "user", principal: "deploy", now: NOW, address: "10.0.0.1" } as const;
  const from = (data: Buffer) => {
    const certificate = readCertificate(
      forge({ options: Buffer.concat([string("source-address"), string(data)]) }),
    );
    checkCertificate(certificate, { ...wanted, authorities: [certificate.authority] });
  };
  for (const networks of ["10.0.0.1", "0.0.0.0/0", "::1,10.0.0.0/24", "10.0.0.0/32,10.0.0.1/32"]) {
    t.doesNotThrow(() => from(optionData(networks)), networks);
  }
  for (const networks of [
    "",
    "10.0.0.1,",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "!10.0.0.2",
    "10.0.0.1 ",
    "any",
    "::/129",
  ]) {
    t.throws(() => from(optionData(networks)), invalid, networks);
  }
  t.throws(() => from(Buffer.from("10.0.0.1")), invalid, "not a string within the string");
});

t.test("what is issued says what was asked for", async (t) => {
  for (const name of ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa"]) {
    const issued = issueCertificate(privateKey(name), terms(), randomBytes);
    t.match(issued, { ...terms(), publicKey: {}, validAfter: START, validBefore: END }, name);
    t.ok(issued.publicKey.equals(publicKey("ed25519")));
    checkCertificate(issued, {
      ...{ type: "user", authorities: [publicKey(name)], principal: "deploy", now: NOW },
      address: "10.0.0.1",
    });
  }
  for (const type of TOKEN_TYPES) {
    const { publicKey: key } = createToken(type);
    t.ok(
      issueCertificate(privateKey("ed25519"), { ...terms(), publicKey: key }, randomBytes).publicKey.equals(
        key,
      ),
    );
  }
});

t.test("what is issued has whole seconds, within the time that was asked for", async (t) => {
  const time = { validAfter: START - 999, validBefore: END + 999 };
  t.match(issueCertificate(privateKey("ed25519"), { ...terms(), ...time }, randomBytes), {
    validAfter: START,
    validBefore: END,
  });
});

t.test("two certificates with the same terms are not the same", async (t) => {
  const issue = () => issueCertificate(privateKey("ed25519"), terms(), randomBytes).blob;
  t.notOk(issue().equals(issue()));
});

t.test("what no certificate should say is not issued", async (t) => {
  const faults = {
    "no principals": { principals: [] },
    "an empty principal": { principals: [""] },
    "a line's end in a principal": { principals: ["deploy\nroot"] },
    "257 principals": { principals: Array.from({ length: 257 }, (_, index) => `p${index}`) },
    "a zero byte in the key id": { keyId: "dana\0root" },
    "no time": { validAfter: START, validBefore: START + 999 },
    "an end before its beginning": { validAfter: END, validBefore: START },
    "no end": { validBefore: Number.POSITIVE_INFINITY },
    "a time that is none": { validAfter: Number.NaN },
    "a time before 1970": { validAfter: -1000 },
    "a negative serial": { serial: -1n },
    "a serial of 65 bits": { serial: 2n ** 64n },
  };
  for (const [fault, part] of Object.entries(faults)) {
    t.throws(
      () => issueCertificate(privateKey("ed25519"), { ...terms(), ...part }, randomBytes),
      invalid,
      fault,
    );
  }
});

t.test("the names of algorithms tell what is a certificate, and how its key signs", async (t) => {
  t.same(certificateAlgorithms("ssh-rsa"), [
    "rsa-sha2-512-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
  ]);
  t.same(certificateAlgorithms("sk-ssh-ed25519@openssh.com"), ["sk-ssh-ed25519-cert-v01@openssh.com"]);
  t.equal(signatureAlgorithmOf("rsa-sha2-256-cert-v01@openssh.com"), "rsa-sha2-256");
  t.equal(signatureAlgorithmOf("sk-ssh-ed25519-cert-v01@openssh.com"), "sk-ssh-ed25519@openssh.com");
  t.equal(signatureAlgorithmOf("ecdsa-sha2-nistp384"), "ecdsa-sha2-nistp384");
  for (const name of ["ssh-rsa", "ssh-rsa-cert-v01@openssh.com", "ssh-dss", "__proto__", ""]) {
    t.equal(signatureAlgorithmOf(name), undefined, name);
  }
  t.ok(isCertificate("ssh-rsa-cert-v01@openssh.com"));
  for (const name of ["ssh-rsa", "ssh-dss-cert-v01@openssh.com", "-cert-v01@openssh.com"]) {
    t.notOk(isCertificate(name), name);
  }
});

function terms() {
  return {
    type: "user" as const,
    publicKey: publicKey("ed25519"),
    serial: 2n ** 64n - 1n,
    keyId: "dana@example.com",
    principals: ["deploy", "admin"],
    validAfter: START,
    validBefore: END,
    criticalOptions: new Map([["source-address", optionData("10.0.0.0/8")]]),
    // Not in order: the format's order is for the issuer to make.
    extensions: new Map([
      ["permit-pty", Buffer.alloc(0)],
      ["permit-agent-forwarding", Buffer.alloc(0)],
    ]),
  };
}
