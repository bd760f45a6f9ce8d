import { withoutParameter } from "./credentials/query.ts";

/** References in one `Link`, at most. */
const MOST_LINKS = 100;

/** A URL with a host in which nobody sees anything else, and no blanks. */
const PLAIN = /^(?:https?:)?\/\/[a-z0-9.:[\]-]+(?:[/?#][^\s\\]*)?$/i;

export interface PlaceOptions {
  /** Host and port that the target goes by: first what it was sent as its host, then its addresses. */
  readonly hosts: () => readonly [string, ...string[]];
  /** What was sent as the request's target, without a credential. */
  readonly sent: string;
  /** The route below which the client finds the target: `/orders`; nothing where it has a host name of its own. */
  readonly prefix: string;
  /** By what name the client called the gateway. */
  readonly authority: string | undefined;
  /** The query's parameter that the gateway's credential stands in. */
  readonly parameter: string | undefined;
}

/**
 * Where a request has gone, and where its client finds that. Each method takes what a target's field says, of which each unit is a byte, and
 * gives it as a client of the gateway has to follow it; undefined where nobody can say where it leads. References to elsewhere stay.
 */
export class Place {
  readonly sent: string;
  readonly prefix: string;
  readonly #options: PlaceOptions;
  #names: { readonly target: ReadonlySet<string>; readonly gateway: ReadonlySet<string> } | undefined;

  constructor(options: PlaceOptions) {
    this.sent = options.sent;
    this.prefix = options.prefix;
    this.#options = options;
  }

  /** A reference as it stands in `Location`. It is made plain first: `/../x` below a route would be another target. */
  reference(value: string): string | undefined {
    const { hosts, authority, parameter } = this.#options;
    const base = `https://${hosts()[0]}${this.sent.startsWith("/") ? this.sent : "/"}`;
    // Bytes that are no ASCII stay the bytes that they are.
    const ascii = value.replace(
      /[\x80-\xff]/g,
      (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
    );
    const url = URL.parse(ascii, base);
    if (url === null) return undefined;
    if (url.protocol !== "https:" && url.protocol !== "http:") return value;
    const host = plainHost(url.host);
    const names = this.#known();
    const atTarget = names.target.has(host);
    // What is not written in the plain form leads elsewhere for other readers (`https://other\@gateway/`): they get it so.
    if (!atTarget && !names.gateway.has(host)) return PLAIN.test(value) ? value : url.href;
    const absolute = authority !== undefined && /^[a-z][a-z0-9+.-]*:/i.test(ascii.trim());
    const query = parameter === undefined ? url.search : withoutParameter(url.search, parameter);
    return `${absolute ? `https://${authority}` : ""}${this.#path(url.pathname, atTarget)}${query}${url.hash}`;
  }

  /** `5; url=/x` */
  refresh(value: string): string | undefined {
    const [front = ""] = /^[\d.]*[ \t]*[;,]?/.exec(value) ?? [];
    const [key = ""] = /^[ \t]*(?:url[ \t]*=[ \t]*)?["']?/i.exec(value.slice(front.length)) ?? [];
    const begin = front.length + key.length;
    const end = /["']$/.test(value) ? value.length - 1 : value.length;
    if (begin >= end) return value;
    const led = this.reference(value.slice(begin, end));
    return led === undefined ? undefined : value.slice(0, begin) + led + value.slice(end);
  }

  /** `</x?page=2>; rel="next", <https://other/>`. Of pages of a list, clients follow these. */
  link(value: string): string | undefined {
    let count = 0;
    let unreadable = 0;
    const led = value.replace(/<([^<>]*)>/g, (_, written: string) => {
      count++;
      const target = count > MOST_LINKS ? undefined : this.reference(written);
      if (target === undefined) unreadable++;
      return `<${target ?? ""}>`;
    });
    return unreadable === 0 ? led : undefined;
  }

  /** A value that is nothing but a whole URL, whatever its field is called: where to ask for an operation's state, among others. */
  wholeUrl(value: string): string | undefined {
    return /^https?:\/\/\S+$/i.test(value) ? this.reference(value) : value;
  }

  /** What was told the gateway's name may or may not know of the route. Either way it speaks of itself, and not of other targets. */
  #path(path: string, atTarget: boolean): string {
    const { prefix } = this;
    const routed = !atTarget && (path === prefix || path.startsWith(`${prefix}/`));
    const inside = routed ? path.slice(prefix.length) : path;
    // What begins with two slashes is a host.
    return prefix === "" && inside.startsWith("//") ? `/.${inside}` : prefix + inside;
  }

  #known() {
    const { hosts, authority } = this.#options;
    this.#names ??= {
      target: new Set(hosts().flatMap(namesOf)),
      gateway: new Set(authority === undefined ? [] : namesOf(authority)),
    };
    return this.#names;
  }
}

/** How a host and port may be written in a URL of either scheme. */
function namesOf(authority: string): readonly string[] {
  return ["https", "http"].flatMap((scheme) => {
    const host = URL.parse(`${scheme}://${authority}`)?.host;
    return host === undefined ? [] : [plainHost(host)];
  });
}

/** A name with a dot at its end is the same. */
function plainHost(host: string): string {
  return host.replace(/\.(?=:|$)/, "");
}
