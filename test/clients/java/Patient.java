import java.sql.Connection;
import java.sql.SQLException;

/**
 * A DELETE that waits for a person, by pgjdbc, which just waits. WORD is the row it deletes; with TRANSACTION, it stands
 * in one, behind an INSERT. Prints each notice, and what has become of it.
 */
final class Patient {
  private static int update(Connection c, String query, String word) throws SQLException {
    try (var statement = c.prepareStatement(query)) {
      statement.setString(1, word);
      var count = statement.executeUpdate();
      for (var notice = statement.getWarnings(); notice != null; notice = notice.getNextWarning()) {
        System.out.println("NOTICE: " + notice.getMessage());
      }
      return count;
    }
  }

  public static void main(String[] args) throws Exception {
    var word = System.getenv("WORD");
    var inTransaction = System.getenv("TRANSACTION") != null;
    Pgjdbc.session(c -> {
      c.setAutoCommit(!inTransaction);
      if (inTransaction) update(c, "insert into held values (?)", "before " + word);
      System.out.println("DELETE " + update(c, "delete from held where word = ?", word));
      if (inTransaction) c.commit();
    });
  }
}
