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

type Attack = Omit<Tampering, "of">;

/** What becomes of a client whose server's messages somebody tampers with: the first message that it takes. */
async function attackedClient(
  attack: Attack,
  { cipher, proof }: (typeof protections)[number],
): Promise<string> {
  const ends = await inBetween({ ...attack, of: "server" }, proof);
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

/** Likewise a server, whose client's messages are tampered with. */
async function attackedServer(
  attack: Attack,
  { cipher, proof }: (typeof protections)[number],
): Promise<string> {
  const ends = await inBetween({ ...attack, of: "client" }, proof);
  const algorithms = { ...defaultAlgorithms, ciphers: [cipher] };
  const asking = Transport.open(clientOptions(ends.client, { algorithms })).then((client) => {
    client.onMessage = () => {};
    for (const text of ["zfirst", "zsecond"]) client.send(Buffer.from(text));
  });
  try {
    const server = await Transport.open(serverOptions(ends.server, { algorithms }));
    return await new Promise<string>((resolve, reject) => {
      server.onClose = reject;
      server.onMessage = (payload) => resolve(payload.toString());
    });
  } finally {
    await asking.catch(() => {});
    ends.client.destroy();
    ends.server.destroy();
  }
}

for (const protection of protections) {
  for (const [side, attacked, alone] of [
    ["the server", attackedClient, "zfirst server-sig-algs"],
    ["the client", attackedServer, "zfirst"],
  ] as const) {
    t.test(
      `${protection.cipher}: the first packet of ${side} can't be taken away (CVE-2023-48795)`,
      async (t) => {
        t.equal(await attacked({ take: 0 }, protection), alone, "left alone");
        const put = encodeIgnore(Buffer.alloc(8));
        await t.rejects(attacked({ put, take: 1 }, protection), violation, "one put in, one taken away");
        await t.rejects(attacked({ put, take: 0 }, protection), violation, "one put in");
        await t.rejects(attacked({ take: 1 }, protection), violation, "one taken away");
      },
    );
  }
}
