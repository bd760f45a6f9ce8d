import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;

/** Commands that wait for a person, as pgjdbc sees them. A row's first word says what comes of who deletes it. */
final class Held {
  private static final String REMOVE = "delete from held where word = ?";
  private static final String[] MODES = {"simple", "extended", "extendedForPrepared", "extendedCacheEverything"};
  private static final Tap TAP = new Tap();

  interface With {
    void run(Connection c, String word) throws Exception;
  }

  /** A check that is handed a session, and a row of its own. */
  private static void check(String name, String fate, With with, String... options) {
    check(name, fate, "held", with, options);
  }

  private static void check(String name, String fate, String table, With with, String... options) {
    var word = fate + " pgjdbc: " + name;
    TAP.check(name, () -> Pgjdbc.session(c -> {
      update(c, "insert into " + table + " values (?)", word);
      with.run(c, word);
    }, options));
  }

  private static int update(Connection c, String query, String word) throws SQLException {
    try (var statement = c.prepareStatement(query)) {
      statement.setString(1, word);
      return statement.executeUpdate();
    }
  }

  private static void left(Connection c, String word, String count) throws SQLException {
    Tap.equal(Pgjdbc.value(c, "select count(*) from held where word = ?", word), count);
  }

  private static void denied(Tap.Run attempt) throws Exception {
    var error = Tap.failure(attempt);
    Tap.equal(error.getSQLState(), "42501");
    Tap.holds(error.getMessage().contains(System.getenv("DENIED")), error.getMessage());
  }

  /** Does something once the statement is told that it waits: its warnings are there while it runs. */
  private static Future<Integer> whenHeld(Statement statement, Tap.Run then) {
    return beside(() -> {
      while (statement.getWarnings() == null) Thread.sleep(20);
      then.run();
      return 0;
    });
  }

  private static Future<Integer> beside(Callable<Integer> work) {
    var task = new FutureTask<Integer>(work);
    var thread = new Thread(task);
    thread.setDaemon(true);
    thread.start();
    return task;
  }

  public static void main(String[] args) {
    for (var mode : MODES) {
      check("approved: " + mode, "approve", (c, word) -> {
        Tap.equal(update(c, REMOVE, word), 1);
        left(c, word, "0");
      }, "preferQueryMode", mode);

      check("a batch, each of which waits: " + mode, "approve", (c, word) -> {
        try (var statement = c.prepareStatement(REMOVE)) {
          for (var other : List.of(word, "approve nothing", "approve no other")) {
            statement.setString(1, other);
            statement.addBatch();
          }
          Tap.equal(Arrays.toString(statement.executeBatch()), "[1, 0, 0]");
        }
      }, "preferQueryMode", mode);
    }

    check("the notice is a warning", "approve", (c, word) -> {
      try (var statement = c.prepareStatement(REMOVE)) {
        statement.setString(1, word);
        statement.executeUpdate();
        var notice = statement.getWarnings();
        Tap.holds(notice.getMessage().startsWith("Held by the rule \"deletes\""), notice.getMessage());
        Tap.equal(notice.getNextWarning(), null);
      }
    });

    check("a statement that the server has prepared waits each time", "approve", (c, word) -> {
      try (var statement = c.prepareStatement(REMOVE)) {
        for (var count : List.of(1, 0, 0)) {
          statement.clearWarnings();
          statement.setString(1, word);
          Tap.equal(statement.executeUpdate(), count);
          Tap.holds(statement.getWarnings() != null, "it did not wait");
        }
      }
    }, "prepareThreshold", "1");

    check("by parts (fetchSize), in a transaction: once for all of them", "approve", (c, word) -> {
      c.setAutoCommit(false);
      update(c, "insert into held select ? || n from generate_series(1, 25) n", word);
      try (var statement = c.prepareStatement("delete from held where starts_with(word, ?) returning word")) {
        statement.setFetchSize(10);
        statement.setString(1, word);
        var count = 0;
        try (var rows = statement.executeQuery()) {
          while (rows.next()) count++;
        }
        Tap.equal(count, 26);
      }
      c.commit();
    });

    check("in a transaction", "approve", (c, word) -> {
      c.setAutoCommit(false);
      update(c, "insert into held values (?)", "beside " + word);
      Tap.equal(update(c, REMOVE, word), 1);
      c.commit();
      left(c, "beside " + word, "1");
    });

    check("denied: an error with dana's words, and the session goes on", "deny", (c, word) -> {
      denied(() -> update(c, REMOVE, word));
      left(c, word, "1");
    });

    check("denied in a transaction, and a savepoint mends it", "deny", (c, word) -> {
      c.setAutoCommit(false);
      var here = c.setSavepoint();
      denied(() -> update(c, REMOVE, word));
      c.rollback(here);
      left(c, word, "1");
      c.commit();
    });

    check("denied in a batch", "deny", (c, word) -> {
      try (var statement = c.prepareStatement(REMOVE)) {
        statement.setString(1, word);
        statement.addBatch();
        statement.addBatch();
        try {
          statement.executeBatch();
          throw new AssertionError("nothing was thrown");
        } catch (BatchUpdateException error) {
          Tap.equal(error.getSQLState(), "42501");
        }
      }
      left(c, word, "1");
    });

    check("expired", "expire", "brief", (c, word) -> {
      Tap.failsWith("42501", () -> update(c, "delete from brief where word = ?", word));
      Pgjdbc.value(c, "select 1");
    });

    check("cancelled", "cancel", (c, word) -> {
      try (var statement = c.prepareStatement(REMOVE)) {
        statement.setString(1, word);
        var cancelled = whenHeld(statement, statement::cancel);
        Tap.failsWith("57014", statement::executeUpdate);
        cancelled.get();
      }
      left(c, word, "1");
    });

    check("its query timeout cancels it", "cancel", (c, word) -> {
      try (var statement = c.prepareStatement(REMOVE)) {
        statement.setQueryTimeout(2);
        statement.setString(1, word);
        Tap.failsWith("57014", statement::executeUpdate);
      }
      left(c, word, "1");
    });

    check("its socket timeout closes the connection", "leave", (c, word) -> {
      Tap.failsWith("08006", () -> update(c, REMOVE, word));
      Tap.equal(c.isClosed(), true);
    }, "socketTimeout", "2");

    check("the client aborts its session", "leave", (c, word) -> {
      try (var statement = c.prepareStatement(REMOVE)) {
        statement.setString(1, word);
        var aborted = whenHeld(statement, () -> c.abort(Runnable::run));
        Tap.failure(statement::executeUpdate);
        aborted.get();
      }
    });

    TAP.check("ten sessions ask the same at once, and one yes lets them all go", () -> {
      Pgjdbc.session(c -> update(c, "insert into shared values (?)", "shared pgjdbc"));
      var counts = new ArrayList<Future<Integer>>();
      for (var n = 0; n < 10; n++) {
        counts.add(beside(() -> {
          var count = new int[1];
          Pgjdbc.session(c -> count[0] = update(c, "delete from shared where word = ?", "shared pgjdbc"));
          return count[0];
        }));
      }
      var sum = 0;
      for (var count : counts) sum += count.get();
      Tap.equal(sum, 1);
    });

    TAP.play();
  }
}
