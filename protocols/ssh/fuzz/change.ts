import type { Random } from "@gatehouse/testkit";

/** Lengths and counts that are just right for nobody. */
const NUMBERS: readonly [number, ...number[]] = [
  ...([0, 1, 2, 4, 5, 64, 255, 256, 35_000, 40_000, 0xffff] as const),
  ...([0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff] as const),
];

/** The bytes with something of them changed, cut, put in, doubled or made up. They can come out as they were. */
export function changed(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  const place = () => random.below(copy.length + 1);
  switch (random.below(8)) {
    case 0:
      return random.bytes(random.below(200));
    case 1: {
      const at = place();
      if (at + 4 <= copy.length) copy.writeUInt32BE(random.pick(NUMBERS), at);
      return copy;
    }
    case 2:
      return copy.subarray(0, place());
    case 3: {
      const at = place();
      return Buffer.concat([copy.subarray(0, at), random.bytes(random.below(9)), copy.subarray(at)]);
    }
    case 4: {
      const [from, to] = [place(), place()].sort((a, b) => a - b);
      return Buffer.concat([copy.subarray(0, from), copy.subarray(to)]);
    }
    case 5:
      return Buffer.concat([copy, copy.subarray(place())]);
    case 6:
      return Buffer.concat([copy, Buffer.alloc(random.pick([1, 300, 5000, 34_000]), random.below(256))]);
    default:
      for (let times = random.below(4); times >= 0 && copy.length > 0; times--) {
        const at = random.below(copy.length);
        copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
      }
      return copy;
  }
}
