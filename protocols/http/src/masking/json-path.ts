import { type JsonPathStep, parseJsonPath } from "@gatehouse/documents";

/** States that are kept. Paths can be written, and JSON made, that lead to more of them than there is room for. */
const MOST_KEPT = 1000;

/** How far one of the paths is followed. */
interface Position {
  readonly path: number;
  readonly step: number;
}

/**
 * All of these paths followed together, from the root of a JSON text inwards.
 * @param paths what is none leads to the root: all is hidden then
 */
export function followPaths(paths: readonly string[]): PathState {
  const steps = paths.map((path) => parseJsonPath(path) ?? []);
  return new Paths(steps).stateOf(steps.map((_, path) => ({ path, step: 0 })));
}

/** Where in a JSON text one is, as far as some paths are concerned. */
export class PathState {
  /** The numbers of the paths that lead here, in order. */
  readonly hits: readonly number[];
  /** It may be held on to. */
  readonly isKept: boolean;
  readonly #paths: Paths;
  readonly #positions: readonly Position[];
  /** What is known of the children that a path names; all others are one. */
  readonly #named = new Map<string | number, PathState | undefined>();
  #other: PathState | undefined;

  constructor(paths: Paths, positions: readonly Position[], isKept: boolean) {
    this.isKept = isKept;
    this.#paths = paths;
    this.#positions = positions;
    const hits: number[] = [];
    for (const { path, step } of positions) {
      const next = paths.step(path, step);
      if (next === undefined) hits.push(path);
      else if ("name" in next) this.#named.set(next.name, undefined);
      else if ("index" in next) this.#named.set(next.index, undefined);
    }
    this.hits = hits;
  }

  /** @param key a member's name, or an item's place in its list */
  child(key: string | number): PathState {
    const known = this.#named.get(key);
    if (known !== undefined) return known;
    if (this.#named.has(key)) {
      const state = this.#paths.stateOf(this.#behind(key));
      if (state.isKept) this.#named.set(key, state);
      return state;
    }
    if (this.#other !== undefined) return this.#other;
    const state = this.#paths.stateOf(this.#behind(undefined));
    if (state.isKept) this.#other = state;
    return state;
  }

  /** @param key undefined for one that no path names */
  #behind(key: string | number | undefined): Position[] {
    return this.#positions.flatMap(({ path, step }) => {
      const next = this.#paths.step(path, step);
      if (next === undefined) return [];
      const stays = next.deep ? [{ path, step }] : [];
      return selects(next, key) ? [...stays, { path, step: step + 1 }] : stays;
    });
  }
}

class Paths {
  readonly #steps: readonly (readonly JsonPathStep[])[];
  readonly #states = new Map<string, PathState>();

  constructor(steps: readonly (readonly JsonPathStep[])[]) {
    this.#steps = steps;
  }

  /** Undefined behind the last. */
  step(path: number, step: number): JsonPathStep | undefined {
    return this.#steps[path]?.[step];
  }

  stateOf(positions: readonly Position[]): PathState {
    const places = new Map(positions.map((position) => [`${position.path}.${position.step}`, position]));
    const key = [...places.keys()].sort().join(" ");
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const isKept = this.#states.size < MOST_KEPT;
    const state = new PathState(this, inOrder([...places.values()]), isKept);
    if (isKept) this.#states.set(key, state);
    return state;
  }
}

function inOrder(positions: Position[]): readonly Position[] {
  return positions.sort((a, b) => a.path - b.path || a.step - b.step);
}

function selects(step: JsonPathStep, key: string | number | undefined): boolean {
  if ("every" in step) return true;
  return key !== undefined && key === ("name" in step ? step.name : step.index);
}
