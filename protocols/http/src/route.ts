/** A pattern of a config, such as `/v1/orders/{id}`. */
export interface Route {
  /** As it is written. */
  readonly pattern: string;
  readonly parts: readonly RoutePart[];
  /** What is left of the path, under this name: of `/files/{path...}`. */
  readonly rest: string | undefined;
}

interface RoutePart {
  readonly before: string;
  /** Undefined where the part is `before` and nothing else. */
  readonly name: string | undefined;
  readonly after: string;
}

export interface RouteMatch {
  /** The pattern. */
  readonly route: string;
  readonly params: Readonly<Record<string, string>>;
}

const PART = /^([^{}]*)(?:\{([a-z_][a-z0-9_]*)\}([^{}]*))?$/i;
const REST = /^\{([a-z_][a-z0-9_]*)\.\.\.\}$/i;

/**
 * @param pattern decoded: a space is a space
 * @returns undefined where it is none
 */
export function readRoute(pattern: string): Route | undefined {
  if (!pattern.startsWith("/") || /[?#\\;\p{Cc}]/u.test(pattern)) return undefined;
  const words = pattern === "/" ? [] : pattern.slice(1).split("/");
  const rest = REST.exec(words.at(-1) ?? "")?.[1];
  const parts: RoutePart[] = [];
  for (const word of rest === undefined ? words : words.slice(0, -1)) {
    const [, before = "", name, after = ""] = PART.exec(word) ?? [];
    // A path in its one form has none of these: the pattern would never fit.
    if (word === "" || word === "." || word === ".." || !PART.test(word)) return undefined;
    parts.push({ before, name, after });
  }
  const names = [...parts.map(({ name }) => name), rest].filter((name) => name !== undefined);
  return new Set(names).size === names.length ? { pattern, parts, rest } : undefined;
}

/** The first that fits. @param segments of the path, decoded: with or without a slash at the end it is the same route */
export function findRoute(routes: readonly Route[], segments: readonly string[]): RouteMatch | undefined {
  for (const route of routes) {
    const params = matched(route, segments);
    if (params !== undefined) return { route: route.pattern, params };
  }
  return undefined;
}

function matched({ parts, rest }: Route, segments: readonly string[]): RouteMatch["params"] | undefined {
  const fits = rest === undefined ? segments.length === parts.length : segments.length > parts.length;
  if (!fits) return undefined;
  const params: [string, string][] = [];
  for (const [index, { before, name, after }] of parts.entries()) {
    const segment = segments[index] ?? "";
    if (name === undefined) {
      if (segment !== before) return undefined;
      continue;
    }
    // What stands for a name is never empty.
    if (segment.length <= before.length + after.length) return undefined;
    if (!segment.startsWith(before) || !segment.endsWith(after)) return undefined;
    params.push([name, segment.slice(before.length, segment.length - after.length)]);
  }
  if (rest !== undefined) params.push([rest, segments.slice(parts.length).join("/")]);
  return Object.fromEntries(params);
}
