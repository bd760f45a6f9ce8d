import { isToken } from "./codec/characters.ts";
import type { Field, Fields } from "./codec/fields.ts";
import { Malformed } from "./codec/malformed.ts";
import { canonicalName, isEndToEnd, isHopByHop } from "./field-names.ts";

/**
 * What of a message's fields is for whoever stands behind the next connection (RFC 9110, section 7.6.1), in order. How the body is framed is not
 * among it: that is said anew on each connection.
 * @throws Malformed where `Connection` is no list of names, or a client's names what is not the connection's
 */
export function endToEndFields(fields: Fields, from: "client" | "target"): readonly Field[] {
  const named = connectionOptions(fields, from);
  return fields.filter(({ lower }) => {
    const canonical = canonicalName(lower);
    return !isHopByHop(canonical) && canonical !== "content-length" && !named.has(canonical);
  });
}

const NONE: ReadonlySet<string> = new Set();

/** What the sender says of the connection, `close` among it, and the fields that it says are for the connection alone. */
function connectionOptions(fields: Fields, from: "client" | "target"): ReadonlySet<string> {
  const listed = fields.list("connection");
  if (listed.length === 0) return NONE;
  const options = new Set<string>();
  for (const option of listed) {
    if (!isToken(option)) throw new Malformed("a connection option that is no name");
    const canonical = canonicalName(option);
    if (!isEndToEnd(canonical)) options.add(canonical);
    // Servers do name their framing there, which has been read by then: what they say so of stays.
    else if (from === "client")
      throw new Malformed("a connection option that names what is for all recipients");
  }
  return options;
}
