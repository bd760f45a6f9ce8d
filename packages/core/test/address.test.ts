import t from "tap";
import { formatAddress } from "../src/index.ts";

t.test("an address is written the way people type it", async (t) => {
  t.equal(formatAddress({ host: "db.internal", port: 5432 }), "db.internal:5432");
  t.equal(formatAddress({ host: "127.0.0.1", port: 0 }), "127.0.0.1:0");
});

t.test("an IPv6 address gets its brackets, so that its port can be told from it", async (t) => {
  t.equal(formatAddress({ host: "::1", port: 15432 }), "[::1]:15432");
});
