import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Secret } from "@gatehouse/core";
import { Pull } from "@gatehouse/wire";
import t from "tap";
import { startSite } from "../../fuzz/site.ts";
import { encodeIgnore, encodeUnimplemented } from "../../src/codec/asides.ts";
import { number } from "../../src/codec/numbers.ts";
import { encodeServiceRequest, service } from "../../src/codec/service.ts";
import { encodeInfoResponse } from "../../src/codec/userauth-info.ts";
import {
  encodeKeyboardInteractiveRequest,
  encodeNoneRequest,
  encodePasswordRequest,
} from "../../src/codec/userauth-request.ts";
import { startFront, TOKEN } from "../support/front.ts";
import { RawPeer } from "../support/raw-peer.ts";

/*
 * Clients that want to hold a place, or to keep the gateway busy, without ever logging in. All of them are there at once. Each is
 * waited for until the gateway has cut it; one that is not cut is a test that does not end.
 */

const STARTUP = 1500;
const SECOND = 1000;

let signInsBegun = 0;
/** Nobody ever goes there. */
const signIn = () => {
  signInsBegun++;
  const token = new Promise<string>(() => undefined);
  return { url: "https://idp.example.com/device", code: "WDJB-MJHT", until: Date.now() + SECOND, token };
};

const user = "deploy@web";
const none = encodeNoneRequest(user, service.connection);
const wrong = () => encodePasswordRequest(user, service.connection, new Secret("another"));
const interactive = encodeKeyboardInteractiveRequest(user, service.connection);
const debug = Buffer.from([number.debug, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/** What a client does with its connection; it goes on until the gateway has cut it. */
type Slow = (peer: RawPeer) => Promise<void>;

async function untilCut(peer: RawPeer): Promise<void> {
  await peer.numbers().catch(() => []);
}

/** Sends the bytes one by one, for ever. */
async function drip(peer: RawPeer, bytes: (count: number) => number): Promise<void> {
  let count = 0;
  const timer = setInterval(() => peer.socket.write(Buffer.of(bytes(count++))), 10);
  await untilCut(peer);
  clearInterval(timer);
}

async function withKeys(peer: RawPeer): Promise<void> {
  await peer.hello();
  peer.init();
  await peer.finish();
}

async function asking(peer: RawPeer): Promise<void> {
  await withKeys(peer);
  peer.send(encodeServiceRequest(service.userauth));
  while ((await peer.next())?.[0] !== number.serviceAccept);
}

/** Sends it again and again, as fast as the gateway takes it. */
async function flood(peer: RawPeer, messages: () => readonly Buffer[]): Promise<void> {
  const cut = untilCut(peer);
  while (peer.socket.writable) {
    for (const message of messages()) peer.send(message);
    if (peer.socket.writableNeedDrain) await Promise.race([once(peer.socket, "drain").catch(() => []), cut]);
    else await new Promise((resolve) => setImmediate(resolve));
  }
  await cut;
}

/** @returns how many were answered before the gateway had enough */
async function oneByOne(peer: RawPeer, message: () => Buffer): Promise<number> {
  await asking(peer);
  for (let answered = 0; ; answered++) {
    peer.send(message());
    const answer = await peer.next();
    if (answer?.[0] !== number.userauthFailure) return answered;
  }
}

const slow: Readonly<Record<string, Slow>> = {
  "is silent": untilCut,
  "says who it is a byte at a time": (peer) =>
    drip(peer, (count) => Buffer.from("SSH-2.0-slow")[count] ?? 0x61),
  "does not end its identification": (peer) => {
    peer.socket.write("SSH-2.0-endless");
    return untilCut(peer);
  },
  "sends its KEXINIT a byte at a time": async (peer) => {
    await peer.hello();
    const packet = Buffer.alloc(2000, 1);
    packet.writeUInt32BE(1996);
    await drip(peer, (count) => packet[count] ?? 1);
  },
  "stops in the middle of the first key exchange": async (peer) => {
    await peer.hello();
    peer.init();
    await untilCut(peer);
  },
  "stops in the middle of a packet": async (peer) => {
    await peer.hello();
    peer.init();
    peer.socket.write(peer.pack(Buffer.alloc(100, number.kexExchangeInit)).subarray(0, 50));
    await untilCut(peer);
  },
  "stops when it has its keys": async (peer) => {
    await withKeys(peer);
    await untilCut(peer);
  },
  "stops when it could log in": async (peer) => {
    await asking(peer);
    await untilCut(peer);
  },
  "stops in the middle of new keys": async (peer) => {
    await withKeys(peer);
    peer.init();
    await untilCut(peer);
  },
  "wants new keys without end": async (peer) => {
    await withKeys(peer);
    for (let count = 0; ; count++) {
      peer.init();
      try {
        await peer.finish();
      } catch {
        t.ok(count < 10, "keys are changed a few times and no more");
        return;
      }
    }
  },
  "sends nothing that means anything": async (peer) => {
    await withKeys(peer);
    const messages = [encodeIgnore(Buffer.alloc(1000)), debug, encodeUnimplemented(1)];
    await flood(peer, () => messages);
  },
  "sends what nobody knows": async (peer) => {
    await withKeys(peer);
    await flood(peer, () => [Buffer.of(29, 1, 2, 3)]);
  },
  "asks a thousand times at once": async (peer) => {
    await asking(peer);
    await flood(peer, () => [none]);
  },
  "asks again and again which methods there are": async (peer) => {
    t.ok((await oneByOne(peer, () => none)) <= 40, "some dozens of questions are answered");
  },
  "tries one password after the other": async (peer) => {
    t.ok((await oneByOne(peer, wrong)) <= 6, "six are tried");
  },
  "begins one sign-in after the other": async (peer) => {
    await asking(peer);
    await flood(peer, () => [interactive]);
  },
  "begins a sign-in and says no more": async (peer) => {
    await asking(peer);
    peer.send(interactive);
    await untilCut(peer);
  },
  "begins a sign-in that nobody ends": async (peer) => {
    await asking(peer);
    peer.send(interactive);
    while ((await peer.next())?.[0] !== number.userauthInfoRequest);
    peer.send(encodeInfoResponse([]));
    await untilCut(peer);
  },
};
const kinds = Object.entries(slow);
/** With a place for somebody honest, and one for the client that does not read. */
const CONNECTIONS = kinds.length + 2;

const site = await startSite({
  limits: { connections: CONNECTIONS, startup: STARTUP },
  loginGrace: "10s",
  signIn,
});
t.teardown(() => site.close());

async function connected(port = site.port): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** Whether a new connection is served: the gateway says who it is; undefined where there is no room. */
async function greeting(): Promise<{ readonly socket: Socket; readonly said: string | undefined }> {
  const socket = await connected();
  const said = await new Pull(socket).next();
  return { socket, said: said?.toString("latin1").slice(0, 8) };
}

t.test("who does not log in is cut, holds no place after, and keeps nobody out", async (t) => {
  // It asks for answers by the thousand, and reads none of them.
  const deaf = await connected();
  const peer = new RawPeer(deaf);
  await withKeys(peer);
  for (let count = 0; count < 20_000; count++) peer.send(Buffer.of(29));

  const cut: string[] = [];
  const running = kinds.map(async ([name, run]) => {
    const socket = await connected();
    await run(new RawPeer(socket)).catch(() => undefined);
    cut.push(name);
    socket.destroy();
  });
  await site.honest();
  t.pass("somebody honest gets in while all of them are there");
  await Promise.all(running);
  t.same(cut.toSorted(), kinds.map(([name]) => name).sort(), "each of them is cut");
  await site.honest();
  t.equal(site.fault(), undefined, "nobody was let in, and nothing has failed");
  t.equal(signInsBegun, 3, "a client has one sign-in at a time");

  const all = await Promise.all(Array.from({ length: CONNECTIONS }, greeting));
  t.ok(
    all.every(({ said }) => said === "SSH-2.0-"),
    "all places are free again",
  );
  const beyond = await greeting();
  t.equal(beyond.said, undefined, "and there are no more than these");
  for (const { socket } of [...all, beyond]) socket.destroy();
  deaf.destroy();
});

t.test("who has waited for somebody's yes, and did not get in, has no more time than others", async (t) => {
  const front = await startFront({
    target: { port: 1, user: "deploy" },
    loginGrace: "10s",
    enter: ({ waits }) => {
      waits?.({ message: "It waits.", detail: "For you.", hint: "Say yes." });
      return Promise.resolve({ kind: "credential", message: "It has expired meanwhile." });
    },
  });
  t.teardown(() => front.close());
  const peer = new RawPeer(await connected(front.port));
  await asking(peer);
  peer.send(encodePasswordRequest(user, service.connection, new Secret(TOKEN)));
  t.same(await peer.numbers(), [number.userauthBanner, number.userauthFailure], "and is cut");
});
