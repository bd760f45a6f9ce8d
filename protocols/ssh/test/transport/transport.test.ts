import { once } from "node:events";
import { generatePrivateKey } from "@gatehouse/openssh";
import t from "tap";
import { encodeIgnore } from "../../src/codec/asides.ts";
import { disconnectReason, encodeDisconnect } from "../../src/codec/disconnect.ts";
import { number } from "../../src/codec/numbers.ts";
import { defaultRekeyTerms } from "../../src/transport/options.ts";
import { Transport } from "../../src/transport/transport.ts";
import { RawPeer } from "../support/raw-peer.ts";
import {
  clientOptions,
  ed25519,
  hostKeyOf,
  serverOptions,
  sockets,
  transports,
} from "../support/transports.ts";

const violation = { code: "PROTOCOL_VIOLATION" };

const generatedKey = generatePrivateKey("ssh-ed25519");

/** A message of a given number and size that can be told from others. */
function message(count: number, size = 8): Buffer {
  const bytes = Buffer.alloc(size, count & 0xff);
  bytes[0] = number.channelData;
  bytes.writeUInt32BE(count, 1);
  return bytes;
}

/** Resolves when so many messages have come, with the numbers that they have. */
function counts(transport: Transport, most: number): Promise<readonly number[]> {
  const found: number[] = [];
  return new Promise((resolve, reject) => {
    transport.onClose = (why) => reject(why ?? new Error("closed"));
    transport.onMessage = (payload) => {
      found.push(payload.readUInt32BE(1));
      if (found.length === most) resolve(found);
    };
  });
}

function closing(transport: Transport): Promise<unknown> {
  return new Promise((resolve) => {
    transport.onClose = resolve;
  });
}

const inOrder = (most: number) => Array.from({ length: most }, (_, index) => index);

/** A host key, and how often it was signed with: once a key exchange. */
function countedKey() {
  let signed = 0;
  const key: typeof ed25519 = {
    ...ed25519,
    sign: (algorithm, data) => {
      signed++;
      return ed25519.sign(algorithm, data);
    },
  };
  return { key, signed: () => signed };
}

t.test("messages come in order, in parts or not, once somebody takes them", async (t) => {
  const { client, server } = await transports();
  t.ok(client.peer.strict && server.peer.strict);
  t.equal(client.peer.identification, "SSH-2.0-Gatehouse_test");
  t.equal(client.peer.algorithms.kex, "mlkem768x25519-sha256");
  t.strictSame(client.sessionId, server.sessionId);
  for (let count = 0; count < 100; count++)
    client.send(message(count).subarray(0, 3), message(count).subarray(3));
  t.strictSame(await counts(server, 100), inOrder(100));
  client.destroy();
});

t.test("keys are changed in the middle of data both ways, and nothing is lost or moved", async (t) => {
  const { key, signed } = countedKey();
  const rekey = { ...defaultRekeyTerms, bytes: 200_000 };
  const { client, server } = await transports({ client: { rekey }, server: { rekey, hostKeys: [key] } });
  const before = client.sessionId;
  client.authenticated();
  server.authenticated();
  const most = 3000;
  const arrived = Promise.all([counts(server, most), counts(client, most)]);
  for (let count = 0; count < most; count += 50) {
    for (let index = count; index < count + 50; index++) {
      client.send(message(index, 1000 + (index % 700)));
      server.send(message(index, 1000 + (index % 300)));
    }
    if (count % 500 === 0) client.rekey();
    if (count % 700 === 0) server.rekey();
    await new Promise(setImmediate);
  }
  const [toServer, toClient] = await arrived;
  t.strictSame(toServer, inOrder(most));
  t.strictSame(toClient, inOrder(most));
  t.ok(signed() > 5, `${signed()} exchanges`);
  t.equal(client.sessionId, before, "the session keeps its name");
  client.destroy();
});

t.test("while keys are exchanged, messages wait, and count as not sent", async (t) => {
  let verified = () => {};
  let asked = 0;
  const { client, server } = await transports({
    client: {
      verifyHost: async () => {
        if (asked++ > 0) await new Promise<void>((resolve) => (verified = resolve));
        return generatedKey.publicKey;
      },
    },
    server: { hostKeys: [hostKeyOf(generatedKey)] },
  });
  const arrived = counts(server, 3);
  client.onMessage = () => {};
  client.send(message(0));
  client.rekey();
  client.send(message(1));
  client.send(message(2, 1000));
  while (asked < 2) await new Promise(setImmediate);
  t.equal(client.queued, 1008);
  verified();
  t.strictSame(await arrived, [0, 1, 2]);
  client.destroy();
});

t.test("keys are changed after a number of packets, and after a time", async (t) => {
  for (const rekey of [
    { ...defaultRekeyTerms, packets: 10 },
    { ...defaultRekeyTerms, after: 5 },
  ]) {
    const { key, signed } = countedKey();
    const { client, server } = await transports({ client: { rekey }, server: { hostKeys: [key] } });
    server.onMessage = () => {};
    client.onMessage = () => {};
    client.authenticated();
    while (signed() < 3) {
      client.send(message(0));
      await new Promise(setImmediate);
    }
    t.pass(`changed twice: ${JSON.stringify(rekey)}`);
    client.destroy();
  }
});

t.test("nothing is read while nobody takes it, or while the owner says so", async (t) => {
  const { client, server } = await transports();
  const arrived = counts(server, 1);
  client.send(message(0));
  t.strictSame(await arrived, [0]);
  server.pause();
  let taken = 0;
  const all = new Promise<void>((resolve) => {
    server.onMessage = () => {
      if (++taken === 1000) resolve();
    };
  });
  for (let count = 0; count < 1000; count++) client.send(message(count, 30_000));
  while (client.queued === 0) await new Promise(setImmediate);
  t.equal(taken, 0);
  t.ok(client.queued > 0, "what the system does not take stays at the sender");
  server.resume();
  await all;
  client.destroy();
});

t.test("who does not read is not read", async (t) => {
  const ends = await sockets();
  const [client, server] = await Promise.all([
    Transport.open(clientOptions(ends.client)),
    Transport.open(serverOptions(ends.server)),
  ]);
  let most = 0;
  // Answers ten times as long as the questions.
  server.onMessage = () => {
    for (let count = 0; count < 10; count++) server.send(message(count, 30_000));
    most = Math.max(most, server.queued);
  };
  client.pause();
  let sent = 0;
  const send = () => {
    while (sent < 300 && client.queued < 1_000_000) client.send(message(sent++, 30_000));
  };
  client.onDrain = send;
  send();
  while (server.queued < 4 * 1024 * 1024) await new Promise(setImmediate);
  const arrived = counts(client, 3000);
  client.resume();
  await arrived;
  t.ok(most < 5 * 1024 * 1024, `${most} bytes waited at most`);
  client.destroy();
});

/** A server that is open, and a raw peer that has its first keys. */
async function raw(): Promise<{ readonly peer: RawPeer; readonly server: Transport }> {
  const ends = await sockets();
  const peer = new RawPeer(ends.client);
  const extensions = new Map([["server-sig-algs", Buffer.from("ssh-ed25519,rsa-sha2-512")]]);
  const opening = Transport.open(serverOptions(ends.server, { extensions }));
  await peer.hello();
  peer.init();
  const [server] = await Promise.all([opening, peer.finish()]);
  return { peer, server };
}

t.test("extensions are the first thing that a client hears with its keys", async (t) => {
  const { peer, server } = await raw();
  t.strictSame(
    (await peer.next())?.toString("latin1").slice(1),
    "\0\0\0\x01\0\0\0\x0fserver-sig-algs\0\0\0\x18ssh-ed25519,rsa-sha2-512",
  );
  server.destroy();
});

t.test("what is not known is answered by its number, and asides by nothing", async (t) => {
  const { peer, server } = await raw();
  await peer.next();
  const arrived = counts(server, 1);
  peer.send(Buffer.of(29), encodeIgnore(Buffer.alloc(1000)), Buffer.of(49 - 20));
  for (let count = 0; count < 9000; count++) peer.send(encodeIgnore(Buffer.alloc(8)));
  peer.send(message(7));
  t.strictSame(await arrived, [7]);
  t.strictSame(await peer.next(), Buffer.of(number.unimplemented, 0, 0, 0, 0));
  t.strictSame(await peer.next(), Buffer.of(number.unimplemented, 0, 0, 0, 2));
  server.destroy();
});

t.test("who is not known may send so much, and change keys so often, and no more", async (t) => {
  for (const many of [Buffer.of(29), encodeIgnore(Buffer.alloc(8))]) {
    const { peer, server } = await raw();
    server.onMessage = () => t.fail("it was taken");
    const closed = closing(server);
    for (let count = 0; count < 20_000 && peer.socket.writable; count++) peer.send(many);
    t.match(await closed, { ...violation, message: /before the log-in/ });
    peer.socket.destroy();
  }
  const { peer, server } = await raw();
  server.onMessage = () => t.fail("it was taken");
  const closed = closing(server);
  for (let count = 0; count < 3; count++) {
    peer.init();
    await peer.finish();
  }
  peer.init();
  t.match(await closed, { ...violation, message: /before the log-in/ });
  peer.socket.destroy();
});

t.test("a message that may not come in the first key exchange ends it", async (t) => {
  const bad = [
    encodeIgnore(Buffer.alloc(4)),
    Buffer.from([number.debug, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    Buffer.from([number.unimplemented, 0, 0, 0, 0]),
    Buffer.from([number.serviceRequest, 0, 0, 0, 0]),
    Buffer.of(number.extInfo, 0, 0, 0, 0),
    Buffer.of(number.userauthRequest),
    Buffer.of(number.channelData),
    Buffer.of(number.newKeys),
    Buffer.of(number.kexExchangeReply),
    Buffer.of(255),
  ];
  for (const strict of [true, false]) {
    for (const early of bad) {
      for (const place of ["before KEXINIT", "behind KEXINIT", "before NEWKEYS"]) {
        if (place === "before NEWKEYS" && early[0] === number.newKeys) continue;
        const ends = await sockets();
        const peer = new RawPeer(ends.client);
        const opening = t.rejects(
          Transport.open(serverOptions(ends.server)),
          violation,
          `${early[0]} ${place}`,
        );
        await peer.hello();
        if (place === "before KEXINIT") peer.send(early);
        peer.init((init) => ({
          ...init,
          kex: strict ? init.kex : init.kex.filter((name) => !name.includes("strict")),
        }));
        if (place === "behind KEXINIT") peer.send(early);
        if (place === "before NEWKEYS") await peer.finish(() => peer.send(early)).catch(() => {});
        await opening;
        ends.client.destroy();
      }
    }
  }
});

t.test("without the strict key exchange packets are counted on", async (t) => {
  const ends = await sockets();
  const peer = new RawPeer(ends.client);
  const algorithms = {
    kex: ["curve25519-sha256"],
    ciphers: ["aes256-ctr"],
    macs: ["hmac-sha2-256-etm@openssh.com"],
  };
  const opening = Transport.open(serverOptions(ends.server, { algorithms }));
  await peer.hello();
  peer.init((init) => ({ ...init, kex: init.kex.filter((name) => !name.includes("strict")) }));
  const [server] = await Promise.all([opening, peer.finish()]);
  t.notOk(server.peer.strict);
  const arrived = counts(server, 1);
  peer.send(message(3));
  t.strictSame(await arrived, [3]);
  server.destroy();
});

t.test("a wrong guess is passed over, and a right one is taken", async (t) => {
  for (const isRight of [true, false]) {
    const ends = await sockets();
    const peer = new RawPeer(ends.client);
    const algorithms = { ...clientOptions(ends.client).algorithms, kex: ["curve25519-sha256"] };
    const opening = Transport.open(serverOptions(ends.server, { algorithms }));
    await peer.hello();
    peer.init((init) => ({
      ...init,
      kex: isRight ? ["curve25519-sha256"] : init.kex,
      hostKeys: ["ssh-ed25519"],
      guessFollows: !isRight,
    }));
    if (!isRight) peer.send(Buffer.of(number.kexExchangeInit, 1, 2, 3));
    const [server] = await Promise.all([opening, peer.finish()]);
    t.equal(server.peer.algorithms.kex, "curve25519-sha256");
    server.destroy();
  }
});

t.test("between its KEXINIT and its NEWKEYS a peer sends nothing else", async (t) => {
  for (const early of [message(1), Buffer.of(number.serviceRequest), Buffer.of(number.extInfo, 0, 0, 0, 0)]) {
    const { peer, server } = await raw();
    server.onMessage = () => t.fail("it was taken");
    const closed = closing(server);
    peer.init();
    peer.send(early);
    t.match(await closed, violation, `message ${early[0]}`);
    t.equal((await peer.numbers()).at(-1), number.disconnect, "and is told why");
  }
});

t.test("messages of a key exchange that nobody began, or a second one's, end the connection", async (t) => {
  for (const type of [number.newKeys, number.kexExchangeInit, number.kexExchangeReply, 49]) {
    const { peer, server } = await raw();
    server.onMessage = () => t.fail("it was taken");
    const closed = closing(server);
    peer.send(Buffer.of(type));
    t.match(await closed, violation, `message ${type}`);
    peer.socket.destroy();
  }
  const { peer, server } = await raw();
  server.onMessage = () => t.fail("it was taken");
  const closed = closing(server);
  peer.init();
  peer.init();
  t.match(await closed, violation);
  peer.socket.destroy();
});

t.test("a peer that does not go on with a key exchange is left", async (t) => {
  const ends = await sockets();
  const peer = new RawPeer(ends.client);
  const opening = Transport.open(serverOptions(ends.server, { rekey: { ...defaultRekeyTerms, within: 20 } }));
  await peer.hello();
  peer.init();
  const [server] = await Promise.all([opening, peer.finish()]);
  server.onMessage = () => {};
  const closed = closing(server);
  server.rekey();
  t.match(await closed, violation);
  peer.socket.destroy();
});

t.test("a peer that sends on and on in place of a key exchange is left", async (t) => {
  const ends = await sockets();
  const peer = new RawPeer(ends.client);
  const opening = Transport.open(serverOptions(ends.server, { rekey: { ...defaultRekeyTerms, bytes: 1 } }));
  await peer.hello();
  peer.init();
  const [server] = await Promise.all([opening, peer.finish()]);
  server.onMessage = () => {};
  const closed = closing(server);
  server.authenticated();
  peer.socket.resume();
  const large = message(0, 250_000);
  while (!peer.socket.destroyed && peer.socket.writable) {
    peer.send(large);
    if (peer.socket.writableLength > 1_000_000) await Promise.race([once(peer.socket, "drain"), closed]);
    await new Promise(setImmediate);
  }
  t.match(await closed, violation);
});

t.test("a larger packet is taken from who is known", async (t) => {
  const { peer, server } = await raw();
  const arrived = counts(server, 1);
  server.authenticated();
  peer.send(message(5, 250_000));
  t.strictSame(await arrived, [5]);
  server.destroy();
  const unknown = await raw();
  unknown.server.onMessage = () => t.fail("it was taken");
  const closed = closing(unknown.server);
  unknown.peer.send(message(5, 40_000));
  t.match(await closed, violation);
  unknown.peer.socket.destroy();
});

t.test("a server that can't sign by the key that it shows is not the one", async (t) => {
  const ends = await sockets();
  const other = generatePrivateKey("ssh-ed25519");
  const liar: typeof ed25519 = { ...ed25519, sign: (algorithm, data) => other.sign(algorithm, data) };
  const server = t.rejects(Transport.open(serverOptions(ends.server, { hostKeys: [liar] })), violation);
  await t.rejects(Transport.open(clientOptions(ends.client)), { code: "TARGET_UNVERIFIED" });
  await server;
});

t.test("a key is not shown for a certificate, nor the other way round", async (t) => {
  for (const [agreed, shown] of [
    ["ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"],
    ["ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"],
  ] as const) {
    const ends = await sockets();
    const blob = Buffer.concat([Buffer.of(0, 0, 0, shown.length), Buffer.from(shown), Buffer.alloc(40)]);
    const hostKeys = [{ ...ed25519, algorithms: [agreed], blob }];
    const server = t.rejects(Transport.open(serverOptions(ends.server, { hostKeys })), violation);
    const verifyHost = () => {
      t.fail("it was taken for one");
      return generatedKey.publicKey;
    };
    await t.rejects(Transport.open(clientOptions(ends.client, { verifyHost })), {
      code: "TARGET_UNVERIFIED",
    });
    await server;
  }
});

t.test("what says that a host is not the one meant is what the opener hears", async (t) => {
  const ends = await sockets();
  const server = t.rejects(Transport.open(serverOptions(ends.server)), violation);
  const why = new Error("a key that nobody knows");
  const opening = Transport.open(clientOptions(ends.client, { verifyHost: () => Promise.reject(why) }));
  await t.rejects(opening, { code: "INTERNAL", cause: why });
  await server;
});

t.test("a host key of an algorithm that was not asked for is not used", async (t) => {
  const ends = await sockets();
  const server = t.rejects(Transport.open(serverOptions(ends.server)), violation);
  const opening = Transport.open(clientOptions(ends.client, { hostKeyAlgorithms: ["rsa-sha2-512"] }));
  await t.rejects(opening, { message: /no host key algorithm in common/ });
  await server;
});

t.test("a peer that is silent, leaves, or says why it leaves", async (t) => {
  const silent = await sockets();
  const within = new AbortController();
  const opening = Transport.open(clientOptions(silent.client, { signal: within.signal }));
  within.abort();
  await t.rejects(opening, { code: "TARGET_UNREACHABLE" });
  t.ok(silent.client.destroyed);

  const gone = await sockets();
  gone.server.end("SSH-2.0-gone\r\n");
  await t.rejects(Transport.open(clientOptions(gone.client)), { code: "TARGET_UNREACHABLE" });

  const told = await sockets();
  const peer = new RawPeer(told.client);
  const refused = Transport.open(serverOptions(told.server));
  await peer.hello();
  peer.send(encodeDisconnect({ reason: disconnectReason.keyExchangeFailed, description: "no\u001b[31m!" }));
  await t.rejects(refused, {
    code: "PROTOCOL_VIOLATION",
    message: "The client ended the connection: no?[31m!.",
  });
  told.client.destroy();
});

t.test("what a receiver throws ends the connection, and both hear of it", async (t) => {
  const { client, server } = await transports();
  const closed = Promise.all([closing(client), closing(server)]);
  client.onMessage = () => {};
  server.onMessage = () => {
    throw new Error("a secret");
  };
  client.send(message(0));
  const [atClient, atServer] = await closed;
  t.match(atServer, { code: "INTERNAL" });
  t.match(atClient, { code: "TARGET_REJECTED", message: /internal error/ });
  t.notMatch(atClient, { message: /secret/ });
});

t.test("what was sent before the end comes before the end", async (t) => {
  const { client, server } = await transports();
  const arrived: number[] = [];
  server.onMessage = (payload) => arrived.push(payload.readUInt32BE(1));
  const closed = Promise.all([closing(server), closing(client)]);
  for (let count = 0; count < 100; count++) client.send(message(count, 20_000));
  client.disconnect(disconnectReason.byApplication, "done");
  client.send(message(100));
  t.strictSame(await closed, [undefined, undefined]);
  t.strictSame(arrived, inOrder(100));
});
