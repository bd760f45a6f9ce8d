import { randomBytes } from "node:crypto";
import t from "tap";
import { idSource } from "../src/index.ts";

t.test("an id is its prefix and 16 characters that survive being read aloud", async (t) => {
  const ids = idSource(randomBytes);
  t.match(ids("ses"), /^ses_[0-9A-HJKMNP-TV-Z]{16}$/);
  t.match(ids("ref"), /^ref_[0-9A-HJKMNP-TV-Z]{16}$/);
});

t.test("every one of the 80 random bits shows in the id", async (t) => {
  const seen = new Set([idSource((size) => Buffer.alloc(size))("ses")]);
  for (let bit = 0; bit < 80; bit++) {
    const ids = idSource((size) => {
      const bytes = Buffer.alloc(size);
      bytes[Math.floor(bit / 5)] = 1 << (bit % 5);
      return bytes;
    });
    seen.add(ids("ses"));
  }
  t.equal(seen.size, 81);
});

t.test("each random byte is used for one character of one id", async (t) => {
  const drawn: Buffer[] = [];
  const ids = idSource((size) => {
    drawn.push(randomBytes(size));
    return drawn.at(-1) ?? Buffer.alloc(0);
  });
  const made = Array.from({ length: 1000 }, () => ids("ref").slice("ref_".length)).join("");
  t.equal(made.length, 16_000);
  const expected = Buffer.concat(drawn).subarray(0, 16_000);
  const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  t.equal(made, Array.from(expected, (byte) => alphabet[byte & 31]).join(""));
});
