import { setImmediate as settled } from "node:timers/promises";
import t from "tap";
import { dataHeader, encodeWindowAdjust } from "../../src/codec/channel-data.ts";
import { encodeChannelOpen, openFailure } from "../../src/codec/channel-open.ts";
import { encodeChannelAnswer, encodeChannelRequest } from "../../src/codec/channel-request.ts";
import { encodeRequestSuccess } from "../../src/codec/global-request.ts";
import { number } from "../../src/codec/numbers.ts";
import { type Channel, type ChannelEvents, PACKET, WINDOW } from "../../src/connection/channel.ts";
import {
  Connection,
  type ConnectionEvents,
  type GlobalAnswer,
  type Opened,
} from "../../src/connection/connection.ts";
import { Link } from "../support/links.ts";

const NOTHING = Buffer.alloc(0);

/** What one end of a channel was told. */
class Told implements ChannelEvents {
  readonly got: string[] = [];
  readonly bytes: Buffer[] = [];
  readonly channel: Channel;
  consumes = true;
  closes = true;
  /** Answers yes to everything, unless told otherwise. */
  answer: ChannelEvents["request"] = (_, answer) => answer(true);

  constructor(channel: Channel) {
    this.channel = channel;
    channel.events = this;
  }

  data(bytes: Buffer, type: number | undefined): void {
    this.got.push(type === undefined ? "data" : `data ${type}`);
    this.bytes.push(bytes);
    if (this.consumes) this.channel.consumed(bytes.length);
  }

  request: ChannelEvents["request"] = (request, answer) => {
    this.got.push(request.type);
    this.answer(request, answer);
  };

  eof(): void {
    this.got.push("eof");
  }

  closed(): void {
    this.got.push("closed");
    if (this.closes) this.channel.close();
  }

  get text(): string {
    return Buffer.concat(this.bytes).toString();
  }
}

interface Ends {
  readonly links: readonly [Link, Link];
  readonly near: Connection;
  readonly far: Connection;
  /** Channels that the near end has opened, at the far one. */
  readonly opened: Told[];
  readonly closed: unknown[];
}

function ends(told: Partial<ConnectionEvents> = {}, most = 10): Ends {
  const links = Link.pair();
  const opened: Told[] = [];
  const closed: unknown[] = [];
  const events: ConnectionEvents = {
    open: (_, opening) => opened.push(new Told(opening.accept())),
    request: (_, answer) => answer({ ok: false }),
    closed: (why) => closed.push(why),
    ...told,
  };
  const nobody: ConnectionEvents = {
    open: (_, opening) => opening.refuse({ reason: openFailure.prohibited, description: "no" }),
    request: (_, answer) => answer({ ok: false }),
    closed: () => undefined,
  };
  const [near, far] = links.map((link, side) => new Connection({ link, most }, side === 0 ? nobody : events));
  if (!near || !far) throw new Error("A pair has two.");
  near.start();
  far.start();
  return { links, near, far, opened, closed };
}

function open(connection: Connection): Promise<Opened> {
  return new Promise((resolve) => {
    connection.open("session", NOTHING, resolve);
  });
}

async function channel({ near }: Ends): Promise<Told> {
  const opened = await open(near);
  if (!opened.ok) throw new Error(opened.failure.description);
  return new Told(opened.channel);
}

t.test("bytes, ends and closes arrive in the order in which they were sent", async (t) => {
  const both = ends();
  const near = await channel(both);
  const [far] = both.opened;
  near.channel.write(Buffer.from("one "));
  near.channel.write(Buffer.from("two "), 1);
  near.channel.write(Buffer.from("three"));
  near.channel.end();
  near.channel.close();
  await settled();
  t.same(far?.got, ["data", "data 1", "data", "eof", "closed"]);
  t.equal(far?.text, "one two three");
  t.same(near.got, ["closed"], "the close is answered by itself");
  t.equal(both.near.channels + both.far.channels, 0, "both have let it go");
});

t.test(
  "no more is sent than the window has room for, and no message is larger than the peer takes",
  async (t) => {
    const both = ends();
    const near = await channel(both);
    const [far] = both.opened;
    if (!far) throw new Error("nothing was opened");
    far.consumes = false;
    let sent = 0;
    for (let count = 0; count < 3; count++)
      near.channel.write(Buffer.alloc(WINDOW / 2), undefined, { consumed: () => sent++ });
    near.channel.end();
    await settled();
    const received = () => far.bytes.reduce((sum, { length }) => sum + length, 0);
    t.equal(received(), WINDOW, "as much as there was room for");
    t.equal(sent, 2);
    t.equal(near.channel.pending, WINDOW / 2);
    t.ok(far.bytes.every(({ length }) => length <= PACKET));
    t.notOk(far.got.includes("eof"), "the end waits for the bytes before it");
    far.channel.consumed(WINDOW / 2);
    await settled();
    t.equal(received(), WINDOW * 1.5);
    t.equal(far.got.at(-1), "eof");
    t.equal(sent, 3);
  },
);

t.test("a window is opened again by half of it at a time, not by each packet", async (t) => {
  const both = ends();
  const near = await channel(both);
  for (let count = 0; count < 100; count++) near.channel.write(Buffer.alloc(PACKET));
  await settled();
  const adjustments = both.links[1].sent.filter((message) => message[0] === number.channelWindowAdjust);
  t.equal(adjustments.length, Math.floor((100 * PACKET) / (WINDOW / 2)));
});

t.test("while much waits to be taken by the system, bulk waits, and goes on when that is over", async (t) => {
  const both = ends();
  const near = await channel(both);
  const [link] = both.links;
  link.queued = 2 * 1024 * 1024;
  near.channel.write(Buffer.from("bulk"));
  near.channel.tell("exit-status", NOTHING);
  await settled();
  t.same(both.opened[0]?.got, ["exit-status"], "how a program has ended does not wait");
  link.queued = 0;
  link.onDrain();
  await settled();
  t.equal(both.opened[0]?.text, "bulk");
});

t.test("many small pieces wait as few, and empty ones not at all", async (t) => {
  const both = ends();
  const near = await channel(both);
  const [link] = both.links;
  link.queued = 2 * 1024 * 1024;
  const from = {
    taken: 0,
    consumed(bytes: number) {
      this.taken += bytes;
    },
  };
  for (let count = 0; count < 50_000; count++) near.channel.write(Buffer.of(count & 255), undefined, from);
  t.equal(near.channel.pending, 50_000);
  link.queued = 0;
  link.onDrain();
  await settled();
  const [far] = both.opened;
  t.ok((far?.bytes.length ?? 0) < 10, "they are joined");
  t.same([Buffer.concat(far?.bytes ?? []).length, from.taken], [50_000, 50_000]);
  const before = far?.bytes.length;
  for (let count = 0; count < 3; count++) link.send(dataHeader(far?.channel.number ?? 0, 0));
  await settled();
  t.equal(far?.bytes.length, before, "what holds nothing is told to nobody");
});

t.test("a peer that takes nothing is told nothing but how a program has ended", async (t) => {
  const both = ends();
  const near = await channel(both);
  both.links[0].queued = 2 * 1024 * 1024;
  for (const type of ["break", "window-change", "exit-status"]) near.channel.tell(type, NOTHING);
  await settled();
  t.same(both.opened[0]?.got, ["exit-status"]);
});

t.test("what a channel holds for a peer that does not take it ends with an abort", async (t) => {
  const both = ends();
  const near = await channel(both);
  const [far] = both.opened;
  if (!far) throw new Error("nothing was opened");
  far.consumes = false;
  for (let count = 0; count < 3; count++) near.channel.write(Buffer.alloc(WINDOW));
  near.channel.close();
  await settled();
  t.notOk(far.got.includes("closed"), "a close waits for what is before it");
  near.channel.abort();
  await settled();
  t.equal(far.got.at(-1), "closed");
  t.equal(both.near.channels, 0);
});

t.test("messages that came early are taken when all is there that they lead to", (t) => {
  const [link] = Link.pair();
  const opened: string[] = [];
  const events: ConnectionEvents = {
    open: ({ type }, opening) => {
      opened.push(type);
      opening.refuse({ reason: openFailure.prohibited, description: "no" });
    },
    request: (_, answer) => answer({ ok: false }),
    closed: () => undefined,
  };
  const connection = new Connection({ link, most: 10 }, events);
  const early = encodeChannelOpen("x11", { channel: 0, window: 10, packet: PACKET }, NOTHING);
  connection.start([early]);
  t.same(opened, ["x11"]);
  t.throws(() => connection.start([encodeWindowAdjust(5, 1)]), { code: "PROTOCOL_VIOLATION" });
  t.end();
});

t.test("requests are answered in their order, however long each takes", async (t) => {
  const both = ends();
  const near = await channel(both);
  const [far] = both.opened;
  if (!far) throw new Error("nothing was opened");
  let answerSlow: (ok: boolean) => void = () => undefined;
  far.answer = ({ type }, answer) => {
    if (type === "slow") answerSlow = answer;
    else answer(true);
  };
  const answers: string[] = [];
  near.channel.ask("slow", NOTHING, (ok) => answers.push(`slow ${ok}`));
  near.channel.ask("quick", NOTHING, (ok) => answers.push(`quick ${ok}`));
  await settled();
  t.same(answers, []);
  answerSlow(false);
  await settled();
  t.same(answers, ["slow false", "quick true"]);
});

t.test("what was asked of a channel that ends is answered by no", async (t) => {
  const both = ends();
  const near = await channel(both);
  const [far] = both.opened;
  if (!far) throw new Error("nothing was opened");
  far.answer = () => undefined;
  const answers: boolean[] = [];
  near.channel.ask("never", NOTHING, (ok) => answers.push(ok));
  await settled();
  far.channel.close();
  await settled();
  near.channel.ask("late", NOTHING, (ok) => answers.push(ok));
  t.same(answers, [false, false]);
});

t.test("what is written to a channel that is closed vanishes, and its sender goes on", async (t) => {
  const both = ends();
  const near = await channel(both);
  near.channel.close();
  let sent = false;
  near.channel.write(Buffer.from("late"), undefined, {
    consumed: () => {
      sent = true;
    },
  });
  t.ok(sent);
  await settled();
  t.equal(both.opened[0]?.text, "");
});

t.test("bytes that wait for a peer who closes are for nobody, and their sender is told", async (t) => {
  const both = ends();
  const near = await channel(both);
  const [far] = both.opened;
  if (!far) throw new Error("nothing was opened");
  far.consumes = false;
  let sent = 0;
  for (let count = 0; count < 4; count++)
    near.channel.write(Buffer.alloc(WINDOW / 2), undefined, { consumed: () => sent++ });
  await settled();
  far.channel.close();
  await settled();
  t.equal(sent, 4);
  t.same(near.got, ["closed"]);
});

t.test("a channel that is refused says why", async (t) => {
  const both = ends({
    open: (_, opening) => opening.refuse({ reason: openFailure.connectFailed, description: "nobody there" }),
  });
  t.same(await open(both.near), {
    ok: false,
    failure: { reason: openFailure.connectFailed, description: "nobody there" },
  });
});

t.test("an answer that comes twice is given once", async (t) => {
  const both = ends({
    open: (_, opening) => {
      new Told(opening.accept());
      opening.refuse({ reason: openFailure.prohibited, description: "no" });
    },
  });
  t.match(await open(both.near), { ok: true });
  t.equal(both.links[1].sent.length, 1);
});

t.test("a peer has as many channels as it may, those that are being decided included", async (t) => {
  const waiting: (() => void)[] = [];
  const both = ends({ open: (_, opening) => waiting.push(() => new Told(opening.accept())) }, 3);
  const [link] = both.links;
  for (let count = 0; count < 5; count++) {
    link.send(encodeChannelOpen("session", { channel: count, window: 10, packet: PACKET }, NOTHING));
  }
  await settled();
  t.equal(waiting.length, 3);
  t.equal(both.links[1].sent.filter((message) => message[0] === number.channelOpenFailure).length, 2);
});

t.test("global requests are answered in their order", async (t) => {
  let answerSlow: (answer: GlobalAnswer) => void = () => undefined;
  const both = ends({
    request: ({ name }, answer) => {
      if (name === "slow") answerSlow = answer;
      else answer({ ok: true, data: Buffer.of(7) });
    },
  });
  const answers: string[] = [];
  both.near.ask("slow", NOTHING, ({ ok }) => answers.push(`slow ${ok}`));
  both.near.ask("quick", NOTHING, (answer) =>
    answers.push(`quick ${answer.ok && answer.data?.toString("hex")}`),
  );
  await settled();
  t.same(answers, []);
  answerSlow({ ok: false });
  await settled();
  t.same(answers, ["slow false", "quick 07"]);
});

t.test("when the connection goes, everybody who waits for something of it is told", async (t) => {
  const both = ends({ request: () => undefined });
  const near = await channel(both);
  const [far] = both.opened;
  if (!far) throw new Error("nothing was opened");
  far.answer = () => undefined;
  const asked = new Promise((resolve) => both.near.ask("never", NOTHING, resolve));
  const request = new Promise((resolve) => near.channel.ask("exec", NOTHING, resolve));
  await settled();
  both.links[1].close(undefined);
  t.same(await asked, { ok: false });
  t.equal(await request, false);
  await settled();
  t.same(near.got, ["closed"]);
  t.same(far.got, ["exec", "closed"]);
  t.same(both.closed, [undefined], "once");
  t.match(await open(both.near), { ok: false });
});

t.test("what no peer may send ends the connection", async (t) => {
  const cases: Readonly<Record<string, (near: Told) => readonly Buffer[]>> = {
    "bytes beyond the window": () => {
      const bytes = Buffer.alloc(PACKET);
      const message = () => Buffer.concat([dataHeader(1, bytes.length), bytes]);
      return Array.from({ length: WINDOW / PACKET + 1 }, message);
    },
    "a window that overflows": () => [encodeWindowAdjust(1, 2 ** 32 - 1)],
    "a message for a channel that is not open": () => [encodeWindowAdjust(99, 1)],
    "an answer to a request that was not made": () => [encodeChannelAnswer(1, true)],
    "a global answer to a request that was not made": () => [encodeRequestSuccess()],
    "requests without an end that wait": () =>
      Array.from({ length: 300 }, () =>
        encodeChannelRequest(1, { type: "exec", wantReply: true, data: NOTHING }),
      ),
    "a message that stops in the middle": () => [Buffer.of(number.channelOpen, 0, 0, 0, 200)],
    "a packet size that is all headers": () => [
      encodeChannelOpen("session", { channel: 7, window: 10, packet: 1 }, NOTHING),
    ],
    "a number that nobody knows": () => [Buffer.of(192)],
  };
  for (const [name, messages] of Object.entries(cases)) {
    const both = ends();
    const near = await channel(both);
    const [far] = both.opened;
    if (!far) throw new Error("nothing was opened");
    far.consumes = false;
    far.answer = () => undefined;
    for (const message of messages(near)) both.links[0].send(message);
    await settled();
    t.match(both.links[0].refusedBy, { code: "PROTOCOL_VIOLATION" }, name);
    t.match(both.closed, [{ code: "PROTOCOL_VIOLATION" }], name);
  }
});

t.test("who hears that its peer has closed may say more before it closes as well", async (t) => {
  const both = ends();
  const near = await channel(both);
  const [far] = both.opened;
  if (!far) throw new Error("nothing was opened");
  far.closes = false;
  near.channel.close();
  await settled();
  t.same(far.got, ["closed"]);
  far.channel.tell("exit-status", NOTHING);
  far.channel.write(Buffer.from("late"));
  far.channel.close();
  await settled();
  t.same(near.got, ["exit-status", "closed"], "bytes are for nobody");
  const told = both.links[1].sent.map((message) => message[0]);
  t.same(told.slice(-2), [number.channelRequest, number.channelClose]);
  t.equal(both.near.channels + both.far.channels, 0);
});

t.test("after a close, nothing more may come for the channel", async (t) => {
  const both = ends();
  const near = await channel(both);
  const [far] = both.opened;
  near.channel.close();
  await settled();
  both.links[0].send(Buffer.concat([dataHeader(far?.channel.number ?? 0, 1), Buffer.of(1)]));
  await settled();
  t.match(both.links[0].refusedBy, { code: "PROTOCOL_VIOLATION" });
});
