import { canonicalName } from "../field-names.ts";

/**
 * A request's target without a parameter, however that is written: in other letters, percent-encoded, with brackets behind it, behind a `;`
 * in place of an `&`. Servers differ in what they take for a parameter's name, and of two of the same name some take the first.
 * @param target a path with or without a query; the same text comes back where the parameter is not in it
 */
export function withoutParameter(target: string, name: string): string {
  return rewritten(target, name, () => undefined);
}

/** A request's target with a parameter behind all others. @param value of any characters */
export function withParameter(target: string, name: string, value: string): string {
  const mark = target.includes("?") ? (/[?&]$/.test(target) ? "" : "&") : "?";
  return `${target}${mark}${name}=${encodeURIComponent(value)}`;
}

/** A target as it may be shown: the parameter is there, and its value is not. */
export function shownTarget(target: string, name: string | undefined): string {
  if (name === undefined) return target;
  return rewritten(target, name, (written) => `${written}=redacted`);
}

/** @param put what stands in a parameter's place, by the name as it was written; undefined takes it out */
function rewritten(target: string, name: string, put: (written: string) => string | undefined): string {
  const mark = target.indexOf("?");
  if (mark === -1) return target;
  const wanted = parameterName(name);
  let found = false;
  // With their separators, which stay with what stands behind them.
  const parts = target.slice(mark + 1).split(/(?=[&;])/);
  const kept: string[] = [];
  for (const part of parts) {
    const separator = /^[&;]/.test(part) ? part.charAt(0) : "";
    const [written = ""] = part.slice(separator.length).split("=", 1);
    if (parameterName(written) !== wanted) {
      kept.push(part);
      continue;
    }
    found = true;
    const other = put(written);
    if (other !== undefined) kept.push(separator + other);
  }
  if (!found) return target;
  const query = kept.join("").replace(/^[&;]/, "");
  return query === "" ? target.slice(0, mark) : `${target.slice(0, mark)}?${query}`;
}

/** A name as the most generous reader takes it. */
function parameterName(written: string): string {
  let name = written;
  // Twice: some servers stand behind one that has decoded it already.
  for (let times = 0; times < 2; times++) {
    name = name
      .replaceAll("+", " ")
      .replace(/%([0-9a-fA-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  }
  // Up to a NUL, where a name ends for what is written in C, and up to a bracket, with which PHP and others begin a list.
  const [plain = ""] = name.trim().split(/[\0[]/, 1);
  return canonicalName(plain.trim().toLowerCase());
}
