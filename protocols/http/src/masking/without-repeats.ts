import type { JsonMasks } from "./json-masks.ts";
import { followPaths, type PathState } from "./json-path.ts";
import type { JsonVisitor } from "./json-rewriter.ts";

interface Place {
  readonly masks: PathState;
  readonly emptied: PathState;
}

/**
 * Masks put on JSON in which some members say again, in another form, what its texts say: a value that is hidden in the text would stand there token by
 * token.
 * @param repeats paths of these members: what is there is emptied
 */
export function withoutRepeats(masks: JsonMasks, repeats: readonly string[]): JsonVisitor<Place> {
  const child = (of: Place, key: string | number): Place => ({
    masks: of.masks.child(key),
    emptied: of.emptied.child(key),
  });
  const isEmptied = ({ masks: { hits }, emptied }: Place) => hits.length === 0 && emptied.hits.length > 0;
  return {
    root: { masks: masks.root, emptied: followPaths(repeats) },
    member: child,
    item: child,
    name: (name) => masks.name(name),
    scalar: (place, text, kind) => {
      if (isEmptied(place)) return kind === "string" ? "" : null;
      return masks.scalar(place.masks, text, kind);
    },
    container: (place) => (isEmptied(place) ? null : masks.container(place.masks)),
  };
}
