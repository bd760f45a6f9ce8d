import type { Request } from "./codec/request.ts";
import type { Response } from "./codec/response.ts";
import { status } from "./codec/numbers.ts";
import { lexical, textOfPath } from "./places.ts";
import type { Lookup } from "./plan.ts";
import { type Presence, Resolver, type Sight, Unresolvable } from "./resolver.ts";

/** What the gateway itself asks the target for: where paths lead, and nothing else. */
export class Looks implements Lookup, Sight {
  readonly resolver = new Resolver(this);
  readonly #ask: (request: Request) => Promise<Response>;

  constructor(ask: (request: Request) => Promise<Response>) {
    this.#ask = ask;
  }

  /** @throws Unresolvable for a path that is not canonical, or not UTF-8: it could be read in two ways */
  async realpath(path: string): Promise<string | undefined> {
    return this.#path({ type: "realpath", path: Buffer.from(path, "utf8") });
  }

  async presence(path: string): Promise<Presence> {
    const response = await this.#ask({ type: "lstat", path: Buffer.from(path, "utf8") });
    if (response.type !== "status") return "there";
    if (response.code === status.noSuchFile) return "missing";
    return response.code === status.permissionDenied ? "denied" : "there";
  }

  readonly expand: Lookup["expand"] = (request) => this.#path(request);

  async #path(request: Request): Promise<string | undefined> {
    const response = await this.#ask(request);
    const [bytes] = response.type === "name" ? response.names : [];
    if (!bytes) return undefined;
    const text = textOfPath(bytes);
    if (!text.ok || lexical(text.path) !== text.path) {
      throw new Unresolvable("The path leads to one that is not UTF-8, or not canonical.");
    }
    return text.path;
  }
}
