import { readFile } from "node:fs/promises";
import t from "tap";
import { builtinsJson } from "../../scripts/builtins.ts";
import { accessOfFunction } from "../../src/analysis/builtins.ts";

t.test("the list of PostgreSQL's own names is the one that the embedded server has", async (t) => {
  const file = new URL("../../src/analysis/builtins.generated.json", import.meta.url);
  t.equal(await readFile(file, "utf8"), await builtinsJson());
});

t.test(
  "functions that reach files, other sessions or the server's settings are not for readers",
  async (t) => {
    const names = ["pg_read_file", "pg_read_binary_file", "pg_ls_dir", "pg_stat_file", "lo_export", "lo_get"]
      .concat([
        "pg_cancel_backend",
        "pg_terminate_backend",
        "pg_reload_conf",
        "pg_rotate_logfile",
        "pg_switch_wal",
      ])
      .concat(["pg_create_restore_point", "pg_promote", "pg_stat_reset", "pg_logical_emit_message"])
      .concat(["pg_create_physical_replication_slot", "pg_hba_file_rules", "pg_import_system_collations"]);
    for (const name of names) t.equal(accessOfFunction(undefined, name), "admin", name);
  },
);

t.test("functions that run a query given as text are unknown", async (t) => {
  for (const name of [
    "query_to_xml",
    "query_to_xmlschema",
    "cursor_to_xml",
    "table_to_xml",
    "schema_to_xml",
  ].concat(["database_to_xml", "query_to_xml_and_xmlschema", "ts_stat", "ts_rewrite"])) {
    t.equal(accessOfFunction("pg_catalog", name), "unknown", name);
  }
});

t.test("a function of another schema is unknown, whatever its name", async (t) => {
  t.equal(accessOfFunction("public", "lower"), "unknown");
  t.equal(accessOfFunction(undefined, "lower"), "read");
  t.equal(accessOfFunction(undefined, "no_such_function"), "unknown");
});
