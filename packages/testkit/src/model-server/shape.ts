import type { ModelScript } from "./script.ts";

/** The body of a request, as it came. */
export type ModelQuestion = Readonly<Record<string, unknown>>;

/** One event of a stream; `[DONE]` is data that is no JSON. */
export interface ModelEvent {
  readonly event?: string;
  readonly data: object | "[DONE]";
}

/** How one call of an API answers. */
export interface ModelShape {
  whole(question: ModelQuestion, script: ModelScript): object;
  /** Absent where it does not stream. */
  events?(question: ModelQuestion, script: ModelScript): AsyncGenerator<ModelEvent>;
}
