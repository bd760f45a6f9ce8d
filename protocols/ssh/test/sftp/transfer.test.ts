import { createHash } from "node:crypto";
import t from "tap";
import { Ahead, Transfer } from "../../src/sftp/transfer.ts";

const data = Buffer.from(Array.from({ length: 1000 }, (_, at) => at % 256));
const whole = createHash("sha256").update(data).digest("hex");

function add(transfer: Transfer, from: number, to: number): void {
  const piece = data.subarray(from, to);
  transfer.add(from, [piece.subarray(0, 3), piece.subarray(3)], piece.length);
}

function room({ bytes, pieces }: Ahead) {
  return { bytes, pieces };
}

t.test("bytes in order, and bytes ahead of it, have one sum", (t) => {
  const ahead = new Ahead();
  const free = room(ahead);
  const transfer = new Transfer(ahead);
  add(transfer, 0, 100);
  add(transfer, 500, 1000);
  add(transfer, 300, 500);
  t.not(ahead.bytes, free.bytes);
  add(transfer, 100, 300);
  t.same(room(ahead), free, "nothing is kept any more");
  t.same(transfer.end(), { bytes: 1000, sha256: whole });
  t.end();
});

t.test("holes, what is moved twice, and what begins later have none, and say why", (t) => {
  const cases = [
    ["partial", [[500, 1000]]],
    [
      "out-of-order",
      [
        [0, 100],
        [200, 300],
      ],
    ],
    [
      "overlapping",
      [
        [0, 100],
        [50, 150],
      ],
    ],
    [
      "overlapping",
      [
        [0, 100],
        [200, 300],
        [200, 300],
      ],
    ],
  ] as const;
  for (const [unhashed, pieces] of cases) {
    const ahead = new Ahead();
    const free = room(ahead);
    const transfer = new Transfer(ahead);
    for (const [from, to] of pieces) add(transfer, from, to);
    const bytes = pieces.reduce((sum, [from, to]) => sum + to - from, 0);
    t.same(transfer.end(), { bytes, sha256: null, unhashed });
    t.same(room(ahead), free, "nothing is kept any more");
  }
  t.end();
});

t.test("what is kept is bounded, for all files together", (t) => {
  const ahead = new Ahead();
  ahead.bytes = 150;
  const one = new Transfer(ahead);
  const other = new Transfer(ahead);
  add(one, 0, 10);
  add(one, 100, 200);
  add(other, 0, 10);
  add(other, 100, 200);
  t.equal(ahead.bytes, 50);
  t.match(other.end(), { sha256: null, unhashed: "out-of-order" });
  add(one, 10, 100);
  t.equal(one.contiguous, 200);
  t.equal(ahead.bytes, 150);
  t.end();
});
