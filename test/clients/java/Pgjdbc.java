import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Statement;
import java.sql.Types;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.postgresql.PGConnection;
import org.postgresql.largeobject.LargeObjectManager;
import org.postgresql.util.PSQLException;

/** pgjdbc, which does not read libpq's variables: here they become its properties. */
final class Pgjdbc {
  private static final String[] MODES = {"simple", "extended", "extendedForPrepared", "extendedCacheEverything"};

  interface With {
    void run(Connection c) throws Exception;
  }

  /** Connects, runs and disconnects. Options are pgjdbc's, name after value. */
  static void session(With run, String... options) throws Exception {
    var variables = System.getenv();
    var properties = new Properties();
    properties.put("user", variables.get("PGUSER"));
    properties.put("password", variables.get("PGPASSWORD"));
    properties.put("sslmode", variables.get("PGSSLMODE"));
    properties.put("sslrootcert", variables.get("PGSSLROOTCERT"));
    for (var n = 0; n < options.length; n += 2) properties.put(options[n], options[n + 1]);
    var url = "jdbc:postgresql://%s:%s/%s";
    url = url.formatted(variables.get("PGHOST"), variables.get("PGPORT"), variables.get("PGDATABASE"));
    try (var c = DriverManager.getConnection(url, properties)) {
      run.run(c);
    }
  }

  static void execute(Connection c, String query) throws SQLException {
    try (var statement = c.createStatement()) {
      statement.execute(query);
    }
  }

  static String value(Connection c, String query, Object... parameters) throws SQLException {
    try (var statement = c.prepareStatement(query)) {
      for (var n = 0; n < parameters.length; n++) statement.setObject(n + 1, parameters[n]);
      try (var rows = statement.executeQuery()) {
        rows.next();
        return rows.getString(1);
      }
    }
  }

  static int count(ResultSet rows) throws SQLException {
    var count = 0;
    while (rows.next()) count++;
    return count;
  }

  /** Does something when the server says that a session waits for a lock. */
  static CompletableFuture<Void> onceWaiting(Connection watcher, String pid, Tap.Run then) {
    return CompletableFuture.runAsync(() -> {
      try {
        while (value(watcher, "select count(*) from pg_locks where pid = ?::int and not granted", pid).equals("0"));
        then.run();
      } catch (Exception error) {
        throw new IllegalStateException(error);
      }
    });
  }

  public static void main(String[] arguments) {
    var tap = new Tap();

    tap.check("a bare connection reads, with parameters and without, in every query mode", () -> {
      for (var mode : MODES) session(c -> {
        Tap.equal(value(c, "select count(*) from orders"), "50000");
        for (var n = 0; n < 12; n++)
          Tap.equal(value(c, "select name from customers where id = ? and city = ?", 1, "Oslo"), "Grace Hopper");
        Tap.holds(c.isValid(10), "not valid");
      }, "preferQueryMode", mode);
    });

    tap.check("values of every kind go there and back, as text and in binary", () -> {
      for (var binary : List.of("true", "false")) session(c -> {
        var query = "select ?::int8, ?::numeric, ?::text, ?::bytea, ?::timestamptz, ?::int4[], ?::bool, ?::text";
        try (var statement = c.prepareStatement(query)) {
          for (var round = 0; round < 8; round++) {
            var at = OffsetDateTime.parse("2026-01-02T03:04:05.000678Z");
            statement.setLong(1, 1L << 40);
            statement.setBigDecimal(2, new BigDecimal("12345678901234567890.0123"));
            statement.setString(3, "Ada — 🦆 'quoted'");
            statement.setBytes(4, new byte[] {0, -1});
            statement.setObject(5, at);
            statement.setArray(6, c.createArrayOf("int4", new Integer[] {1, null}));
            statement.setBoolean(7, true);
            statement.setNull(8, Types.VARCHAR);
            try (var rows = statement.executeQuery()) {
              rows.next();
              Tap.equal(rows.getLong(1), 1L << 40);
              Tap.equal(rows.getBigDecimal(2), new BigDecimal("12345678901234567890.0123"));
              Tap.equal(rows.getString(3), "Ada — 🦆 'quoted'");
              Tap.equal(rows.getBytes(4)[1], (byte) -1);
              Tap.equal(rows.getObject(5, OffsetDateTime.class), at);
              Tap.equal(((Integer[]) rows.getArray(6).getArray())[0], 1);
              Tap.holds(rows.getBoolean(7) && rows.getString(8) == null, "bool or null");
            }
          }
        }
      }, "prepareThreshold", "3", "binaryTransfer", binary);
    });

    tap.check("server-side statements beyond the threshold, and a table that changes under one", () -> session(c -> {
      execute(c, "create temp table changing as select 1 as a");
      try (var statement = c.prepareStatement("select * from changing")) {
        for (var n = 0; n < 6; n++) Tap.equal(count(statement.executeQuery()), 1);
        Tap.equal(value(c, "select count(*) > 0 from pg_prepared_statements"), "t");
        execute(c, "alter table changing add column b int");
        try (var rows = statement.executeQuery()) {
          Tap.equal(rows.getMetaData().getColumnCount(), 2);
        }
      }
      execute(c, "deallocate all");
      Tap.equal(value(c, "select ?::int", 7), "7");
      execute(c, "discard all");
      Tap.equal(value(c, "select ?::int", 7), "7");
    }, "prepareThreshold", "2", "autosave", "conservative"));

    tap.check("setFetchSize: rows by the portal, many at a time, two results side by side", () -> session(c -> {
      c.setAutoCommit(false);
      try (var one = c.createStatement(); var two = c.createStatement()) {
        one.setFetchSize(700);
        two.setFetchSize(10);
        var first = one.executeQuery("select id from orders order by id");
        var second = two.executeQuery("select generate_series(1, 35)");
        var sum = 0L;
        for (var n = 0; first.next(); n++) {
          sum += first.getInt(1);
          if (n < 35) Tap.holds(second.next(), "the second ends early");
        }
        Tap.equal(sum, 50000L * 50001 / 2);
        Tap.holds(!second.next(), "the second goes on");
      }
      c.commit();
    }));

    tap.check("results that are left before their end, closed, and asked for at most so many rows", () -> session(c -> {
      c.setAutoCommit(false);
      try (var statement = c.createStatement()) {
        statement.setFetchSize(10);
        var rows = statement.executeQuery("select generate_series(1, 1000)");
        rows.next();
        rows.close();
        statement.setMaxRows(25);
        Tap.equal(count(statement.executeQuery("select generate_series(1, 1000)")), 25);
      }
      c.rollback();
    }));

    tap.check("scrollable and updatable results", () -> session(c -> {
      execute(c, "create temp table sheet (id int primary key, name text); insert into sheet values (1, 'a'), (2, 'b')");
      try (var statement = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
        var rows = statement.executeQuery("select id, name from sheet order by id");
        rows.last();
        rows.updateString("name", "changed");
        rows.updateRow();
        rows.moveToInsertRow();
        rows.updateInt("id", 3);
        rows.insertRow();
        rows.first();
        rows.deleteRow();
      }
      Tap.equal(value(c, "select string_agg(id || coalesce(name, '-'), ',' order by id) from sheet"), "2changed,3-");
    }));

    tap.check("a function's cursor as a result (refcursor)", () -> session(c -> {
      c.setAutoCommit(false);
      execute(c, "create function opened_java() returns refcursor language plpgsql as "
          + "$$ declare c refcursor; begin open c for select generate_series(1, 30); return c; end $$");
      try (var call = c.prepareCall("{? = call opened_java()}")) {
        call.registerOutParameter(1, Types.REF_CURSOR);
        call.setFetchSize(7);
        call.execute();
        try (var rows = (ResultSet) call.getObject(1)) {
          Tap.equal(count(rows), 30);
        }
      }
      c.rollback();
    }));

    for (var rewrite : List.of("false", "true")) {
      tap.check("batches, reWriteBatchedInserts=" + rewrite, () -> session(c -> {
        execute(c, "create temp table batched (id serial primary key, n int unique)");
        try (var statement = c.prepareStatement("insert into batched (n) values (?)")) {
          for (var n = 0; n < 3000; n++) {
            statement.setInt(1, n);
            statement.addBatch();
          }
          Tap.equal(statement.executeBatch().length, 3000);
        }
        Tap.equal(value(c, "select sum(n) from batched"), String.valueOf(2999 * 3000 / 2));
        c.setAutoCommit(false);
        try (var statement = c.createStatement()) {
          statement.addBatch("insert into batched (n) values (9001)");
          statement.addBatch("update batched set n = n where id < 3");
          statement.addBatch("insert into batched (n) values (1)");
          statement.addBatch("insert into batched (n) values (9002)");
          try {
            statement.executeBatch();
            throw new AssertionError("a key stands there twice");
          } catch (BatchUpdateException error) {
            Tap.equal(error.getSQLState(), "23505");
          }
        }
        c.rollback();
        Tap.equal(value(c, "select count(*) from batched"), "3000");
      }, "reWriteBatchedInserts", rewrite));
    }

    tap.check("generated keys", () -> session(c -> {
      execute(c, "create temp table keyed (id int generated always as identity, name text)");
      try (var statement = c.prepareStatement("insert into keyed (name) values (?)", Statement.RETURN_GENERATED_KEYS)) {
        for (var name : List.of("a", "b", "c")) {
          statement.setString(1, name);
          statement.addBatch();
        }
        statement.executeBatch();
        Tap.equal(count(statement.getGeneratedKeys()), 3);
      }
    }));

    tap.check("several statements in one text, in every query mode", () -> {
      for (var mode : MODES) session(c -> {
        try (var statement = c.createStatement()) {
          Tap.holds(statement.execute("select 1; create temp table t (n int); insert into t values (2), (3); select 4"), "");
          Tap.holds(!statement.getMoreResults() && statement.getUpdateCount() == 0, "create");
          Tap.holds(!statement.getMoreResults() && statement.getUpdateCount() == 2, "insert");
          Tap.holds(statement.getMoreResults(), "select");
          statement.getResultSet().next();
          Tap.equal(statement.getResultSet().getInt(1), 4);
        }
      }, "preferQueryMode", mode);
    });

    tap.check("CopyManager: out, in, a cancelled copy, a refused row", () -> session(c -> {
      var copy = c.unwrap(PGConnection.class).getCopyAPI();
      var out = new StringWriter();
      Tap.equal(copy.copyOut("copy (select id, name from products order by id) to stdout csv", out), 200L);
      execute(c, "create temp table copied (id int primary key, name text)");
      Tap.equal(copy.copyIn("copy copied from stdin csv", new StringReader(out.toString())), 200L);
      var in = copy.copyIn("copy copied (id) from stdin");
      var row = "9001\n".getBytes(StandardCharsets.UTF_8);
      in.writeToCopy(row, 0, row.length);
      in.cancelCopy();
      InputStream twice = new ByteArrayInputStream("9002\n9002\n".getBytes(StandardCharsets.UTF_8));
      Tap.failsWith("23505", () -> copy.copyIn("copy copied (id) from stdin", twice));
      Tap.equal(value(c, "select count(*) from copied"), "200");
      var bytes = new ByteArrayOutputStream();
      copy.copyOut("copy products to stdout (format binary)", bytes);
      Tap.holds(new String(bytes.toByteArray(), 0, 6, StandardCharsets.US_ASCII).equals("PGCOPY"), "not binary");
    }));

    tap.check("LargeObjectManager, which calls functions by the protocol's FunctionCall", () -> session(c -> {
      c.setAutoCommit(false);
      var objects = c.unwrap(PGConnection.class).getLargeObjectAPI();
      var oid = objects.createLO(LargeObjectManager.READWRITE);
      try (var object = objects.open(oid, LargeObjectManager.READWRITE)) {
        object.write("0123456789".repeat(5000).getBytes(StandardCharsets.US_ASCII));
        object.seek(10);
        Tap.equal(new String(object.read(5), StandardCharsets.US_ASCII), "01234");
        object.truncate(20);
        Tap.equal(object.size(), 20);
      }
      objects.delete(oid);
      c.commit();
    }));

    tap.check("transactions: isolation, read only, savepoints, a failed one", () -> session(c -> {
      c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
      c.setReadOnly(true);
      c.setAutoCommit(false);
      Tap.equal(value(c, "show transaction_isolation"), "serializable");
      Tap.failsWith("25006", () -> execute(c, "delete from payments where id = 1"));
      Tap.failsWith("25P02", () -> value(c, "select 1"));
      c.rollback();
      c.setReadOnly(false);
      var here = c.setSavepoint("here");
      Tap.failsWith("22012", () -> execute(c, "select 1/0"));
      c.rollback(here);
      Tap.equal(value(c, "select 2"), "2");
      c.commit();
    }));

    tap.check("autosave: the driver's own savepoints", () -> session(c -> {
      c.setAutoCommit(false);
      Tap.equal(value(c, "select 1"), "1");
      Tap.failsWith("22012", () -> execute(c, "select 1/0"));
      Tap.equal(value(c, "select 2"), "2");
      c.commit();
    }, "autosave", "always"));

    tap.check("Statement.cancel from another thread, and setQueryTimeout", () -> session(watcher -> session(c -> {
      execute(watcher, "select pg_advisory_lock(77)");
      try (var statement = c.createStatement()) {
        var cancelled = onceWaiting(watcher, value(c, "select pg_backend_pid()"), statement::cancel);
        Tap.failsWith("57014", () -> statement.execute("select pg_advisory_lock(77)"));
        cancelled.get();
        statement.setQueryTimeout(1);
        Tap.failsWith("57014", () -> statement.execute("select pg_advisory_lock(77)"));
      }
      Tap.equal(value(c, "select 1"), "1");
    })));

    tap.check("notifications and warnings", () -> session(ear -> session(mouth -> {
      execute(ear, "listen java_news");
      execute(mouth, "select pg_notify('java_news', 'heard')");
      var heard = ear.unwrap(PGConnection.class).getNotifications(20_000);
      Tap.equal(heard[0].getParameter(), "heard");
      try (var statement = ear.createStatement()) {
        statement.execute("do $$ begin raise notice 'one'; raise warning 'two'; end $$");
        var warnings = new ArrayList<String>();
        for (SQLWarning w = statement.getWarnings(); w != null; w = w.getNextWarning()) warnings.add(w.getMessage());
        Tap.equal(warnings, List.of("one", "two"));
      }
    })));

    tap.check("DatabaseMetaData reads the catalogue", () -> session(c -> {
      var about = c.getMetaData();
      Tap.equal(about.getDatabaseProductName(), "PostgreSQL");
      Tap.holds(about.getMaxConnections() > 0 && about.getMaxColumnNameLength() == 63, "limits");
      Set<String> tables = new HashSet<>();
      try (var rows = about.getTables(null, "public", "%", new String[] {"TABLE", "VIEW"})) {
        while (rows.next()) tables.add(rows.getString("TABLE_NAME"));
      }
      Tap.holds(tables.containsAll(Set.of("orders", "customers", "customer_contacts")), tables.toString());
      Tap.equal(count(about.getColumns(null, "public", "customers", "%")), 8);
      Tap.equal(count(about.getPrimaryKeys(null, "public", "order_items")), 2);
      Tap.equal(count(about.getImportedKeys(null, "public", "order_items")), 2);
      Tap.equal(count(about.getExportedKeys(null, "public", "products")), 1);
      Tap.holds(count(about.getIndexInfo(null, "public", "orders", false, false)) >= 2, "indexes");
      Tap.equal(count(about.getFunctions(null, "public", "customer_email")), 1);
      Tap.equal(count(about.getProcedures(null, "public", "none")), 0);
      Tap.holds(count(about.getTypeInfo()) > 50 && count(about.getSchemas()) >= 2, "types, schemas");
      Tap.holds(count(about.getTablePrivileges(null, "public", "orders")) > 0, "privileges");
      Tap.holds(about.getSQLKeywords().length() > 100 && !about.getNumericFunctions().isEmpty(), "keywords");
    }));

    tap.check("settings: application name, schema, statement timeout, options at start-up", () -> session(c -> {
      Tap.equal(value(c, "show application_name"), "a name");
      Tap.equal(value(c, "show statement_timeout"), "54321ms");
      c.setSchema("pg_catalog");
      Tap.equal(c.getSchema(), "pg_catalog");
      c.setClientInfo("ApplicationName", "another");
      Tap.equal(value(c, "show application_name"), "another");
    }, "ApplicationName", "a name", "options", "-c statement_timeout=54321"));

    tap.check("currentSchema: names are found where the connection says", () -> session(c -> {
      Tap.equal(value(c, "show search_path"), "pg_catalog");
      Tap.failsWith("42P01", () -> execute(c, "select 1 from orders"));
    }, "currentSchema", "pg_catalog"));

    tap.check("SQL-level PREPARE, EXECUTE, DECLARE, FETCH", () -> session(c -> {
      c.setAutoCommit(false);
      execute(c, "prepare by_sql(int) as select $1 + 1");
      Tap.equal(value(c, "execute by_sql(41)"), "42");
      execute(c, "declare far cursor for select generate_series(1, 5)");
      try (var statement = c.createStatement()) {
        Tap.equal(count(statement.executeQuery("fetch 3 from far")), 3);
      }
      c.rollback();
    }));

    tap.check("a refusal has its SQLSTATE, message, hint and reference in every query mode, and the session goes on", () -> {
      for (var mode : MODES) session(c -> {
        Tap.refused(Tap.failure(() -> execute(c, Tap.REFUSED)));
        Tap.refused(Tap.failure(() -> execute(c, "select 1; " + Tap.REFUSED)));
        for (var n = 0; n < 8; n++) Tap.refused(Tap.failure(() -> {
          try (var statement = c.prepareStatement(Tap.REFUSED)) {
            statement.execute();
          }
        }));
        Tap.equal(value(c, "select 1"), "1");
      }, "preferQueryMode", mode);
    });

    tap.check("a refusal in a transaction fails the transaction, and a savepoint mends it", () -> session(c -> {
      c.setAutoCommit(false);
      var here = c.setSavepoint();
      Tap.refused(Tap.failure(() -> execute(c, Tap.REFUSED)));
      Tap.failsWith("25P02", () -> value(c, "select 1"));
      c.rollback(here);
      Tap.equal(value(c, "select 2"), "2");
      c.commit();
    }));

    tap.check("a refusal in a batch is its statement's, and the batch is undone with its transaction", () -> session(c -> {
      execute(c, "create temp table batched (n int)");
      c.setAutoCommit(false);
      try (var statement = c.createStatement()) {
        for (var query : List.of("insert into batched values (1)", Tap.REFUSED, "insert into batched values (2)"))
          statement.addBatch(query);
        try {
          statement.executeBatch();
          throw new AssertionError("let through");
        } catch (BatchUpdateException error) {
          Tap.refused((PSQLException) error.getCause());
        }
      }
      c.rollback();
      Tap.equal(value(c, "select count(*) from batched"), "0");
      c.commit();
    }));

    tap.play();
  }
}
