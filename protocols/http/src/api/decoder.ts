import type { Access, FactDeclaration, Facts } from "@gatehouse/core";
import type { Body } from "../facts/body.ts";
import type { Request } from "../facts/request-facts.ts";

/** What a request means to one kind of API. */
export interface ApiReading {
  readonly access: Access;
  readonly facts: Facts;
}

/** Understands the requests of one kind of API, as a target's `api` names it. */
export interface ApiDecoder {
  /** Its own facts, beside those that every request has; of other targets' requests they are not there. */
  readonly facts: Readonly<Record<string, FactDeclaration>>;
  /** @returns undefined where it can't tell what this would do */
  decode(request: Request, body: Body): ApiReading | undefined;
}
