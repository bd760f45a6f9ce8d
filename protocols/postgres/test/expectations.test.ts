import t from "tap";
import { typeCode } from "../src/codec/framing.ts";
import { type Expectation, Expectations } from "../src/expectations.ts";

const outOfStep = { code: "PROTOCOL_VIOLATION" };

/** Expectations of these messages; what became of each is written down: of a query, how many statements too. */
function expecting(...messages: Expectation["message"][]) {
  const expectations = new Expectations();
  const settled: string[] = [];
  for (const [index, message] of messages.entries()) {
    expectations.push({
      message,
      settle: (done, completed) => {
        settled.push(`${index}:${message}:${done}${message === "query" ? `:${completed}` : ""}`);
      },
    });
  }
  const answer = (letters: string) => {
    for (const letter of letters) {
      if (letter === "Z") expectations.ready();
      else if (letter === "E") expectations.failed();
      else if (letter === "G") expectations.copyBegins();
      else expectations.answered(typeCode(letter));
    }
  };
  return { expectations, settled, answer };
}

t.test("each answer settles the message that it answers, in order", async (t) => {
  const { expectations, settled, answer } = expecting(
    "parse",
    "bind",
    "describe",
    "execute",
    "close",
    "sync",
  );
  answer("12TDDC3Z");
  t.ok(expectations.empty);
  t.equal(settled.length, 6);
  t.ok(settled.every((line) => line.endsWith("true")));
});

t.test("after an error, all up to the Sync have failed, and what stands behind it has not", async (t) => {
  const { settled, answer, expectations } = expecting("parse", "bind", "execute", "sync", "parse", "sync");
  answer("1E");
  t.strictSame(settled, ["0:parse:true", "1:bind:false", "2:execute:false"]);
  answer("Z1Z");
  t.strictSame(settled.slice(3), ["3:sync:true", "4:parse:true", "5:sync:true"]);
  t.ok(expectations.empty);
});

t.test("behind an error whose Sync is still to come, it is known that the server skips", async (t) => {
  for (const [messages, letters, skipping] of [
    [["parse", "bind"], "1E", true],
    [["parse", "sync"], "E", false],
    [["parse", "sync", "bind"], "E", false],
    [["query"], "E", false],
    [["query"], "EZ", false],
    [["sync"], "E", false],
  ] as const) {
    const { expectations, answer } = expecting(...messages);
    answer(letters);
    t.equal(expectations.skipping, skipping, `${messages.join(" ")} / ${letters}`);
  }
  const { expectations, settled, answer } = expecting("execute");
  answer("E");
  expectations.push({ message: "sync" });
  t.notOk(expectations.skipping, "up to the Sync");
  answer("Z");
  t.ok(expectations.empty);
  t.strictSame(settled, ["0:execute:false"]);
});

t.test("an error in a simple query, a function call or a Sync skips nothing", async (t) => {
  for (const message of ["query", "function-call", "sync"] as const) {
    const { settled, answer } = expecting(message, "parse", "sync");
    answer("EZ1Z");
    const failed = message === "query" ? "0:query:false:0" : `0:${message}:false`;
    t.strictSame(settled, [failed, "1:parse:true", "2:sync:true"]);
  }
});

t.test("the failed message is handed back, with the refusal that it stood for", async (t) => {
  const expectations = new Expectations();
  const refusal = { kind: "policy", message: "No.", reference: "ref_1" } as const;
  expectations.push({ message: "execute" });
  expectations.push({ message: "bind", refusal });
  expectations.push({ message: "sync" });
  expectations.answered(typeCode("C"));
  t.equal(expectations.failed()?.refusal, refusal);
  t.equal(expectations.failed()?.refusal, undefined, "a second error is not the refusal's");
});

t.test("a simple query's answer may have anything in it", async (t) => {
  const { expectations, answer } = expecting("query");
  answer("TDDCTDCIC");
  t.notOk(expectations.empty);
  answer("Z");
  t.ok(expectations.empty);
});

t.test("a simple query tells how many of its statements are done, those before a failure too", async (t) => {
  for (const [letters, expected] of [
    ["TDDCZ", "0:query:true:1"],
    ["CTDCCZ", "0:query:true:3"],
    ["IZ", "0:query:true:1"],
    ["EZ", "0:query:false:0"],
    ["CCEZ", "0:query:false:2"],
    ["GCCZ", "0:query:true:2"],
  ] as const) {
    const { settled, answer } = expecting("query");
    answer(letters);
    t.strictSame(settled, [expected], letters);
  }
  const { settled, answer } = expecting("query", "query");
  answer("CCEZCZ");
  t.strictSame(settled, ["0:query:false:2", "1:query:true:1"], "each counts its own");
});

t.test("an answer to what was not asked is out of step", async (t) => {
  for (const [messages, letters] of [
    [[], "C"],
    [[], "Z"],
    [[], "1"],
    [["parse"], "2"],
    [["parse"], "Z"],
    [["execute"], "T"],
    [["sync"], "C"],
    [["close", "sync"], "Z"],
    [["query"], "ZZ"],
    [["parse", "sync"], "G"],
    [[], "G"],
  ] as const) {
    t.throws(() => expecting(...messages).answer(letters), outOfStep, `${messages.join(" ")} / ${letters}`);
  }
});

t.test("messages that answer nothing are let by", async (t) => {
  const { expectations, answer } = expecting();
  answer("ANSDdHct");
  t.ok(expectations.empty);
});

t.test("a COPY in swallows the Syncs before the end of its data, and no others", async (t) => {
  const before = expecting("execute", "sync");
  before.answer("G");
  t.ok(before.expectations.copying);
  before.expectations.copyEnds();
  t.notOk(before.expectations.copying);
  before.expectations.push({ message: "sync" });
  before.answer("CZ");
  t.ok(before.expectations.empty);
  const ahead = expecting("execute", "sync");
  ahead.expectations.copyEnds();
  ahead.expectations.push({ message: "sync" });
  ahead.answer("G");
  t.notOk(ahead.expectations.copying, "its data are all sent");
  ahead.answer("CZ");
  t.ok(ahead.expectations.empty);
});

t.test("the end of data for a COPY that never began is nothing", async (t) => {
  const { expectations, answer } = expecting("execute");
  expectations.copyEnds();
  expectations.push({ message: "sync" });
  answer("EZ");
  t.ok(expectations.empty);
  expectations.copyEnds();
  t.ok(expectations.empty);
});

t.test("a Sync behind data that make the COPY fail is answered", async (t) => {
  const { expectations, answer } = expecting("execute");
  expectations.copyData();
  expectations.push({ message: "sync" });
  answer("GEZ");
  t.ok(expectations.empty);
  const before = expecting("execute", "sync");
  before.expectations.copyData();
  before.answer("GE");
  t.ok(before.expectations.skipping, "one that stands before the data is not: it was passed over");
});

t.test("a COPY that fails is over", async (t) => {
  const { expectations, answer } = expecting("query");
  answer("GE");
  t.notOk(expectations.copying);
  answer("Z");
  t.ok(expectations.empty);
});

t.test("a COPY that takes data in the middle of a text has as many ends as there are", async (t) => {
  const { expectations, answer } = expecting("query");
  answer("CG");
  t.ok(expectations.copying);
  expectations.copyEnds();
  answer("CG");
  t.ok(expectations.copying, "a second one");
  expectations.copyEnds();
  answer("CZ");
  t.ok(expectations.empty);
  const ahead = expecting("query");
  ahead.expectations.copyEnds();
  ahead.expectations.copyEnds();
  ahead.answer("GCGC");
  t.notOk(ahead.expectations.copying, "both ends were sent ahead");
  ahead.answer("Z");
  t.ok(ahead.expectations.empty);
});

t.test("a segment is open from its first message to its Sync", async (t) => {
  const { expectations, answer } = expecting();
  t.notOk(expectations.segmentOpen);
  for (const message of ["parse", "bind", "describe", "execute", "close"] as const) {
    expectations.push({ message });
    t.ok(expectations.segmentOpen, message);
    expectations.push({ message: "sync" });
    t.notOk(expectations.segmentOpen);
  }
  expectations.push({ message: "execute" });
  expectations.push({ message: "copy-end" });
  t.ok(expectations.segmentOpen, "the end of a COPY's data ends no segment");
  answer("1Z2ZTZCZ3Z");
  t.ok(expectations.segmentOpen);
  for (const message of ["query", "function-call"] as const) {
    expectations.push({ message });
    t.notOk(expectations.segmentOpen, "the server answers these at once");
  }
});

t.test("what is the gateway's own is known from what is the client's", async (t) => {
  const { expectations, answer } = expecting();
  t.ok(expectations.ownOnly, "where nothing is under way, nothing is the client's");
  expectations.push({ message: "execute" });
  expectations.push({ message: "parse", own: "search_path" });
  t.notOk(expectations.ownOnly);
  t.equal(expectations.next?.own, undefined);
  answer("C");
  t.ok(expectations.ownOnly);
  t.equal(expectations.next?.own, "search_path");
});

t.test("what waits for answers goes on when all have come, or when there are none to come", async (t) => {
  for (const end of ["answered", "failed", "abandoned"] as const) {
    const { expectations, answer } = expecting("parse", "sync");
    let resolved = false;
    const waiting = expectations.answers()?.then(() => {
      resolved = true;
    });
    answer(end === "failed" ? "E" : "1");
    await new Promise(setImmediate);
    t.notOk(resolved);
    if (end === "abandoned") expectations.abandon();
    else answer("Z");
    await waiting;
    t.equal(expectations.answers(), undefined, end);
  }
});

t.test(
  "there is room for so many unanswered messages, and again when half of them are answered",
  async (t) => {
    const { expectations, answer } = expecting(...Array.from({ length: 8191 }, () => "sync" as const));
    t.equal(expectations.room(), undefined);
    expectations.push({ message: "sync" });
    let resolved = false;
    const waiting = expectations.room()?.then(() => {
      resolved = true;
    });
    answer("Z".repeat(4095));
    await new Promise(setImmediate);
    t.notOk(resolved);
    answer("Z");
    await waiting;
    t.equal(expectations.room(), undefined);
  },
);

t.test("what was abandoned has not been done", async (t) => {
  const { expectations, settled } = expecting("parse", "sync");
  expectations.abandon();
  t.strictSame(settled, ["0:parse:false", "1:sync:false"]);
  t.ok(expectations.empty);
});

t.test("a long pipeline is settled whole", async (t) => {
  const messages = Array.from({ length: 10_000 }, () => ["parse", "sync"] as const).flat();
  const { settled, answer, expectations } = expecting(...messages);
  answer("1Z".repeat(10_000));
  t.equal(settled.length, 20_000);
  t.ok(expectations.empty);
});

t.test("a Sync that goes out during a COPY is answered if the COPY fails, or was passed over", async (t) => {
  for (const letters of ["ZZC", "ZC"]) {
    const { expectations, answer } = expecting("execute");
    answer("G");
    t.ok(expectations.passOver());
    expectations.copyEnds();
    expectations.push({ message: "sync" });
    answer("E");
    t.throws(() => expectations.answers(), outOfStep, "nobody knows how many there will be");
    expectations.push({ message: "execute" });
    answer(letters);
    t.ok(expectations.empty, letters);
  }
  const done = expecting("execute");
  done.answer("G");
  done.expectations.passOver();
  done.expectations.copyEnds();
  done.expectations.push({ message: "sync" });
  done.answer("CZ");
  t.ok(done.expectations.empty, "of a COPY that is done, none is");
});

t.test("the Syncs before a CopyFail were passed over, and those before a cancel were not", async (t) => {
  for (const [ended, syncs] of [
    [true, 1],
    [false, 2],
  ] as const) {
    const { expectations, answer } = expecting("execute");
    answer("G");
    expectations.passOver();
    if (ended) expectations.copyEnds();
    expectations.push({ message: "sync" });
    expectations.failed(true);
    answer("Z".repeat(syncs));
    t.ok(expectations.empty);
  }
});

t.test("what follows no failed COPY is as strict as before", async (t) => {
  const { expectations, answer } = expecting("execute");
  answer("G");
  expectations.passOver();
  expectations.push({ message: "sync" });
  answer("EZZ");
  t.ok(expectations.empty);
  expectations.push({ message: "sync" });
  expectations.push({ message: "execute" });
  t.throws(() => answer("C"), outOfStep);
});

t.test("the Syncs of one COPY have a bound", async (t) => {
  const { expectations, answer } = expecting("query");
  answer("G");
  let sent = 0;
  while (expectations.passOver()) sent++;
  t.equal(sent, 8192);
  expectations.copyData();
  t.ok(expectations.passOver(), "what stands before data is passed over");
});
