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
    { of: "target orders, level reader", message: /GATEHOUSE_TEST_ORDERS is not set/ },
    { of: "target orders, level writer", message: /writer does not exist/ },
  ]);
});

t.test("a certificate is looked at like a secret, beside the password that goes with it", async (t) => {
  const both =
    "password: env:GATEHOUSE_TEST_ORDERS, certificate: { cert: file:orders.crt, key: file:orders.key }";
  const config = await loadGood(t, text.replace("password: env:GATEHOUSE_TEST_ORDERS", both));
  t.match(await checkSecrets(config), [
    { of: "target orders, level reader", message: /GATEHOUSE_TEST_ORDERS is not set/ },
    { of: "target orders, level reader", message: /certificate's file .*orders\.crt does not exist/ },
    { of: "target orders, level writer", message: /writer does not exist/ },
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

const told = `approvals:
  webhooks:
    - { name: pager, url: env:GATEHOUSE_TEST_URL, secret: env:GATEHOUSE_TEST_KEY }
  callbacks:
    - { name: chatops, secret: file:chatops, provider: corp, groups: [dba] }
`;

t.test("webhooks' URLs and keys, and callbacks' keys, are looked at too", async (t) => {
  const config = await loadGood(t, shortest.replace("env:ORDERS_PASSWORD", "env:PATH") + told);
  t.match(await checkSecrets(config), [
    { of: "webhook pager", message: /GATEHOUSE_TEST_URL is not set/ },
    { of: "webhook pager", message: /GATEHOUSE_TEST_KEY is not set/ },
    { of: "callback chatops", message: /chatops does not exist/ },
  ]);
});

t.test("a URL without TLS and a key that can be guessed are told, and neither is repeated", async (t) => {
  const variables = {
    GATEHOUSE_TEST_URL: "http://hooks.example.com/T0/hunter2",
    GATEHOUSE_TEST_KEY: "hunter2",
  };
  const file = configFile(t, shortest.replace("env:ORDERS_PASSWORD", "env:PATH") + told);
  Object.assign(process.env, variables);
  t.teardown(() => {
    for (const name of Object.keys(variables)) delete process.env[name];
  });
  writeFileSync(join(dirname(file), "chatops"), "0123456789abcdef\n");
  const result = await loadConfig(file, protocols);
  const problems = result.ok ? await checkSecrets(result.config) : [];
  t.match(problems, [
    { of: "webhook pager", message: /^its URL can't be used: expected an https:/ },
    { of: "webhook pager", message: /GATEHOUSE_TEST_KEY has less than 16 bytes/ },
  ]);
  t.equal(problems.length, 2);
  t.notMatch(JSON.stringify(problems), "hunter2");
});
