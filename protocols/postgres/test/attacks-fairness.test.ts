import { serialize } from "pg-protocol";
import t from "tap";
import type { AnalysisResult } from "../src/analysis/analysis.ts";
import { Analyzer } from "../src/analysis/analyzer.ts";
import { eventually } from "./support/eventually.ts";
import { startFrontWithServer } from "./support/front.ts";
import { HeldParsers, tooDeep } from "./support/held-parsers.ts";
import { errorIn, firstColumn, type RawClient } from "./support/raw-client.ts";

// All sessions share the parser: somebody who keeps it busy must keep nobody else waiting.

/** Counts the texts that have to be parsed. */
class CountingAnalyzer extends Analyzer {
  asked = 0;

  override async analyze(...asked: Parameters<Analyzer["analyze"]>): Promise<AnalysisResult> {
    this.asked++;
    return super.analyze(...asked);
  }
}

const parsers = new HeldParsers();
const analyzer = new CountingAnalyzer(parsers.make);
const { front, server, admin } = await startFrontWithServer({
  analyzer,
  subject: ({ application }) => application,
});
t.teardown(async () => {
  await front.close();
  await admin.end();
  await server.stop();
});
const query = serialize.query;
const connect = async (subject: string) => front.connect({ application_name: subject });

/** Sends a text that is not known yet; resolves when it waits for the parser, or is being parsed. */
async function ask(client: RawClient, text: string): Promise<void> {
  const before = analyzer.asked;
  client.send(query(text));
  await eventually(() => analyzer.asked > before);
}

t.test("with one identity flooding from many sessions, another's new text is parsed next", async (t) => {
  const flood = await Promise.all(Array.from({ length: 20 }, async () => connect("mallory")));
  const bob = await connect("bob");
  const release = parsers.hold("select 0 as flood0");
  for (const [index, client] of flood.entries()) await ask(client, `select ${index} as flood${index}`);
  await ask(bob, "select 'bob' as bob");
  t.strictSame(parsers.begun, ["select 0 as flood0"]);
  release();
  t.strictSame(firstColumn(await bob.until("Z")), ["bob"]);
  for (const [index, client] of flood.entries()) {
    t.strictSame(firstColumn(await client.until("Z")), [String(index)], "who floods is served all the same");
    client.socket.destroy();
  }
  t.equal(parsers.begun[1], "select 'bob' as bob");
  t.equal(parsers.begun.length, 21);
  bob.socket.destroy();
});

t.test("whose texts cost the parser its thread keeps nobody else waiting with the next one", async (t) => {
  const [first, second, bob] = await Promise.all([connect("eve"), connect("eve"), connect("bob")]);
  first.send(query(tooDeep(10_000)));
  t.equal(errorIn(await first.until("Z")).get("C"), "54000");
  const release = parsers.hold("select 'held' as held");
  await ask(first, "select 'held' as held");
  await ask(second, "select 'behind' as behind");
  for (const text of ["select 'one' as one", "select 'two' as two"]) {
    bob.send(query(text));
    t.strictSame(firstColumn(await bob.until("Z")), [text.slice(8, 11)]);
  }
  t.notOk(parsers.begun.includes("select 'behind' as behind"), "nor by way of another session");
  release();
  t.strictSame(firstColumn(await first.until("Z")), ["held"]);
  t.strictSame(firstColumn(await second.until("Z")), ["behind"]);
  for (const client of [first, second, bob]) client.socket.destroy();
});

t.test("texts of sessions that have gone are not parsed: reconnecting piles nothing up", async (t) => {
  const bob = await connect("bob");
  const release = parsers.hold("select 'busy' as busy");
  await ask(bob, "select 'busy' as busy");
  for (let turn = 0; turn < 5; turn++) {
    const client = await connect("trent");
    await ask(client, `select ${turn} as gone${turn}`);
    client.socket.destroy();
  }
  await eventually(() => front.gate.open === 1);
  release();
  t.strictSame(firstColumn(await bob.until("Z")), ["busy"]);
  const trent = await connect("trent");
  trent.send(query("select 'stays' as stays"));
  t.strictSame(firstColumn(await trent.until("Z")), ["stays"]);
  t.notMatch(parsers.begun.join("\n"), /gone/);
  for (const client of [trent, bob]) client.socket.destroy();
});
