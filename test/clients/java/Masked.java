import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Masked values as pgjdbc reads them: in text format, and in binary format, which it uses for what it has prepared. */
final class Masked {
  /** What a column's values are to Java; of the others, only NULL is told. */
  private static final Map<String, Class<?>> KINDS = Map.ofEntries(
    Map.entry("id", Integer.class), Map.entry("words", String.class), Map.entry("short", String.class),
    Map.entry("fixed", String.class), Map.entry("small", Integer.class), Map.entry("large", Long.class),
    Map.entry("exact", java.math.BigDecimal.class), Map.entry("born", java.sql.Date.class),
    Map.entry("token", java.util.UUID.class), Map.entry("more", org.postgresql.util.PGobject.class),
    Map.entry("bytes", byte[].class), Map.entry("vip", Boolean.class), Map.entry("phones", org.postgresql.jdbc.PgArray.class),
    Map.entry("ssn", String.class), Map.entry("nick", org.postgresql.util.PGobject.class));

  static Map<String, String> row(ResultSet rows) throws SQLException {
    var found = new TreeMap<String, String>();
    for (var n = 1; n <= rows.getMetaData().getColumnCount(); n++) {
      var name = rows.getMetaData().getColumnName(n);
      var value = rows.getObject(n);
      if (value != null) Tap.holds(KINDS.get(name).isInstance(value), name + " is " + value.getClass());
      // pgjdbc writes an array's elements in quotes where it has read it in binary format, and knows no text of bytes.
      var text = value instanceof byte[] bytes ? "\\x" + HexFormat.of().formatHex(bytes) : rows.getString(n);
      found.put(name, name.equals("phones") && text != null ? text.replace("\"", "") : text);
    }
    return found;
  }

  static List<Map<String, String>> rows(Connection c, String table, int times) throws SQLException {
    var found = new ArrayList<Map<String, String>>();
    try (var statement = c.prepareStatement("select * from veiled." + table + " order by id")) {
      for (var n = 0; n < times; n++) {
        found.clear();
        try (var rows = statement.executeQuery()) {
          while (rows.next()) found.add(row(rows));
        }
      }
    }
    return found;
  }

  public static void main(String[] args) {
    var tap = new Tap();
    for (var table : List.of("redacted", "nulled", "hashed", "parts", "constant")) {
      tap.check("pgjdbc: " + table + ", in text and in binary format", () -> {
        var text = new ArrayList<Map<String, String>>();
        Pgjdbc.session(c -> text.addAll(rows(c, table, 1)), "binaryTransfer", "false");
        for (var threshold : List.of("1", "-1", "5")) {
          Pgjdbc.session(c -> Tap.equal(rows(c, table, 7), text), "prepareThreshold", threshold);
        }
        Pgjdbc.session(c -> Tap.equal(rows(c, table, 2), text), "preferQueryMode", "simple");
        var masked = System.getenv("MASKED");
        for (var entry : text.get(0).entrySet()) {
          var value = entry.getValue();
          if (value == null || entry.getKey().equals("id") || entry.getKey().equals("more")) continue;
          Tap.holds(masked.contains(value.replace("\\", "\\\\")), entry.toString());
        }
        var second = text.get(1);
        Tap.equal(second.remove("id"), "2");
        for (var value : second.values()) Tap.equal(value, null);
      });
    }
    tap.play();
  }
}
