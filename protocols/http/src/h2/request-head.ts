import { type Field, Fields } from "../codec/fields.ts";
import { framesFraming } from "../codec/framing.ts";
import { Malformed } from "../codec/malformed.ts";
import { checkMethod, checkTarget, isAuthority, type RequestHead } from "../codec/request-head.ts";
import { readHeaderList } from "./header-list.ts";

/** Those of a request (RFC 9113, section 8.3.1); that of Extended CONNECT is not offered. */
const PSEUDO = [":method", ":scheme", ":authority", ":path"];

/**
 * A request's head out of its header list (RFC 9113, section 8.3). Each rule is kept here whatever the library before it has checked.
 * @param list names and values in turns, as they came
 * @param isEnded whether nothing follows it
 * @throws Malformed
 */
export function readRequestHead(list: readonly string[], isEnded: boolean): RequestHead {
  const { pseudo, all } = readHeaderList(list, PSEUDO);
  const fields = new Fields(withOneCookie(all));
  if (fields.has("te") && fields.only("te") !== "trailers") throw new Malformed("te with more than trailers");
  const method = pseudo.get(":method") ?? "";
  checkMethod(method);
  if (pseudo.get(":scheme") !== "https") throw new Malformed("a scheme that is not https");
  const target = pseudo.get(":path") ?? "";
  checkTarget(target);
  if (!target.startsWith("/") && !(target === "*" && method === "OPTIONS")) {
    throw new Malformed("a target of a form that is not for this");
  }
  return {
    ...{ method, target, version: "2", fields },
    authority: authorityOf(pseudo.get(":authority"), fields),
    framing: framesFraming(fields, isEnded),
  };
}

/** Of the authority and the host, one server takes the first and another the second (section 8.3.1). */
function authorityOf(said: string | undefined, fields: Fields): string {
  const host = fields.only("host")?.toLowerCase();
  const authority = said?.toLowerCase() ?? host;
  if (authority === undefined) throw new Malformed("no host");
  if (host !== undefined && host !== authority) throw new Malformed("an authority that is not the host");
  if (!isAuthority(authority)) throw new Malformed("a host that is none");
  return authority;
}

/** A cookie may come in crumbs, and is one for everybody else (section 8.2.3). */
function withOneCookie(all: readonly Field[]): readonly Field[] {
  const crumbs = all.filter(({ lower }) => lower === "cookie");
  const [first, ...more] = crumbs;
  if (first === undefined || more.length === 0) return all;
  const whole = { ...first, value: crumbs.map(({ value }) => value).join("; ") };
  return all.flatMap((field) => (field === first ? [whole] : field.lower === "cookie" ? [] : [field]));
}
