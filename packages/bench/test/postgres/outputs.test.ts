import t from "tap";
import { readResult } from "../../src/postgres/pgbench.ts";
import { timings } from "../../src/postgres/works/bulk.ts";
import { transactionTimes } from "../../src/postgres/works/latency.ts";

const output = (lines: string) => `pgbench (15.20 (Debian 15.20-0+deb12u1))
transaction type: <builtin: select only>
scaling factor: 10
query mode: simple
number of clients: 8
number of threads: 2
maximum number of tries: 1
duration: 3 s
${lines}`;

t.test("pgbench's rate and count are read, with connections of one's own or without", async (t) => {
  t.same(
    readResult(
      output(`number of transactions actually processed: 74519
number of failed transactions: 0 (0.000%)
latency average = 0.322 ms
initial connection time = 35.311 ms
tps = 24812.502133 (without initial connection time)
`),
    ),
    { tps: 24812.502133, transactions: 74519 },
  );
  t.match(
    readResult(
      output(`number of transactions actually processed: 102
number of failed transactions: 0 (0.000%)
latency average = 235.087 ms
average connection time = 28.001 ms
tps = 34.029123 (including reconnection times)
`),
    ),
    { tps: 34.029123 },
  );
});

t.test("a run in which something failed has no result", async (t) => {
  const run = (failed: number, done: number) =>
    output(`number of transactions actually processed: ${done}
number of failed transactions: ${failed} (1.000%)
tps = 10.5 (without initial connection time)
`);
  t.throws(() => readResult(run(1, 10)), /pgbench failed/);
  t.throws(() => readResult(run(0, 0)), /no transaction/);
  t.throws(() => readResult(""), /pgbench failed/);
});

t.test("psql's times are read from between whatever else it prints", async (t) => {
  t.same(timings("Time: 1034.567 ms (00:01.035)\nCOPY 1000000\nTime: 0.25 ms\n"), [1034.567, 0.25]);
});

t.test("the times of pgbench's log are its third field", async (t) => {
  t.same(transactionTimes("0 1 412 0 1790000000 123456\n0 2 98 0 1790000000 123999\n"), [412, 98]);
  t.throws(() => transactionTimes("0 1 skipped 0 1790000000 123456\n"));
});
