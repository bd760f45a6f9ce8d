import { execFile, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  certificateAlgorithms,
  generatePrivateKey,
  issueCertificate,
  parsePublicKeyLine,
  readPrivateKey,
  readPublicKey,
} from "@gatehouse/openssh";
import { startSshd } from "@gatehouse/testkit";
import t from "tap";
import { defaultAlgorithms } from "../../src/transport/algorithms.ts";
import type { HostKey } from "../../src/transport/party.ts";
import { type ClientOptions, defaultRekeyTerms, type Peer } from "../../src/transport/options.ts";
import { Transport } from "../../src/transport/transport.ts";
import { serveCat, throughCat } from "../support/echo.ts";
import { answerSignIn, signIn } from "../support/sign-in.ts";
import { acceptedBy, clientOptions, ed25519, hostKeyOf, serverOptions } from "../support/transports.ts";

/** What OpenSSH 9.2 does not have. */
const kexOfBoth = defaultAlgorithms.kex.filter((name) => name !== "mlkem768x25519-sha256");

interface Run {
  readonly said: string;
  readonly peer: Peer;
}

/** Runs `ssh` against a server that lets nobody in. */
async function ssh(options: readonly string[], hostKey: HostKey = ed25519): Promise<Run> {
  const listener = createServer({ noDelay: true });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  const opened = acceptedBy(listener).then(async (socket) => {
    const transport = await Transport.open(serverOptions(socket, { hostKeys: [hostKey] }));
    answerSignIn(transport, "refuse");
    return transport.peer;
  });
  const ends = new Promise<string>((resolve) => {
    const always = ["-F", "/dev/null", "-v", "-p", String(port), "-o", "BatchMode=yes"];
    const args = [...always, ...options.flatMap((option) => ["-o", option]), "someone@127.0.0.1", "true"];
    execFile("ssh", args, (_error, _stdout, stderr) => resolve(stderr));
  });
  const [said, peer] = await Promise.all([ends, opened]);
  listener.close();
  return { said, peer };
}

const trusting = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"];
const refused = /Permission denied \(publickey\)/;

t.test("ssh agrees with the server on every key exchange", async (t) => {
  for (const kex of kexOfBoth) {
    const { said, peer } = await ssh([...trusting, `KexAlgorithms=${kex}`]);
    t.match(said, refused, kex);
    t.equal(peer.algorithms.kex, kex);
    t.ok(peer.strict, "strict");
  }
});

t.test("ssh agrees with the server on every cipher and MAC", async (t) => {
  for (const cipher of defaultAlgorithms.ciphers) {
    for (const mac of cipher.includes("gcm") ? [""] : defaultAlgorithms.macs) {
      const { said, peer } = await ssh([...trusting, `Ciphers=${cipher}`, ...(mac ? [`MACs=${mac}`] : [])]);
      t.match(said, refused, `${cipher} ${mac}`);
      t.equal(peer.algorithms.cipherToServer, cipher);
      t.equal(peer.algorithms.macToServer, mac);
    }
  }
});

t.test("ssh believes host keys of every type", async (t) => {
  for (const type of [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
  ] as const) {
    const { said } = await ssh(trusting, hostKeyOf(generatePrivateKey(type)));
    t.match(said, refused, type);
  }
  const rsa = hostKeyOf(generatePrivateKey("ssh-rsa"));
  for (const algorithm of ["rsa-sha2-256", "rsa-sha2-512"]) {
    const { said, peer } = await ssh([...trusting, `HostKeyAlgorithms=${algorithm}`], rsa);
    t.match(said, refused, algorithm);
    t.equal(peer.algorithms.hostKey, algorithm);
  }
});

t.test("ssh believes a host certificate", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-transport-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const authority = generatePrivateKey("ssh-ed25519");
  const key = generatePrivateKey("ecdsa-sha2-nistp256");
  const now = Date.now();
  const terms = {
    type: "host",
    publicKey: key.publicKey,
    serial: 1n,
    keyId: "gateway",
    principals: ["127.0.0.1"],
    validAfter: now - 60_000,
    validBefore: now + 60_000,
  } as const;
  const certificate = issueCertificate(authority, terms, randomBytes);
  const certified = {
    ...hostKeyOf(key),
    algorithms: certificateAlgorithms(key.publicKey.type),
    blob: certificate.blob,
  };
  const knownHosts = join(folder, "known_hosts");
  const checking = ["StrictHostKeyChecking=yes", `UserKnownHostsFile=${knownHosts}`];
  await writeFile(knownHosts, `@cert-authority [127.0.0.1]:* ${authority.publicKey.toString()}\n`);
  const { said } = await ssh(checking, certified);
  t.match(said, refused);
  t.match(said, /Server host certificate: ecdsa-sha2-nistp256-cert-v01@openssh.com/);
});

/** Speaks to a real sshd up to the methods that it would rather have. */
async function toSshd(port: number, options: Partial<ClientOptions>): Promise<Run> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const transport = await Transport.open(clientOptions(socket, options));
  const methods = await signIn(transport, "someone");
  const { peer } = transport;
  transport.destroy();
  return { said: String(methods), peer };
}

t.test("sshd agrees with the client on everything that both have", async (t) => {
  const sshd = await startSshd([
    `KexAlgorithms ${kexOfBoth.join(",")}`,
    `Ciphers ${defaultAlgorithms.ciphers.join(",")}`,
    `MACs ${defaultAlgorithms.macs.join(",")}`,
  ]);
  t.teardown(() => sshd.stop());
  const known = parsePublicKeyLine(sshd.hostKey).key;
  const verifyHost: ClientOptions["verifyHost"] = ({ blob }) => {
    if (readPublicKey(blob).equals(known)) return known;
    throw new Error("another host key");
  };
  for (const kex of kexOfBoth) {
    const { said, peer } = await toSshd(sshd.port, {
      verifyHost,
      algorithms: { ...defaultAlgorithms, kex: [kex] },
    });
    t.equal(said, "publickey", kex);
    t.ok(peer.strict, "strict");
    t.match(peer.extensions.get("server-sig-algs")?.toString(), /rsa-sha2-512/, "tells what it takes");
  }
  for (const cipher of defaultAlgorithms.ciphers) {
    for (const mac of defaultAlgorithms.macs) {
      const algorithms = { ...defaultAlgorithms, ciphers: [cipher], macs: [mac] };
      const { said } = await toSshd(sshd.port, { verifyHost, algorithms });
      t.equal(said, "publickey", `${cipher} ${mac}`);
    }
  }
});

const SIZE = 16 * 1024 * 1024;

t.test("sshd and the client change keys in the middle of data both ways, whoever begins", async (t) => {
  const sshd = await startSshd(["RekeyLimit 2M"]);
  t.teardown(() => sshd.stop());
  for (const bytes of [defaultRekeyTerms.bytes, 1_000_000]) {
    const socket = connect({ port: sshd.port, host: "127.0.0.1", noDelay: true });
    const rekey = { ...defaultRekeyTerms, bytes };
    const transport = await Transport.open(clientOptions(socket, { rekey }));
    t.equal(await signIn(transport, sshd.user, readPrivateKey(sshd.key)), undefined);
    const [there, back] = await throughCat(transport, SIZE);
    t.equal(back, there);
    transport.disconnect(11, "");
  }
});

t.test("ssh and the server change keys in the middle of data both ways, whoever begins", async (t) => {
  for (const [ours, theirs] of [
    [defaultRekeyTerms.bytes, "1M"],
    [1_000_000, "default"],
    [1_000_000, "1M"],
  ] as const) {
    let exchanges = 0;
    const hostKey: HostKey = {
      ...ed25519,
      sign: (algorithm, data) => {
        exchanges++;
        return ed25519.sign(algorithm, data);
      },
    };
    const listener = createServer({ noDelay: true });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const address = listener.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    const rekey = { ...defaultRekeyTerms, bytes: ours };
    const serving = acceptedBy(listener).then(async (socket) => {
      const transport = await Transport.open(serverOptions(socket, { hostKeys: [hostKey], rekey }));
      answerSignIn(transport, "welcome", () => serveCat(transport));
    });
    const options = [...trusting, "BatchMode=yes", `RekeyLimit=${theirs}`].flatMap((option) => [
      "-o",
      option,
    ]);
    const child = spawn(
      "ssh",
      ["-F", "/dev/null", "-p", String(port), ...options, "someone@127.0.0.1", "cat"],
      {
        stdio: ["pipe", "pipe", "ignore"],
      },
    );
    const sent = Buffer.alloc(SIZE, 5);
    const back = createHash("sha256");
    child.stdout.on("data", (bytes: Buffer) => back.update(bytes));
    child.stdin.end(sent);
    const code = await new Promise((resolve) => child.once("close", resolve));
    await serving;
    listener.close();
    t.equal(code, 0);
    t.equal(back.digest("hex"), createHash("sha256").update(sent).digest("hex"));
    t.ok(exchanges > 5, `${exchanges} exchanges`);
  }
});
