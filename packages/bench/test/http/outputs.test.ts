import t from "tap";
import { secondsOf } from "../../src/http/works/bulk.ts";
import { readOutput } from "../../src/http/works/requests.ts";

const figures = { requests: 73013, duration: 3_004_112, failed: 0, p50: 712, p99: 21_530 };
const printed = (line: object) =>
  `Running 3s test @ https://127.0.0.1:1/\nfigures: ${JSON.stringify(line)}\n`;

t.test("wrk's figures are those of its script, and not those that it rounds itself", async (t) => {
  t.same(readOutput(printed(figures)), figures);
});

t.test("a run in which requests failed, or none were answered, has no figures", async (t) => {
  t.throws(() => readOutput(printed({ ...figures, failed: 1 })), /refused or failed/);
  t.throws(() => readOutput(printed({ ...figures, requests: 0 })));
  t.throws(() => readOutput("Requests/sec: 24304.04\n"), /no figures/);
});

t.test("a transfer's time is without connecting", async (t) => {
  t.same(secondsOf("0.25 1.75\n0 1\n"), [1.5, 1]);
  for (const line of ["1 1", "2 1", "1", "1 2 3", "one two"]) {
    t.throws(() => secondsOf(`${line}\n`), /no two times/, line);
  }
});
