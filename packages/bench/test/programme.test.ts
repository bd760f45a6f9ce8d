import t from "tap";
import { everything, holding, masking, minting, sampler } from "../src/postgres/works.ts";

const programmes = {
  everything: everything(),
  sampler: sampler(),
  masking: masking(false),
  holding: holding(false),
  minting: minting(false),
};

for (const [name, programme] of Object.entries(programmes)) {
  t.test(`${name}: each work and each line has a name of its own`, async (t) => {
    const works = programme.works.map((work) => work.name);
    const lines = programme.works.flatMap((work) => work.lines.map((line) => line.name));
    t.equal(new Set(works).size, works.length);
    t.equal(new Set(lines).size, lines.length);
  });

  t.test(`${name}: every peer that a line is held against takes part in its work`, async (t) => {
    for (const { lines, peers } of programme.works) {
      for (const { name, against } of lines) {
        const needed = against === "added" ? ["direct", "pgbouncer"] : against === "itself" ? [] : [against];
        for (const peer of [...needed, "gateway"])
          t.ok(
            peers.some((one) => one === peer),
            `${name}: ${peer}`,
          );
      }
    }
  });

  t.test(`${name}: works of a set stand together and have one transport`, async (t) => {
    const runs = programme.works.filter((work, index) => work.set !== programme.works[index - 1]?.set);
    t.equal(new Set(runs.map(({ set }) => set)).size, runs.length);
    for (const { set, transport } of programme.works) {
      t.ok(
        programme.works.every((other) => other.set !== set || other.transport === transport),
        set,
      );
    }
  });
}
