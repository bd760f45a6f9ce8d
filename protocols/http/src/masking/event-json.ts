import type { Piece } from "../api/decoder.ts";
import { Malformed } from "../codec/malformed.ts";
import type { JsonMasks } from "./json-masks.ts";
import { followPaths, type PathState } from "./json-path.ts";
import { rewrittenWhole } from "./json-rewrite.ts";
import type { JsonVisitor, Replacement } from "./json-rewriter.ts";
import type { Share } from "./pieced-text.ts";

/** Where in an event a value stands: as the masks see it, as the paths of what is emptied do, and on the way to which pieces. */
interface Place {
  readonly masks: PathState;
  readonly emptied: PathState;
  readonly pieces: Pieces | undefined;
}

/** The pieces of texts in one event, by their paths. */
class Pieces {
  /** Which text the piece that stands here continues. */
  text: string | undefined;
  isFound = false;
  readonly #children = new Map<string | number, Pieces>();

  add({ path, text }: Piece): void {
    let at: Pieces = this;
    for (const key of path) {
      const next = at.#children.get(key) ?? new Pieces();
      at.#children.set(key, next);
      at = next;
    }
    at.text = text;
  }

  child(key: string | number): Pieces | undefined {
    return this.#children.get(key);
  }
}

interface FoundPiece {
  readonly at: Pieces;
  /** Of its event's values, in the order in which they are written. */
  readonly number: number;
}

export interface EventJsonTerms {
  readonly masks: JsonMasks;
  /** Paths of what is emptied. */
  readonly emptied: readonly string[];
  /** What becomes of strings behind the masks, but for pieces. */
  readonly whole: ((text: string) => string) | undefined;
}

/** An event's JSON, masked but for its pieces. */
export interface MaskedEvent {
  readonly shares: readonly Share[];
  /** With what each piece has become, when all of its shares are settled. */
  readonly text: () => string;
}

/** Masks the JSON of events: each value by itself, but for the pieces of texts, which are given to somebody who sees the whole of these. */
export class EventJson {
  readonly #terms: EventJsonTerms;
  readonly #emptied: PathState;

  constructor(terms: EventJsonTerms) {
    this.#terms = terms;
    this.#emptied = followPaths(terms.emptied);
  }

  /**
   * @param add takes a piece to its text
   * @throws Malformed
   */
  mask(json: string, pieces: readonly Piece[], add: (text: string, piece: string) => Share): MaskedEvent {
    const root = new Pieces();
    for (const piece of pieces) root.add(piece);
    const shares = new Map<number, Share>();
    const masked = rewrittenWhole(
      json,
      this.#visitor(root, ({ at, number }, text, piece) => {
        // Of two members of one name, one reader takes the first and another one the last.
        if (at.isFound) throw new Malformed("an event has a member twice");
        at.isFound = true;
        shares.set(number, add(text, piece));
      }),
    );
    return {
      shares: [...shares.values()],
      text: () => (shares.size > 0 ? withShares(masked, shares) : masked),
    };
  }

  #visitor(
    pieces: Pieces,
    found: (where: FoundPiece, text: string, piece: string) => void,
  ): JsonVisitor<Place> {
    const { masks, whole } = this.#terms;
    let number = 0;
    const child = (of: Place, key: string | number): Place => ({
      masks: of.masks.child(key),
      emptied: of.emptied.child(key),
      pieces: of.pieces?.child(key),
    });
    const also = (was: string, is: Replacement): Replacement => {
      if (whole === undefined || is === null) return is;
      const becomes = whole(is ?? was);
      return becomes === was ? undefined : becomes;
    };
    return {
      root: { masks: masks.root, emptied: this.#emptied, pieces },
      member: child,
      item: child,
      name: (name) => also(name, masks.name(name)) ?? undefined,
      scalar: (place, text, kind) => {
        number++;
        const isHidden = place.masks.hits.length > 0;
        if (!isHidden && place.emptied.hits.length > 0) return kind === "string" ? "" : null;
        if (!isHidden && kind === "string" && place.pieces?.text !== undefined) {
          found({ at: place.pieces, number }, place.pieces.text, text);
          return undefined;
        }
        const masked = masks.scalar(place.masks, text, kind);
        return isHidden || kind !== "string" ? masked : also(text, masked);
      },
      container: (place) => {
        number++;
        const hidden = masks.container(place.masks);
        return hidden === undefined && place.emptied.hits.length > 0 ? null : hidden;
      },
    };
  }
}

/** Names may be others by now, and so may what lists and objects have become: the order of the values is the same. */
function withShares(json: string, shares: ReadonlyMap<number, Share>): string {
  let number = 0;
  return rewrittenWhole<undefined>(json, {
    root: undefined,
    member: () => undefined,
    item: () => undefined,
    name: () => undefined,
    scalar: (_, text) => {
      const share = shares.get(++number)?.text;
      return share === text ? undefined : share;
    },
    container: () => {
      number++;
      return undefined;
    },
  });
}
