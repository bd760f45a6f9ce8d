import t from "tap";
import type { Mask } from "@gatehouse/core";
import { encodeQuery } from "../../src/codec/query.ts";
import { decodeNotification, encodeNotification } from "../../src/codec/notification-response.ts";
import type { TextEncoding } from "../../src/masking/fields.ts";
import { maskNotification } from "../../src/masking/notifications.ts";
import { startFrontWithServer } from "../support/front.ts";
import { KnowingAnalyzer, lineageOf, marking, maskOf } from "../support/masking.ts";
import { letter, type RawClient } from "../support/raw-client.ts";

/* What comes by LISTEN, whoever has sent it: no rule has decided on it. */

const COLUMNS = [maskOf(["public.customers.email"], { kind: "hash" })];
const DETECTORS = [maskOf([], { kind: "redact" }, { detect: ["email"] })];
let masks: readonly Mask[] = [];
const { front, server, admin } = await startFrontWithServer({
  masks: () => masks,
  values: marking,
  analyzer: new KnowingAnalyzer(() => [lineageOf(undefined)]),
});
t.teardown(async () => {
  await admin.end();
  await front.close();
  await server.stop();
});

async function listening(channel: string): Promise<RawClient> {
  const client = await front.connect();
  t.teardown(() => client.socket.destroy());
  client.send(encodeQuery(`listen ${channel}`));
  await client.until("Z");
  return client;
}

/** The next notification: what of it the client sees. */
async function heard(client: RawClient): Promise<readonly [string, string]> {
  const frame = await client.next();
  if (frame === undefined || letter(frame) !== "A") throw new Error("no notification");
  const { channel, payload, processId } = decodeNotification(frame.body);
  t.ok(processId > 0);
  return [channel.toString(), payload.toString()];
}

t.test("a payload passes where nothing is masked", async (t) => {
  masks = [];
  const client = await listening("news");
  await admin.query("notify news, 'a secret'");
  t.strictSame(await heard(client), ["news", "a secret"]);
});

t.test("where columns are masked there is none, and that there was one can't be seen", async (t) => {
  masks = COLUMNS;
  const client = await listening("news");
  await admin.query("notify news, 'ann@example.org'");
  await admin.query("notify news");
  t.strictSame(await heard(client), ["news", ""]);
  t.strictSame(await heard(client), ["news", ""]);
  masks = [...DETECTORS, ...COLUMNS];
  await admin.query("notify news, 'nothing in particular'");
  t.strictSame(await heard(client), ["news", ""], "with detectors beside them, too");
});

t.test("a client hears what it says itself in the same way: it may be a trigger's", async (t) => {
  masks = COLUMNS;
  const client = await listening("own");
  client.send(encodeQuery("notify own, 'ann@example.org'"));
  const frames = await client.until("Z");
  const own = frames.find((frame) => letter(frame) === "A");
  t.equal(own && decodeNotification(own.body).payload.toString(), "");
});

t.test("detectors look at it", async (t) => {
  masks = DETECTORS;
  const client = await listening("news");
  await admin.query("notify news, 'the secret of ün'");
  t.strictSame(await heard(client), ["news", "the [found] of ün"]);
  await admin.query("notify news, 'harmless'");
  t.strictSame(await heard(client), ["news", "harmless"]);
});

t.test("in another encoding, what can't be read or written there is left out", (t) => {
  const payload = (text: string) => ({
    processId: 7,
    channel: Buffer.from("c"),
    payload: Buffer.from(text, "latin1"),
  });
  const latin1 = { utf8: false, decode: (bytes: Buffer) => bytes.toString("latin1") };
  const through = (text: string, encoding: TextEncoding = latin1) => {
    const masked = maskNotification(
      encodeNotification(payload(text)).subarray(5),
      DETECTORS,
      marking,
      encoding,
    );
    return masked && decodeNotification(masked.subarray(5)).payload.toString("latin1");
  };
  t.equal(through("ün"), undefined, "it passes as it is");
  t.equal(through("a secret"), "a [found]");
  t.equal(through("ün secret"), "");
  t.equal(through("a secret", { utf8: true, decode: () => undefined }), "");
  t.end();
});
