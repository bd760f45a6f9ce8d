import t from "tap";
import { analyzeReplication } from "../../src/analysis/replication.ts";

t.test("a walsender's commands are told by their first word", async (t) => {
  const commands = {
    IDENTIFY_SYSTEM: "read",
    "SHOW data_directory_mode": "read",
    "TIMELINE_HISTORY 1": "read",
    "READ_REPLICATION_SLOT s": "read",
    "CREATE_REPLICATION_SLOT s TEMPORARY LOGICAL pgoutput": "admin",
    "ALTER_REPLICATION_SLOT s (FAILOVER)": "admin",
    "DROP_REPLICATION_SLOT s WAIT": "admin",
    "START_REPLICATION SLOT s LOGICAL 0/0 (proto_version '1')": "admin",
    "BASE_BACKUP (LABEL 'x')": "admin",
    UPLOAD_MANIFEST: "admin",
  };
  for (const [text, access] of Object.entries(commands)) {
    const verbs = [/^\w+/.exec(text)?.[0]];
    for (const sent of [text, ` \t\r\n\f${text};`]) {
      t.match(analyzeReplication(sent), { statements: 1, verbs, access, own: access, effects: [] }, sent);
    }
  }
  t.match(analyzeReplication('SHOW"x"'), { verbs: ["SHOW"] });
});

t.test("all else is left to SQL, as the server does it", async (t) => {
  for (const text of [
    "",
    "select 1",
    "show x",
    "Identify_System",
    "/* x */ IDENTIFY_SYSTEM",
    "-- x\nSHOW x",
    "; SHOW x",
    "SHOWS",
    "SHOW$ x",
    "SHOW1",
    "SHOWé",
    '"SHOW" x',
    "\u000bSHOW x",
    "START_REPLICATION_X",
    "DROP TABLE a",
  ]) {
    t.equal(analyzeReplication(text), undefined, text);
  }
});
