import type { Access, FactDeclaration, Facts, FactValue, Refusal } from "@gatehouse/core";
import type { Body } from "../facts/body.ts";
import type { Request } from "../facts/request-facts.ts";

/** What a request means to one kind of API. */
export interface ApiReading {
  readonly access: Access;
  readonly facts: Facts;
}

/** A text that comes in pieces, one in each of several events. */
export interface Piece {
  /** Where the piece stands in its event's JSON: members' names and places in lists. */
  readonly path: readonly (string | number)[];
  /** Which text it continues: one for each choice, call of a tool, and the like. */
  readonly text: string;
}

/** Understands the requests of one kind of API, as a target's `api` names it. */
export interface ApiDecoder {
  /** As `api` has it. */
  readonly name: string;
  /** Its own facts, beside those that every request has; of other targets' requests they are not there. */
  readonly facts: Readonly<Record<string, FactDeclaration>>;
  /** @returns undefined where it can't tell what this would do */
  decode(request: Request, body: Body): ApiReading | undefined;
  /** A refusal as this API's clients know one: the body, which becomes JSON. */
  refusal(refusal: Refusal, status: number): FactValue;
  /** The pieces of texts in one event of a streamed answer. */
  pieces(event: FactValue): readonly Piece[];
  /**
   * What the names of those texts begin with of which no piece comes after this event, where it says so: nothing of them has to wait for
   * more. It is not asked of an event that adds to a text itself.
   */
  ended?(event: FactValue): readonly string[];
  /** Paths of members that say in another form what the texts say (probabilities of tokens): emptied where the texts are masked. */
  readonly repeats: readonly string[];
  /**
   * The tokens that an answer, or an event of a streamed one, says to have cost in all; undefined where it does not say. Of
   * several that one answer says, the largest counts.
   */
  usage(answer: FactValue): number | undefined;
}
