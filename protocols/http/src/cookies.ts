/**
 * Cookies of targets that share the gateway's host name, each below a route of its own. A browser would hand one target's cookies to all
 * others, and those that the gateway sets on another port to every target (RFC 6265, section 8.5).
 */

/** What the gateway's own are called, behind the prefixes that browsers look at. */
const OWN = /^(?:__(?:host|secure|http|host-http)-)*gatehouse/i;

/**
 * How a `__Host-` cookie is called while it has a path: browsers take one with that prefix for the whole host alone
 * (RFC 6265bis, section 4.1.3.2), where other targets are.
 */
const MOVED = "__Secure-";

/** The `Cookie` of a client without the gateway's own; empty where nothing else is in it. The names are the target's own again. */
export function withoutGatewaysCookies(value: string): string {
  return (
    value
      .split(";")
      .map((pair) => pair.trim())
      // Some servers part them by commas as well.
      .filter((pair) => pair !== "" && !pair.split(",").some((part) => OWN.test(part.trim())))
      .map((pair) => (/^__secure-host-/i.test(pair) ? `__${pair.slice(MOVED.length)}` : pair))
      .join("; ")
  );
}

/**
 * A target's `Set-Cookie` as the client gets it: for the gateway's host, below the route.
 * @param prefix the route, `/orders`; nothing where the target has a host name of its own
 * @param sent the request's path at the target
 * @returns undefined where it is not handed on
 */
export function setCookieFor(value: string, prefix: string, sent: string): string | undefined {
  const [pair = "", ...attributes] = value.split(";").map((part) => part.trim());
  const equals = pair.indexOf("=");
  const name = pair.slice(0, Math.max(0, equals)).trim();
  // One without a name is sent as its value alone, which may look like any other cookie.
  if (name === "" || OWN.test(name)) return undefined;
  // As it would come back, it would be taken for another one.
  if (/^__secure-host-/i.test(name)) return undefined;
  const others: string[] = [];
  let path: string | undefined;
  for (const attribute of attributes) {
    const [key = "", said = ""] = attribute.split(/=(.*)/s, 2).map((part) => part.trim());
    const lower = key.toLowerCase();
    if (lower === "path") path = said;
    else if (lower !== "domain" && lower !== "secure" && attribute !== "") others.push(attribute);
  }
  const inside = path?.startsWith("/") ? path : defaultPath(sent);
  const moved = prefix !== "" && /^__host-/i.test(name) ? MOVED + pair.slice("__".length) : pair;
  const below = inside === "/" && prefix !== "" ? `${prefix}/` : prefix + inside;
  return [moved, ...others, `Path=${below}`, "Secure"].join("; ");
}

/** Where a cookie is valid that does not say it (RFC 6265, section 5.1.4). */
function defaultPath(sent: string): string {
  const [path = ""] = sent.split("?", 1);
  const end = path.lastIndexOf("/");
  return path.startsWith("/") && end > 0 ? path.slice(0, end) : "/";
}
