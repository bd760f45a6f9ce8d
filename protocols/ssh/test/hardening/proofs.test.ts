import { sign as cryptoSign } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import {
  generatePrivateKey,
  issueCertificate,
  parsePublicKeyLine,
  type PrivateKey,
  readPrivateKey,
  type SignatureAlgorithm,
} from "@gatehouse/openssh";
import { ByteWriter } from "@gatehouse/wire";
import t from "tap";
import { number } from "../../src/codec/numbers.ts";
import { encodeServiceRequest, service } from "../../src/codec/service.ts";
import { writeBoolean, writeString } from "../../src/codec/strings.ts";
import { encodeKeyRequest, method, signedData, withSignature } from "../../src/codec/userauth-request.ts";
import { startFront } from "../support/front.ts";
import { RawPeer } from "../support/raw-peer.ts";

/*
 * Proofs that a client has a key, at the wire: each is right but for one thing. What a certificate has to be is in the tests of
 * @gatehouse/openssh (certificate.test.ts) and @gatehouse/identity (keys-of-people.test.ts).
 */

const USER = "deploy@web";
const ED25519 = "ssh-ed25519";
const rsa = generatePrivateKey("ssh-rsa");
const ecdsa = generatePrivateKey("ecdsa-sha2-nistp256");
const stranger = generatePrivateKey(ED25519);

let reached = 0;
const target = createServer((socket) => {
  reached++;
  socket.destroy();
});
target.listen(0, "127.0.0.1");
await once(target, "listening");
const address = target.address();
if (address === null || typeof address === "string") throw new TypeError("no port");
const front = await startFront({
  target: { port: address.port, user: "deploy", password: "only the gateway's" },
  keys: [rsa, ecdsa],
});
const known = readPrivateKey(front.key);
const plain = { algorithm: ED25519, blob: known.publicKey.blob };
/** The gateway's own, as it stands in known_hosts behind the host's name. */
const line = (await readFile(front.knownHosts, "utf8")).replace(/^\S+ /, "");
const hostKey = parsePublicKeyLine(line).key.blob;
t.teardown(async () => {
  await front.close();
  target.close();
});

/** A connection on which a client could ask to be let in now. */
interface Here {
  readonly peer: RawPeer;
  readonly sessionId: Buffer;
}

async function asking(): Promise<Here> {
  const socket = connect({ port: front.port, host: "127.0.0.1", noDelay: true });
  const peer = new RawPeer(socket);
  await peer.hello();
  peer.init();
  await peer.finish();
  peer.send(encodeServiceRequest(service.userauth));
  while ((await peer.next())?.[0] !== number.serviceAccept);
  if (peer.sessionId === undefined) throw new TypeError("no keys");
  return { peer, sessionId: peer.sessionId };
}

/** The answer to a request; undefined where the server leaves without one. */
async function answerTo(request: (here: Here) => Buffer): Promise<number | undefined> {
  const here = await asking();
  here.peer.send(request(here));
  const answer = await here.peer.next();
  here.peer.socket.destroy();
  return answer?.[0];
}

interface Shown {
  readonly user?: string;
  readonly wanted?: string;
  readonly algorithm?: string;
  readonly blob?: Buffer;
}

/** All of a request but its signature. */
function shown(key: PrivateKey, { user, wanted, algorithm, blob }: Shown = {}): Buffer {
  const { type } = key.publicKey;
  return encodeKeyRequest(
    user ?? USER,
    wanted ?? service.connection,
    { algorithm: algorithm ?? type, blob: blob ?? key.publicKey.blob },
    true,
  );
}

/** OpenSSH's publickey-hostbound-v00@openssh.com, likewise. */
function shownTo(hostKey: Buffer, key: PrivateKey): Buffer {
  const writer = new ByteWriter().uint8(number.userauthRequest);
  for (const text of [USER, service.connection, method.hostBound]) writeString(writer, text);
  writeString(writeString(writeBoolean(writer, true), key.publicKey.type), key.publicKey.blob);
  return writeString(writer, hostKey).toBuffer();
}

function signed(
  { sessionId }: Pick<Here, "sessionId">,
  request: Buffer,
  by: PrivateKey,
  algorithm: SignatureAlgorithm = ED25519,
  over = request,
): Buffer {
  return withSignature(request, by.sign(algorithm, signedData(sessionId, over)));
}

/** RSA with SHA-1, as it once was. */
function withSha1({ sessionId }: Here, request: Buffer, name: string): Buffer {
  const signature = cryptoSign("sha1", signedData(sessionId, request), rsa.reveal());
  return withSignature(request, writeString(writeString(new ByteWriter(), name), signature).toBuffer());
}

const certificate = issueCertificate(
  stranger,
  {
    ...{ type: "user", publicKey: known.publicKey, serial: 1n, keyId: "dana", principals: ["dana"] },
    ...{ validAfter: 0, validBefore: 4_000_000_000_000 },
  },
  (size) => Buffer.alloc(size, 1),
);
const CERTIFICATE = { algorithm: certificate.algorithm, blob: certificate.blob };

/** The same certificate, but its authority is one that is itself certified, and has signed. */
function nested(): Buffer {
  const string = (bytes: Buffer) => writeString(new ByteWriter(), bytes).toBuffer();
  const behind = string(stranger.publicKey.blob).length + string(stranger.sign(ED25519, Buffer.of(0))).length;
  const { blob } = issueCertificate(
    known,
    {
      ...{ type: "user", publicKey: stranger.publicKey, serial: 2n, keyId: "ca", principals: ["ca"] },
      ...{ validAfter: 0, validBefore: 4_000_000_000_000 },
    },
    (size) => Buffer.alloc(size, 1),
  );
  const body = Buffer.concat([certificate.blob.subarray(0, -behind), string(blob)]);
  return Buffer.concat([body, string(stranger.sign(ED25519, body))]);
}

/** As the tests' own honest client makes them. */
const right: Readonly<Record<string, (here: Here) => Buffer>> = {
  Ed25519: (here) => signed(here, shown(known), known),
  ECDSA: (here) => signed(here, shown(ecdsa), ecdsa, "ecdsa-sha2-nistp256"),
  RSA: (here) => signed(here, shown(rsa, { algorithm: "rsa-sha2-512" }), rsa, "rsa-sha2-512"),
  "for this very server": (here) => signed(here, shownTo(hostKey, known), known),
};

const wrong: Readonly<Record<string, (here: Here) => Buffer>> = {
  "over another session": () => signed({ sessionId: Buffer.alloc(32, 1) }, shown(known), known),
  "over no session": () => withSignature(shown(known), known.sign(ED25519, shown(known))),
  "for another user": (here) =>
    signed(here, shown(known), known, ED25519, shown(known, { user: "root@web" })),
  "for another service": (here) =>
    signed(here, shown(known), known, ED25519, shown(known, { wanted: service.userauth })),
  "for another server": (here) => signed(here, shownTo(stranger.publicKey.blob, known), known),
  "for this server, in a request for any": (here) =>
    signed(here, shown(known), known, ED25519, shownTo(hostKey, known)),
  "for any server, in a request for this one": (here) =>
    signed(here, shownTo(hostKey, known), known, ED25519, shown(known)),
  "by another key": (here) => signed(here, shown(known), stranger),
  "by a key of another type": (here) => signed(here, shown(known), rsa, "rsa-sha2-512"),
  "by an algorithm that is not the key's": (here) =>
    signed(here, shown(known, { algorithm: "rsa-sha2-512" }), rsa, "rsa-sha2-512"),
  "by another algorithm than was said": (here) =>
    signed(here, shown(rsa, { algorithm: "rsa-sha2-512" }), rsa, "rsa-sha2-256"),
  "by RSA with SHA-1": (here) => withSha1(here, shown(rsa, { algorithm: "ssh-rsa" }), "ssh-rsa"),
  "by RSA with SHA-1, that is called SHA-2": (here) =>
    withSha1(here, shown(rsa, { algorithm: "rsa-sha2-256" }), "rsa-sha2-256"),
  "by RSA with SHA-1, in a request that says SHA-2": (here) =>
    withSha1(here, shown(rsa, { algorithm: "rsa-sha2-256" }), "ssh-rsa"),
  "by an algorithm that there is not": (here) => signed(here, shown(known, { algorithm: "none" }), known),
  empty: () => withSignature(shown(known), Buffer.alloc(0)),
  "of an algorithm alone": () =>
    withSignature(shown(known), writeString(writeString(new ByteWriter(), ED25519), "").toBuffer()),
  "of zeros": () =>
    withSignature(
      shown(known),
      writeString(writeString(new ByteWriter(), ED25519), Buffer.alloc(64)).toBuffer(),
    ),
  "with a byte behind it": ({ sessionId }) => {
    const request = shown(known);
    const signature = known.sign(ED25519, signedData(sessionId, request));
    return withSignature(request, Buffer.concat([signature, Buffer.of(0)]));
  },
  "of a certificate, by its authority": (here) => signed(here, shown(known, CERTIFICATE), stranger),
  "of a certificate that is said to be a key": (here) =>
    signed(here, shown(known, { blob: certificate.blob }), known),
  "of a key that is said to be a certificate": (here) =>
    signed(here, shown(known, { algorithm: certificate.algorithm }), known),
  "of a certificate that was altered": (here) => {
    const blob = Buffer.from(certificate.blob);
    blob.writeUInt8(blob.readUInt8(blob.indexOf("dana")) ^ 1, blob.indexOf("dana"));
    return signed(here, shown(known, { ...CERTIFICATE, blob }), known);
  },
  "of a certificate whose authority is a certificate": (here) =>
    signed(here, shown(known, { ...CERTIFICATE, blob: nested() }), known),
};

const refused = () => front.gate.events.filter(({ type }) => type === "rejected").length;
const logIns = () => front.gate.events.filter(({ type }) => type === "login").length;

for (const [what, request] of Object.entries(right)) {
  t.test(`a signature that holds lets in: ${what}`, async (t) => {
    const [asked, dialled] = [logIns(), reached];
    await answerTo(request);
    t.equal(logIns(), asked + 1);
    t.equal(reached, dialled + 1, "and the target is dialled");
  });
}

t.test("a certificate whose key signs is for the gate to look at", async (t) => {
  const asked = logIns();
  t.equal(await answerTo((here) => signed(here, shown(known, CERTIFICATE), known)), number.userauthFailure);
  t.match(front.gate.events.at(-1), { type: "login", ok: false });
  t.equal(logIns(), asked + 1);
});

t.test("a signature that does not hold lets nobody in", async (t) => {
  const [asked, dialled, before] = [logIns(), reached, refused()];
  const cases = Object.entries(wrong);
  await Promise.all(
    cases.map(async ([what, request]) => t.equal(await answerTo(request), number.userauthFailure, what)),
  );
  t.equal(logIns(), asked, "the gate is not even asked");
  t.equal(refused(), before + cases.length, "each is on the record");
  t.equal(reached, dialled, "and the target is not dialled");
});

t.test("what one connection has proved, another has not", async (t) => {
  const first = await asking();
  const request = signed(first, shown(known), known);
  first.peer.send(request);
  await first.peer.next();
  const [asked, dialled] = [logIns(), reached];
  t.equal(await answerTo(() => request), number.userauthFailure);
  t.equal(logIns(), asked);
  t.equal(reached, dialled);
  first.peer.socket.destroy();
});

t.test("a request that says it is signed, and is not, is no request", async (t) => {
  const asked = logIns();
  t.equal(await answerTo(() => shown(known)), undefined, "it is cut");
  t.equal(logIns(), asked);
});

t.test("nobody becomes another in the middle of a log-in", async (t) => {
  const asked = logIns();
  const here = await asking();
  here.peer.send(encodeKeyRequest("deploy@other", service.connection, plain, false));
  t.ok(await here.peer.next());
  here.peer.send(signed(here, shown(known), known));
  t.equal((await here.peer.next())?.[0], undefined, "it is cut");
  t.equal(logIns(), asked);
});
