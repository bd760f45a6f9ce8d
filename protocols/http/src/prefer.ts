import type { Fields } from "./codec/fields.ts";

/**
 * Whether a client prefers not to wait (RFC 7240, section 4.1). Of a preference that stands there twice, the first one
 * counts; one that is quoted, or a parameter of another, is none.
 */
export function prefersAsync(fields: Fields): boolean {
  if (!fields.has("prefer")) return false;
  const all = fields.all("prefer").join(",").toLowerCase();
  // Without what is quoted, which may have commas in it. A quote that does not end goes on to the end: looked for from each of many, it
  // would take seconds in which nobody else is served.
  const [first] = all
    .replace(/"(?:[^"\\]|\\.?)*(?:"|$)/g, '""')
    .split(",")
    .map((preference) => (preference.split(";", 1)[0] ?? "").replace(/[ \t]/g, ""))
    .filter((preference) => /^respond-async(?:=|$)/.test(preference));
  return first !== undefined && /^respond-async(?:=(?:"")?)?$/.test(first);
}
