import {
  generatePrivateKey,
  issueCertificate,
  KnownHosts,
  parsePublicKeyLine,
  readCertificate,
  readPrivateKey,
  readPublicKey,
  signatureAlgorithms,
  writePrivateKey,
} from "@gatehouse/openssh";
import type { Decoder } from "./decoder.ts";
import { key, string } from "./samples.ts";

const keys = [key, generatePrivateKey("ecdsa-sha2-nistp256"), generatePrivateKey("ssh-rsa")];
const { blob } = key.publicKey;
const certificate = issueCertificate(
  key,
  {
    ...{ type: "user", publicKey: key.publicKey, serial: 7n, keyId: "dana", principals: ["dana", "deploy"] },
    ...{ validAfter: 0, validBefore: 4_000_000_000_000 },
    criticalOptions: new Map([["source-address", string("192.0.2.0/24")]]),
    extensions: new Map([["permit-pty", Buffer.alloc(0)]]),
  },
  (size) => Buffer.alloc(size, 3),
);
const asked = Buffer.from("what is signed");
const signature = key.sign("ssh-ed25519", asked);
const line = key.publicKey.toString();
const text = (read: (text: string) => unknown) => (bytes: Buffer) => read(bytes.toString("latin1"));

export const openssh: readonly Decoder[] = [
  {
    name: "public keys",
    samples: [blob, ...keys.slice(1).map(({ publicKey }) => publicKey.blob)],
    decode: readPublicKey,
    again: (bytes) => readPublicKey(bytes).blob,
  },
  {
    name: "certificates",
    samples: [certificate.blob],
    decode: readCertificate,
    again: (bytes) => readCertificate(bytes).blob,
  },
  {
    name: "a key's line",
    samples: [Buffer.from(line, "latin1")],
    decode: text(parsePublicKeyLine),
  },
  {
    name: "known_hosts",
    samples: [
      Buffer.from(`# hosts\nweb,192.0.2.* ${line}\n@cert-authority *.example.com ${line}\n`, "latin1"),
      Buffer.from(`|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ${line}\n`, "latin1"),
    ],
    decode: text((lines) => {
      const known = KnownHosts.parse(lines);
      return [known.algorithms("web", 22), known.check("web", 2222, key.publicKey, 0)];
    }),
  },
  {
    name: "private keys",
    samples: [Buffer.from(writePrivateKey(key, "a comment").reveal(), "latin1")],
    decode: text(readPrivateKey),
  },
  {
    name: "signatures",
    samples: [signature, ...keys.slice(1).map((one) => one.sign(bestOf(one), asked))],
    decode: (bytes) =>
      keys.map((one) =>
        signatureAlgorithms(one.publicKey.type).map((algorithm) =>
          one.publicKey.verify(algorithm, asked, bytes),
        ),
      ),
  },
];

function bestOf(one: typeof key) {
  const [best] = signatureAlgorithms(one.publicKey.type);
  if (best === undefined) throw new TypeError("A key that signs by no algorithm.");
  return best;
}
