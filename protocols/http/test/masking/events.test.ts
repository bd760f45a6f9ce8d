import t from "tap";
import { EventReader, type StreamEvent, writeEvent } from "../../src/masking/events.ts";

function readAll(chunks: readonly Buffer[]): readonly StreamEvent[] {
  const reader = new EventReader();
  const events = chunks.flatMap((chunk) => reader.push(chunk));
  const last = reader.end();
  return last ? [...events, last] : events;
}

function told(events: readonly StreamEvent[]): readonly (readonly [type: string, data: string])[] {
  return events.flatMap(({ type, data, isCut }) =>
    data === undefined || isCut ? [] : [[type, data] as const],
  );
}

const cases: Readonly<Record<string, { stream: string; told: readonly (readonly [string, string])[] }>> = {
  "lines of data are one text": {
    stream: "data: YHOO\ndata: +2\ndata: 10\n\n",
    told: [["", "YHOO\n+2\n10"]],
  },
  "comments and identifiers tell nothing": {
    stream: ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
    told: [
      ["", "first event"],
      ["", "second event"],
      ["", " third event"],
    ],
  },
  "data without a colon is empty": {
    stream: "data\n\ndata\ndata\n\ndata:\n",
    told: [
      ["", ""],
      ["", "\n"],
    ],
  },
  "line ends of all kinds": {
    stream: "event: a\r\ndata: 1\r\n\r\nevent: b\rdata: 2\r\revent: c\ndata: 3\n\ndata: 4\r\n\ndata: 5\r\r\n",
    told: [
      ["a", "1"],
      ["b", "2"],
      ["c", "3"],
      ["", "4"],
      ["", "5"],
    ],
  },
  "a byte order mark stands at the beginning alone": {
    stream: "\ufeffdata: 1\n\n\ufeffdata: 2\n\ndata: \ufeff3\n\n",
    told: [
      ["", "1"],
      ["", "\ufeff3"],
    ],
  },
  "other fields, and other cases, are none": {
    stream: "Data: 1\n data: 2\nretry: 10\nfoo: bar\ndata: ä\u{1f600}\n\n\n\n",
    told: [["", "ä\u{1f600}"]],
  },
  "the last type counts": { stream: "event: a\nevent: b\ndata: 1\n\n", told: [["b", "1"]] },
};

for (const [name, { stream, told: expected }] of Object.entries(cases)) {
  t.test(`${name}, cut anywhere`, async (t) => {
    const bytes = Buffer.from(stream);
    t.same(told(readAll([bytes])), expected);
    for (let at = 0; at <= bytes.length; at++) {
      const events = readAll([bytes.subarray(0, at), bytes.subarray(at)]);
      t.same(told(events), expected, `cut at ${at}`);
      t.ok(Buffer.concat(events.map((event) => event.bytes)).equals(bytes), "with every byte");
    }
    const single = readAll(Array.from(bytes, (byte) => Buffer.from([byte])));
    t.same(told(single), expected, "byte by byte");
    t.ok(Buffer.concat(single.map((event) => event.bytes)).equals(bytes));
  });
}

t.test("an event is told of with its blank line, and a comment with its own end", async (t) => {
  const reader = new EventReader();
  t.same(reader.push(Buffer.from(": pi")), []);
  t.match(reader.push(Buffer.from("ng\n")), [{ isAside: true, lines: [": ping"] }]);
  t.match(reader.push(Buffer.from("\n")), [{ isAside: true, lines: [] }]);
  t.same(reader.push(Buffer.from("data: 1\n: within\n")), []);
  t.match(reader.push(Buffer.from("\r")), [{ data: "1", isAside: false, lines: ["data: 1", ": within"] }]);
  t.match(reader.push(Buffer.from("\n: ping\n")), [
    { isAside: true, lines: [] },
    { isAside: true, lines: [": ping"] },
  ]);
  reader.push(Buffer.from("data: half"));
  t.match(reader.end(), { data: "half", isCut: true });
});

t.test("an event is bounded, however it comes", async (t) => {
  const line = Buffer.from(`data: ${"x".repeat(1000)}\n`);
  const reader = new EventReader();
  let sent = 0;
  t.throws(
    () => {
      for (; sent < 2000; sent++) reader.push(line);
    },
    { code: "PROTOCOL_VIOLATION" },
  );
  t.equal(sent, Math.floor((1024 * 1024) / line.length));
  t.throws(() => new EventReader().push(Buffer.from(`data: ${"x".repeat(1024 * 1024)}\n\n`)), {
    code: "PROTOCOL_VIOLATION",
  });
  const many = new EventReader();
  for (let round = 0; round < 2000; round++) many.push(Buffer.concat([line, Buffer.from("\n")]));
  t.pass("many of them are not");
});

t.test("what is not UTF-8 is refused", async (t) => {
  for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80]])
    t.throws(() => readAll([Buffer.from("data: "), Buffer.from(bytes), Buffer.from("\n\n")]), {
      code: "PROTOCOL_VIOLATION",
    });
});

t.test("an event is written with other data, and nothing in a text begins a line of its own", async (t) => {
  const [event] = readAll([Buffer.from("event: a\r\n: c\r\ndata: 1\r\nid: 7\r\ndata: 2\r\n\r\n")]);
  if (!event) throw new Error("an event was expected");
  t.equal(
    writeEvent(event, "one\r\rtwo\nthree", (line) => line).toString(),
    ["event: a", ": c", "data: one", "data: ", "data: two", "data: three", "id: 7", "", ""].join("\n"),
  );
  t.equal(
    writeEvent(event, "1", (line) => (line.startsWith(":") ? undefined : `${line}\r\ndata: x`)).toString(),
    "event: a data: x\ndata: 1\nid: 7 data: x\n\n",
  );
  const [cut] = readAll([Buffer.from("data: 1")]);
  t.equal(cut && writeEvent(cut, "2", (line) => line).toString(), "data: 2\n");
});
