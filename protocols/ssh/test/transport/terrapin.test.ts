import t from "tap";
import { encodeIgnore } from "../../src/codec/asides.ts";
import { defaultAlgorithms } from "../../src/transport/algorithms.ts";
import { Transport } from "../../src/transport/transport.ts";
import { inBetween, type Tampering } from "../support/in-between.ts";
import { clientOptions, serverOptions } from "../support/transports.ts";

const violation = { code: "PROTOCOL_VIOLATION" };
const extensions = new Map([["server-sig-algs", Buffer.from("rsa-sha2-512")]]);

const protections = [
  { cipher: "aes128-gcm@openssh.com", proof: 16 },
  { cipher: "aes256-ctr", proof: 64 },
];

/** What becomes of a client whose server's messages somebody tampers with: the first message that it takes. */
async function attacked(
  tampering: Tampering,
  { cipher, proof }: (typeof protections)[number],
): Promise<string> {
  const ends = await inBetween(tampering, proof);
  const algorithms = { ...defaultAlgorithms, ciphers: [cipher] };
  const serving = Transport.open(serverOptions(ends.server, { algorithms, extensions })).then((server) => {
    server.onMessage = () => {};
    server.send(Buffer.from("zfirst"));
  });
  try {
    const client = await Transport.open(clientOptions(ends.client, { algorithms }));
    return await new Promise<string>((resolve, reject) => {
      client.onClose = reject;
      client.onMessage = (payload) =>
        resolve([payload.toString(), ...client.peer.extensions.keys()].join(" "));
    });
  } finally {
    await serving.catch(() => {});
    ends.client.destroy();
    ends.server.destroy();
  }
}

for (const protection of protections) {
  t.test(`${protection.cipher}: the first packet can't be taken away (CVE-2023-48795)`, async (t) => {
    t.equal(await attacked({ take: 0 }, protection), "zfirst server-sig-algs", "left alone");
    const put = encodeIgnore(Buffer.alloc(8));
    await t.rejects(attacked({ put, take: 1 }, protection), violation, "one put in, one taken away");
    await t.rejects(attacked({ put, take: 0 }, protection), violation, "one put in");
    await t.rejects(attacked({ take: 1 }, protection), violation, "one taken away");
  });
}
