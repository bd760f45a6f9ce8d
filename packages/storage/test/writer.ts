// Saves approvals as fast as it can, and prints the id of each one that is saved, until it is killed.
import { writeSync } from "node:fs";
import { openApprovalStore } from "../src/index.ts";
import { approval } from "./support.ts";

const [file = "", run = ""] = process.argv.slice(2);
const store = openApprovalStore(file, { durability: "written" });
for (let next = 0; ; next++) {
  const id = `${run}.${next}`;
  store.save(approval(id));
  writeSync(1, `${id} pending\n`);
  store.save(approval(id, { state: "approved" }));
  writeSync(1, `${id} approved\n`);
}
