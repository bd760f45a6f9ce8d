import t from "tap";
import { overHttp } from "../src/http/works.ts";
import { everything, holding, masking, minting, sampler, withRelay } from "../src/postgres/works.ts";
import { overSsh } from "../src/ssh/works.ts";
import type { Line } from "../src/work.ts";

const postgres = {
  everything: everything(),
  "everything with a relay": withRelay(everything()),
  sampler: sampler(),
  masking: masking(false),
  holding: holding(false),
  minting: minting(false),
};
const programmes = { ...postgres, ssh: overSsh(false), http: overHttp(false) };

function neededFor({ against }: Line): readonly string[] {
  switch (against) {
    case "added":
      return ["direct", "pgbouncer"];
    case "beyond bastion":
      return ["bastion"];
    case "beyond direct":
      return ["direct"];
    case "beyond unmasked":
      return ["unmasked"];
    case "itself":
      return [];
    default:
      return [against];
  }
}

for (const [name, programme] of Object.entries(programmes)) {
  t.test(`${name}: each work and each line has a name of its own`, async (t) => {
    const works = programme.works.map((work) => work.name);
    const lines = programme.works.flatMap((work) => work.lines.map((line) => line.name));
    t.equal(new Set(works).size, works.length);
    t.equal(new Set(lines).size, lines.length);
  });

  t.test(`${name}: every peer that a line is held against takes part in its work`, async (t) => {
    for (const { lines, peers } of programme.works) {
      for (const line of lines) {
        for (const peer of [...neededFor(line), "gateway"])
          t.ok(
            peers.some((one) => one === peer),
            `${line.name}: ${peer}`,
          );
      }
    }
  });

  t.test(`${name}: works of a set stand together`, async (t) => {
    const sets = programme.works.map(({ set }) => set);
    const runs = sets.filter((set, index) => set !== sets[index - 1]);
    t.equal(new Set(runs).size, runs.length);
  });
}

for (const [name, { works }] of Object.entries(postgres)) {
  t.test(`${name}: works of a set have one transport`, async (t) => {
    for (const { set, transport } of works) {
      t.ok(
        works.every((other) => other.set !== set || other.transport === transport),
        set,
      );
    }
  });
}
