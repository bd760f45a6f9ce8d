// Keys, certificates, signatures and known hosts, by the real ssh-keygen. `npm run test:clients` runs this.
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret } from "@gatehouse/core";
import t from "tap";
import { Fields, string, uint32 } from "../../src/fields.ts";
import {
  checkCertificate,
  generatePrivateKey,
  isSignatureAlgorithm,
  issueCertificate,
  KnownHosts,
  optionData,
  optionValue,
  type PrivateKeyType,
  type PublicKey,
  parsePublicKeyLine,
  readCertificate,
  readPrivateKey,
  signatureAlgorithms,
  writePrivateKey,
} from "../../src/index.ts";
import { keyInvalid } from "../../src/invalid.ts";
import { createToken, TOKEN_TYPES } from "../token.ts";

const TYPES: readonly PrivateKeyType[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
];
/** How ssh-keygen is told to make one. */
const MAKE: Readonly<Record<PrivateKeyType, readonly string[]>> = {
  "ssh-ed25519": ["-t", "ed25519"],
  "ecdsa-sha2-nistp256": ["-t", "ecdsa", "-b", "256"],
  "ecdsa-sha2-nistp384": ["-t", "ecdsa", "-b", "384"],
  "ecdsa-sha2-nistp521": ["-t", "ecdsa", "-b", "521"],
  "ssh-rsa": ["-t", "rsa", "-b", "2048"],
};
const HOUR = 3_600_000;
const now = Date.now();

const folder = mkdtempSync(join(tmpdir(), "gatehouse-openssh-"));
t.teardown(() => rmSync(folder, { recursive: true }));
let files = 0;

function place(content?: string): string {
  const path = join(folder, `file${files++}`);
  if (content !== undefined) writeFileSync(path, content, { mode: 0o600 });
  return path;
}

function keygen(args: readonly string[], input?: string): string {
  return execFileSync("ssh-keygen", args, {
    ...{ encoding: "utf8", stdio: ["pipe", "pipe", "pipe"], timeout: 20_000 },
    ...(input === undefined ? {} : { input }),
  });
}

const read = (path: string) => readFileSync(path, "utf8");
const publicKey = (path: string): PublicKey => parsePublicKeyLine(read(`${path}.pub`)).key;

/** A key of ssh-keygen's, in a file. */
function make(type: PrivateKeyType, { passphrase = "", options = [] as readonly string[] } = {}): string {
  const path = place();
  keygen(["-q", ...MAKE[type], "-N", passphrase, "-C", "made by ssh-keygen", ...options, "-f", path]);
  return path;
}

/** The certificate that ssh-keygen makes by an authority's file over the key in another. */
function certify(authority: string, key: string, options: readonly string[]) {
  keygen(["-q", "-s", authority, ...options, `${key}.pub`]);
  const [type, base64 = ""] = read(`${key}-cert.pub`).split(" ");
  const certificate = readCertificate(Buffer.from(base64, "base64"));
  t.equal(certificate.algorithm, type);
  return certificate;
}

t.test("keys of every type and in every format are read", async (t) => {
  for (const type of TYPES) {
    for (const options of [[], ["-m", "PEM"], ["-m", "PKCS8"]]) {
      const path = make(type, { options });
      const key = readPrivateKey(read(path));
      t.ok(key.publicKey.equals(publicKey(path)), `${type} ${options.join(" ")}`);
      t.ok(keygen(["-l", "-f", `${path}.pub`]).includes(key.publicKey.fingerprint));
    }
  }
});

t.test("encrypted keys are read, with each cipher that is known here", async (t) => {
  for (const cipher of ["aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-cbc", "aes192-cbc", "aes256-cbc"]) {
    const passphrase = "pässword with spaces";
    const path = make("ssh-ed25519", { passphrase, options: ["-Z", cipher, "-a", "2"] });
    t.ok(readPrivateKey(read(path), new Secret(passphrase)).publicKey.equals(publicKey(path)), cipher);
  }
  const unknown = make("ssh-ed25519", {
    passphrase: "password",
    options: ["-Z", "chacha20-poly1305@openssh.com"],
  });
  t.throws(() => readPrivateKey(read(unknown), new Secret("password")), {
    code: "KEY_INVALID",
    hint: /ssh-keygen -p/,
  });
});

t.test("ssh-keygen reads the keys that are written here", async (t) => {
  for (const type of TYPES) {
    const key = generatePrivateKey(type);
    const path = place(writePrivateKey(key, "made by Gatehouse").reveal());
    t.equal(keygen(["-y", "-P", "", "-f", path]).trim(), `${key.publicKey.toString()} made by Gatehouse`);
  }
});

t.test("ssh-keygen describes the certificates that are issued here", async (t) => {
  for (const type of TYPES) {
    const authority = generatePrivateKey(type);
    const { publicKey } = generatePrivateKey(type);
    const issued = issueCertificate(
      authority,
      {
        ...{
          type: "user",
          publicKey,
          serial: 99n,
          keyId: "dana@example.com",
          principals: ["deploy", "admin"],
        },
        ...{ validAfter: now, validBefore: now + HOUR },
        criticalOptions: new Map([
          ["source-address", optionData("10.0.0.0/8")],
          ["force-command", optionData("uptime")],
        ]),
        extensions: new Map([
          ["permit-pty", Buffer.alloc(0)],
          ["permit-agent-forwarding", Buffer.alloc(0)],
        ]),
      },
      randomBytes,
    );
    const line = `${issued.algorithm} ${issued.blob.toString("base64")}\n`;
    const lines = keygen(["-L", "-f", "-"], line)
      .split("\n")
      .map((text) => text.trim());
    t.match(lines[1], `${issued.algorithm} user certificate`);
    t.match(lines[2], publicKey.fingerprint);
    t.match(lines[3], authority.publicKey.fingerprint);
    t.match(lines[3], `(using ${signatureAlgorithms(type)[0]})`);
    t.match(lines[4], '"dana@example.com"');
    t.match(lines[5], "99");
    t.same(lines.slice(7, 10), ["Principals:", "deploy", "admin"]);
    t.same(lines.slice(10, 13), ["Critical Options:", "force-command uptime", "source-address 10.0.0.0/8"]);
    t.same(lines.slice(13, 16), ["Extensions:", "permit-agent-forwarding", "permit-pty"]);
  }
});

t.test(
  "a user's certificate of ssh-keygen's is read and checked, by authorities of every type",
  async (t) => {
    for (const type of TYPES) {
      const authority = make(type);
      const options = ["-I", "dana", "-n", "deploy,admin", "-z", "5", "-V", "-1h:+1h"];
      const restricted = [
        ...options,
        "-O",
        "source-address=10.0.0.0/8",
        "-O",
        "force-command=uptime",
        "-O",
        "no-pty",
      ];
      const certificate = certify(authority, make("ssh-ed25519"), restricted);
      t.match(certificate, { type: "user", keyId: "dana", serial: 5n, principals: ["deploy", "admin"] });
      t.equal(optionValue(certificate.criticalOptions.get("force-command") ?? Buffer.alloc(0)), "uptime");
      t.notOk(certificate.extensions.has("permit-pty"));
      const wanted = { type: "user", authorities: [publicKey(authority)], principal: "deploy", now } as const;
      const here = { address: "10.0.0.1", knownOptions: ["force-command"] };
      checkCertificate(certificate, { ...wanted, ...here });
      const refused = { code: "CERTIFICATE_INVALID" };
      t.throws(() => checkCertificate(certificate, { ...wanted, ...here, address: "11.0.0.1" }), refused);
      t.throws(() => checkCertificate(certificate, { ...wanted, ...here, now: now + 2 * HOUR }), refused);
      t.throws(() => checkCertificate(certificate, { ...wanted, address: "10.0.0.1" }), refused);
    }
  },
);

t.test("hosts that ssh-keygen has hashed are found, with keys and by authorities", async (t) => {
  const [key, authority] = [make("ssh-ed25519"), make("ecdsa-sha2-nistp256")];
  const certified = make("ssh-rsa");
  const certificate = certify(authority, certified, [
    "-h",
    "-I",
    "db",
    "-n",
    "db.example.com",
    "-V",
    "-1h:+1h",
  ]);
  const path = place(
    `web.example.com ${publicKey(key).toString()}\n[web.example.com]:2222 ${publicKey(certified).toString()}\n`,
  );
  keygen(["-H", "-f", path]);
  appendFileSync(path, `@cert-authority *.example.com ${publicKey(authority).toString()}\n`);
  const hosts = KnownHosts.parse(read(path));
  t.notMatch(read(path), "web.example.com");
  t.equal(hosts.check("web.example.com", 22, publicKey(key), now), "known");
  t.equal(hosts.check("web.example.com", 2222, publicKey(certified), now), "known");
  t.equal(hosts.check("web.example.com", 22, publicKey(certified), now), "unknown");
  t.equal(hosts.check("db.example.com", 22, certificate, now), "known");
  t.equal(hosts.check("db.example.com", 22, certificate, now + 2 * HOUR), "unknown");
  t.equal(hosts.check("web.example.com", 22, certificate, now), "unknown", "a certificate for another host");
});

/** What `ssh-keygen -Y` signs (PROTOCOL.sshsig). */
function message(content: string): Buffer {
  const hash = createHash("sha512").update(content).digest();
  return Buffer.concat([Buffer.from("SSHSIG"), string("file"), string(""), string("sha512"), string(hash)]);
}

t.test("what ssh-keygen signs holds", async (t) => {
  for (const type of TYPES) {
    const path = make(type);
    const file = place("signed by ssh-keygen");
    keygen(["-q", "-Y", "sign", "-n", "file", "-f", path, file]);
    const body = Buffer.from(read(`${file}.sig`).replace(/-----.*-----|\n/g, ""), "base64");
    const fields = new Fields(body, keyInvalid);
    t.equal(fields.bytes(6).toString(), "SSHSIG");
    fields.uint32();
    for (let skipped = 0; skipped < 4; skipped++) fields.string();
    const signature = fields.string();
    const algorithm = new Fields(signature, keyInvalid).text();
    if (!isSignatureAlgorithm(algorithm)) throw new Error(algorithm);
    t.ok(publicKey(path).verify(algorithm, message("signed by ssh-keygen"), signature), algorithm);
    t.notOk(publicKey(path).verify(algorithm, message("something else"), signature), algorithm);
  }
});

/** Whether ssh-keygen takes a signature for the key's. @throws Error with what it says if not */
function verifyByKeygen(key: PublicKey, content: string, signature: Buffer): void {
  const parts = [
    Buffer.from("SSHSIG"),
    uint32(1),
    string(key.blob),
    string("file"),
    string(""),
    string("sha512"),
  ];
  const body = Buffer.concat([...parts, string(signature)]).toString("base64");
  const file = place(`-----BEGIN SSH SIGNATURE-----\n${body}\n-----END SSH SIGNATURE-----\n`);
  const signers = place(`dana ${key.toString()}\n`);
  keygen(["-Y", "verify", "-f", signers, "-I", "dana", "-n", "file", "-s", file], content);
}

t.test("what is signed here holds for ssh-keygen", async (t) => {
  for (const type of TYPES) {
    const key = generatePrivateKey(type);
    for (const algorithm of signatureAlgorithms(type)) {
      const signature = key.sign(algorithm, message("signed here"));
      t.doesNotThrow(() => verifyByKeygen(key.publicKey, "signed here", signature), algorithm);
      t.throws(() => verifyByKeygen(key.publicKey, "something else", signature), algorithm);
    }
  }
});

t.test("a security token's signature is read as ssh-keygen reads it", async (t) => {
  for (const type of TOKEN_TYPES) {
    const token = createToken(type);
    const signature = token.sign(message("by a token"));
    t.ok(token.publicKey.verify(type, message("by a token"), signature), type);
    t.doesNotThrow(() => verifyByKeygen(token.publicKey, "by a token", signature), type);
  }
});
