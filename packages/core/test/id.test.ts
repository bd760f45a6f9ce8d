import { randomBytes } from "node:crypto";
import t from "tap";
import { idSource } from "../src/index.ts";

t.test("an id is its prefix and 16 characters that survive being read aloud", async (t) => {
  const ids = idSource(randomBytes);
  t.match(ids("ses"), /^ses_[0-9A-HJKMNP-TV-Z]{16}$/);
  t.match(ids("ref"), /^ref_[0-9A-HJKMNP-TV-Z]{16}$/);
});

t.test("every one of the 80 random bits shows in the id", async (t) => {
  const zeros = Buffer.alloc(16);
  const seen = new Set([idSource(() => zeros)("ses")]);
  for (let bit = 0; bit < 80; bit++) {
    const bytes = Buffer.from(zeros);
    bytes[Math.floor(bit / 5)] = 1 << (bit % 5);
    seen.add(idSource(() => bytes)("ses"));
  }
  t.equal(seen.size, 81);
});

t.test("an id asks for its bytes anew each time", async (t) => {
  const sizes: number[] = [];
  const ids = idSource((size) => {
    sizes.push(size);
    return randomBytes(size);
  });
  t.not(ids("ref"), ids("ref"));
  t.same(sizes, [16, 16]);
});
