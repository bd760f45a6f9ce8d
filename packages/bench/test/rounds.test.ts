import t from "tap";
import { inRounds, type PeerPool, rotated } from "../src/rounds.ts";
import type { Peer, PeerName, Work } from "../src/work.ts";

/** A pool of peers without processes, and what it was asked. */
function pool(): PeerPool<Peer, unknown> & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    take(name): Promise<Peer> {
      asked.push(`take ${name}`);
      return Promise.resolve({ name, stop: () => Promise.resolve() });
    },
    giveBack({ name }) {
      asked.push(`give back ${name}`);
      return Promise.resolve();
    },
  };
}

const silent = { announce: () => undefined, remark: () => undefined };

function work(
  sample: Work<undefined, Peer>["sample"],
  more: Partial<Work<undefined, Peer>> = {},
): Work<undefined, Peer> {
  return {
    name: "work",
    lines: [{ name: "work", unit: "tps", against: "direct", wanted: { atLeast: 1 } }],
    peers: ["direct", "pgbouncer", "gateway"],
    set: "set",
    sample,
    ...more,
  };
}

t.test("peers take turns, each round begins with another, and the first turns do not count", async (t) => {
  const turns: string[] = [];
  const rounds = await inRounds(
    work(async (_, { name }, seconds) => {
      turns.push(`${name} ${seconds}`);
      return { figures: [turns.length] };
    }),
    { stage: undefined, rounds: 2, seconds: 3, pool: pool(), ...silent },
  );
  t.same(turns, [
    ...["direct 4", "pgbouncer 4", "gateway 4"],
    ...["direct 3", "pgbouncer 3", "gateway 3"],
    ...["pgbouncer 3", "gateway 3", "direct 3"],
  ]);
  const figures = (name: PeerName) => rounds.map((round) => round.get(name)?.figures);
  t.same(figures("direct"), [[4], [9]]);
  t.same(figures("gateway"), [[6], [8]]);
});

t.test(
  "a work that wants fresh processes is not warmed up, and does no more rounds than are worth it",
  async (t) => {
    let samples = 0;
    const sample = async () => ({ figures: [++samples] });
    const rounds = await inRounds(work(sample, { fresh: true, rounds: 2, peers: ["relay"] }), {
      stage: undefined,
      rounds: 9,
      seconds: 1,
      pool: pool(),
      ...silent,
    });
    t.equal(rounds.length, 2);
    t.equal(samples, 2);
  },
);

t.test("a turn that fails gives its peer back", async (t) => {
  const peers = pool();
  const failing = work(() => Promise.reject(new Error("no")));
  const options = { stage: undefined, rounds: 1, seconds: 1, pool: peers, ...silent };
  await t.rejects(inRounds(failing, options), { message: "no" });
  t.same(peers.asked, ["take direct", "give back direct"]);
});

t.test("what went wrong in a sample that counts is told, with whose it was", async (t) => {
  const told: string[] = [];
  const sample = async () => ({ figures: [1], remarks: ["3 sessions failed: no room"] });
  const options = { stage: undefined, rounds: 1, seconds: 1, pool: pool(), ...silent };
  await inRounds(work(sample, { fresh: true, peers: ["gateway"] }), {
    ...options,
    remark: (text) => told.push(text),
  });
  t.same(told, ["gateway: 3 sessions failed: no room"]);
});

t.test("rotation goes round", async (t) => {
  t.same(rotated(["a", "b", "c"], 4), ["b", "c", "a"]);
  t.same(rotated([], 4), []);
});

t.test("what a work makes around its measuring is there for each turn, and for that alone", async (t) => {
  const seen: string[] = [];
  const held = work(
    async (_, { name }) => {
      seen.push(name);
      return { figures: [1], count: 1 };
    },
    {
      peers: ["unheld", "gateway"],
      async around(_, { name }, measure) {
        seen.push(`make for ${name}`);
        const measured = await measure();
        seen.push("take away");
        return measured;
      },
    },
  );
  const options = { stage: undefined, rounds: 1, seconds: 1, pool: pool(), ...silent };
  const [round] = await inRounds({ ...held, fresh: true }, options);
  t.same(seen, [
    ...["make for unheld", "unheld", "take away"],
    ...["make for gateway", "gateway", "take away"],
  ]);
  t.match(round?.get("gateway"), { figures: [1] }, "what was measured comes through");
});
