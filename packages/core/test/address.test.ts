import t from "tap";
import { formatAddress, networkOf } from "../src/index.ts";

t.test("an address is written the way people type it", async (t) => {
  t.equal(formatAddress({ host: "db.internal", port: 5432 }), "db.internal:5432");
  t.equal(formatAddress({ host: "127.0.0.1", port: 0 }), "127.0.0.1:0");
});

t.test("an IPv6 address gets its brackets, so that its port can be told from it", async (t) => {
  t.equal(formatAddress({ host: "::1", port: 15432 }), "[::1]:15432");
});

t.test("where something is shared out, a client is its IPv4 address, or its network of IPv6", async (t) => {
  t.equal(networkOf("::ffff:10.0.0.1"), "10.0.0.1");
  t.equal(networkOf("2001:db8:1:2:3:4:5:6"), networkOf("2001:db8:1:2:ffff::1"));
  t.not(networkOf("2001:db8:1:2::1"), networkOf("2001:db8:1:3::1"));
});
