import type { Address, Target } from "@gatehouse/core";
import { sampleSession } from "@gatehouse/testkit";
import t from "tap";
import { reachable, targetAt } from "../src/target-at.ts";

const target = (name: string, ...addresses: [Address, ...Address[]]): Target => ({
  ...sampleSession.target,
  name,
  addresses,
});

const targets = [
  target("orders", { host: "db-1.internal", port: 5432 }, { host: "10.0.0.5", port: 5432 }),
  target("payroll", { host: "db-1.internal", port: 5433 }, { socket: "/run/db" }),
  target("v6", { host: "2001:db8::5", port: 5432 }),
];
const nameAt = (host: string, port: number) => targetAt(targets, host, port)?.name;

t.test("a target is found by any of its addresses, and each by its own port", async (t) => {
  t.equal(nameAt("db-1.internal", 5432), "orders");
  t.equal(nameAt("10.0.0.5", 5432), "orders");
  t.equal(nameAt("db-1.internal", 5433), "payroll");
  t.equal(nameAt("db-1.internal", 22), undefined);
  t.equal(nameAt("db-2.internal", 5432), undefined);
});

t.test("an address is the same however it is written: none goes past its target", async (t) => {
  for (const host of [
    "DB-1.Internal",
    "db-1.internal.",
    "10.5",
    "0x0a.0.0.5",
    "167772165",
    "::ffff:10.0.0.5",
  ]) {
    t.equal(nameAt(host, 5432), "orders", host);
  }
  for (const host of ["2001:DB8:0:0:0:0:0:5", "2001:db8::0.0.0.5"]) t.equal(nameAt(host, 5432), "v6", host);
});

t.test("a target is found by its name, at whatever port", async (t) => {
  t.equal(nameAt("orders", 5432), "orders");
  t.equal(nameAt("Payroll", 1), "payroll");
});

t.test("what is no host is no target's", async (t) => {
  for (const host of [
    "",
    ".",
    "orders/",
    "x@orders",
    "orders:5432",
    "orders#",
    "[::1",
    "fe80::1%eth0",
    " orders",
  ]) {
    t.equal(nameAt(host, 5432), undefined, host);
  }
});

t.test("clients are led to a port, on loopback where every address is listened on", async (t) => {
  t.same(reachable([{ socket: "/run/x" }, { host: "0.0.0.0", port: 1 }]), { host: "127.0.0.1", port: 1 });
  t.same(reachable([{ host: "::", port: 1 }]), { host: "::1", port: 1 });
  t.same(reachable([{ host: "10.0.0.1", port: 1 }]), { host: "10.0.0.1", port: 1 });
  t.same(reachable([{ socket: "/run/x" }]), { socket: "/run/x" });
  t.equal(reachable([]), undefined);
});
