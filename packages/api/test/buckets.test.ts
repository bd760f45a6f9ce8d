import { createFakeClock } from "@gatehouse/testkit";
import t from "tap";
import { Buckets } from "../src/buckets.ts";

t.test("a client may take so much at once, and then one after each interval", (t) => {
  const clock = createFakeClock();
  const buckets = new Buckets({ burst: 3, every: 1_000, clock });
  for (let taken = 0; taken < 3; taken++) {
    t.equal(buckets.wait("10.0.0.1"), 0);
    buckets.take("10.0.0.1");
  }
  t.equal(buckets.wait("10.0.0.1"), 1_000);
  buckets.take("10.0.0.1");
  t.equal(buckets.wait("10.0.0.1"), 1_000, "what is refused costs nothing");
  t.equal(buckets.wait("10.0.0.2"), 0, "others have their own");
  clock.advance(999);
  t.equal(buckets.wait("10.0.0.1"), 1);
  clock.advance(1);
  t.equal(buckets.wait("10.0.0.1"), 0);
  clock.advance(60_000);
  for (let taken = 0; taken < 3; taken++) buckets.take("10.0.0.1");
  t.equal(buckets.wait("10.0.0.1"), 1_000, "no more than the burst is saved up");
  t.end();
});

t.test("a client is its IPv4 address, or its network of IPv6", (t) => {
  const same: [string, string, boolean][] = [
    ["::ffff:10.0.0.1", "10.0.0.1", true],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2:ffff::1", true],
    ["2001:db8:1:2::1", "2001:db8:1:3::1", false],
    ["2001:db8::1", "2001:db8:0:0:9::", true],
    ["::1", "::2", true],
    ["10.0.0.1", "10.0.0.2", false],
  ];
  for (const [one, other, expected] of same) {
    const buckets = new Buckets({ burst: 1, every: 1_000, clock: createFakeClock() });
    buckets.take(one);
    t.equal(buckets.wait(other) > 0, expected, `${one} ${other}`);
  }
  t.end();
});

t.test("many clients take a bounded place, and the one that took last keeps its own", (t) => {
  const buckets = new Buckets({ burst: 1, every: 1_000_000, clock: createFakeClock() });
  for (let client = 0; client <= 10_000; client++) buckets.take(`client-${client}`);
  t.equal(buckets.wait("client-0"), 0);
  t.ok(buckets.wait("client-1") > 0);
  t.ok(buckets.wait("client-10000") > 0);
  t.end();
});
