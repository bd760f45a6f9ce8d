import type { Access, DecisionRequest } from "@gatehouse/core";
import type { Context } from "@marcbachmann/cel-js";
import { holds } from "./condition.ts";
import type { SelectedRule, Selection } from "./selection.ts";

/** Asks the conditions of a selection about one command, and those that are settled once for each shape. */
export class Evaluation {
  readonly #selection: Selection;
  readonly #request: DecisionRequest;
  readonly #results: (boolean | undefined)[] | undefined;
  /** What the command does in the rules' eyes. */
  readonly access: Access;
  /** That is not what it says itself: the functions that it runs are listed. */
  readonly listed: boolean;
  #context: Context | undefined;
  #settled = true;

  /** @param results of settled conditions at earlier commands of this shape, by the rule's number; added to. */
  constructor(selection: Selection, request: DecisionRequest, results: (boolean | undefined)[] | undefined) {
    this.#selection = selection;
    this.#request = request;
    this.#results = results;
    this.access = selection.functions.accessOf(request.command);
    this.listed = this.access !== request.command.access;
  }

  /** Every condition that was asked is settled, and none has failed: any command of this shape would fare alike. */
  get settled(): boolean {
    return this.#settled;
  }

  /** @throws what CEL throws, and an error for a result that is no bool: neither is kept. */
  holds({ number, condition }: SelectedRule): boolean {
    if (condition === undefined) return true;
    const known = this.#results?.[number];
    if (known !== undefined) return known;
    this.#context ??= this.#selection.environment.context(this.#request, this.#selection.place, this.access);
    try {
      const result = holds(condition, this.#context);
      if (!condition.settled) this.#settled = false;
      else if (this.#results) this.#results[number] = result;
      return result;
    } catch (error) {
      this.#settled = false;
      throw error;
    }
  }
}
