import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { checkSecrets, loadConfig } from "../src/index.ts";
import { configFile, loadGood, protocols, shortest } from "./made-up.ts";

const text = shortest
  .replace("env:ORDERS_PASSWORD", "env:GATEHOUSE_TEST_ORDERS")
  .replace("reader: {}", "reader: {}\n      writer: { credential: { user: w, password: file:writer } }");

t.test("a config loads without its secrets, and each level that misses one is named", async (t) => {
  const config = await loadGood(t, text);
  t.match(await checkSecrets(config), [
    { target: "orders", level: "reader", message: /GATEHOUSE_TEST_ORDERS is not set/ },
    { target: "orders", level: "writer", message: /writer does not exist/ },
  ]);
});

t.test("a certificate is looked at like a secret, beside the password that goes with it", async (t) => {
  const both =
    "password: env:GATEHOUSE_TEST_ORDERS, certificate: { cert: file:orders.crt, key: file:orders.key }";
  const config = await loadGood(t, text.replace("password: env:GATEHOUSE_TEST_ORDERS", both));
  t.match(await checkSecrets(config), [
    { target: "orders", level: "reader", message: /GATEHOUSE_TEST_ORDERS is not set/ },
    { target: "orders", level: "reader", message: /certificate's file .*orders\.crt does not exist/ },
    { target: "orders", level: "writer", message: /writer does not exist/ },
  ]);
});

t.test("nothing is missing once variable and file are there", async (t) => {
  const file = configFile(t, text);
  t.teardown(() => delete process.env["GATEHOUSE_TEST_ORDERS"]);
  process.env["GATEHOUSE_TEST_ORDERS"] = "hunter2";
  writeFileSync(join(dirname(file), "writer"), "hunter2\n");
  const result = await loadConfig(file, protocols);
  t.same(result.ok && (await checkSecrets(result.config)), []);
});
