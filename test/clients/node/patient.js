// @ts-nocheck -- the driver's types are not the repository's.
// A DELETE that waits for a person, by node-postgres, which just waits. WORD is the row it deletes; with TRANSACTION, it
// stands in one, behind an INSERT. Prints each notice, and what has become of it.
import { readFileSync } from "node:fs";
import { driver } from "./driver.js";

const { Client } = driver("pg");
const { WORD, TRANSACTION } = process.env;
const client = new Client({ ssl: { ca: readFileSync(process.env.PGSSLROOTCERT, "utf8") } });
client.on("notice", ({ message }) => process.stdout.write(`NOTICE: ${message}\n`));
await client.connect();
if (TRANSACTION) {
  await client.query("begin");
  await client.query("insert into held values ($1)", [`before ${WORD}`]);
}
const { command, rowCount } = await client.query("delete from held where word = $1", [WORD]);
process.stdout.write(`${command} ${rowCount}\n`);
if (TRANSACTION) await client.query("commit");
await client.end();
