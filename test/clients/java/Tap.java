import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.postgresql.util.PSQLException;

/** Checks, and what came of them as TAP (the Test Anything Protocol, version 14): one line a check. */
final class Tap {
  static final String REFUSED = "truncate payments";
  private static final String MESSAGE = "Tables are not emptied through the gateway.";
  private static final long LIMIT = 30;

  interface Run {
    void run() throws Exception;
  }

  private record Check(String name, Run run) {}

  private final List<Check> checks = new ArrayList<>();

  void check(String name, Run run) {
    checks.add(new Check(name, run));
  }

  void play() {
    System.out.println("TAP version 14\n1.." + checks.size());
    var number = 0;
    for (var check : checks) {
      number++;
      // A driver that waits for ever fails its check, and is left behind.
      var played = new FutureTask<Void>(() -> {
        check.run.run();
        return null;
      });
      var thread = new Thread(played);
      thread.setDaemon(true);
      thread.start();
      try {
        played.get(LIMIT, TimeUnit.SECONDS);
        System.out.println("ok " + number + " - " + check.name);
      } catch (ExecutionException error) {
        fail(number, check, error.getCause());
      } catch (InterruptedException | TimeoutException error) {
        var where = new AssertionError("no end after " + LIMIT + " s");
        where.setStackTrace(thread.getStackTrace());
        fail(number, check, where);
      }
    }
  }

  private static void fail(int number, Check check, Throwable error) {
    var text = new StringWriter();
    error.printStackTrace(new PrintWriter(text));
    var indented = text.toString().replace("\n", "\n    ");
    System.out.println("not ok " + number + " - " + check.name + "\n  ---\n  error: |\n    " + indented + "\n  ...");
  }

  static void equal(Object found, Object wanted) {
    if (!Objects.equals(found, wanted)) throw new AssertionError("found " + found + ", wanted " + wanted);
  }

  static void holds(boolean it, String what) {
    if (!it) throw new AssertionError(what);
  }

  /** The server's error with which an attempt ends. */
  static PSQLException failure(Run attempt) throws Exception {
    try {
      attempt.run();
    } catch (PSQLException error) {
      return error;
    }
    throw new AssertionError("nothing was thrown");
  }

  static void failsWith(String sqlstate, Run attempt) throws Exception {
    equal(failure(attempt).getSQLState(), sqlstate);
  }

  static void refused(PSQLException error) {
    var told = error.getServerErrorMessage();
    equal(error.getSQLState(), "42501");
    equal(told.getMessage(), MESSAGE);
    holds(told.getDetail().startsWith("Reference: ref_"), told.getDetail());
    holds(told.getHint() != null, "no hint");
  }
}
