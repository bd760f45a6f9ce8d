import type { Reading } from "./analysis.ts";
import { MAX_SCHEMAS, SearchPath, truncated } from "./search-path.ts";

/**
 * How names are looked up from statement to statement of one text. The server looks each up when it comes to it, with
 * what the statements before have set. What a SET says in literals is followed; behind other changes nothing is sure.
 */
export class Resolution {
  #path: SearchPath;
  #certain = true;
  #changed = false;
  /** The path may name the user who acts. */
  #userMatters: boolean;
  /** The transaction's end may bring another path back. */
  #transactionMatters: boolean;
  readonly #afterwards: (() => void)[] = [];

  constructor({ path, touched, usesUser }: Reading) {
    this.#path = new SearchPath(path);
    this.#transactionMatters = touched;
    this.#userMatters = usesUser;
  }

  get path(): SearchPath {
    return this.#path;
  }

  /** Whether the path is sure to be the one that the server will use. */
  get certain(): boolean {
    return this.#certain;
  }

  /** Whether it may be another than at the text's beginning. */
  get changed(): boolean {
    return this.#changed;
  }

  /**
   * What stands inside CREATE SCHEMA is looked for there first, and by whoever it is to belong to.
   * @param others whether that may be somebody else
   */
  inside(schema: string | undefined, others: boolean, look: () => void): void {
    const outer = { path: this.#path, certain: this.#certain };
    if (schema !== undefined) this.#path = outer.path.behind(schema);
    if (others && this.#userMatters) this.#certain = false;
    look();
    this.#path = outer.path;
    this.#certain = outer.certain;
  }

  /** On to the next statement: what this one has set holds from there on, since its own names were looked up before. */
  next(): void {
    for (const change of this.#afterwards.splice(0)) change();
  }

  /** SET search_path; undefined for a schema that is not given as a literal. */
  pathIsSet(schemas: readonly (string | undefined)[]): void {
    const names = schemas.flatMap((schema) => (schema === undefined || schema === "$user" ? [] : [schema]));
    if (names.length < schemas.length || names.length > MAX_SCHEMAS) {
      this.pathIsReset();
      return;
    }
    this.#afterwards.push(() => {
      this.#path = new SearchPath(names.filter((name) => name !== "").map(truncated));
      this.#certain = true;
      this.#changed = true;
      this.#userMatters = false;
      this.#transactionMatters = true;
    });
  }

  /** The path is set to what the text does not say. */
  pathIsReset(): void {
    this.#afterwards.push(() => this.#doubt());
  }

  /** The path is as it was, but for another time. */
  pathIsKept(): void {
    this.#afterwards.push(() => {
      this.#transactionMatters = true;
    });
  }

  userChanges(): void {
    this.#afterwards.push(() => {
      if (this.#userMatters) this.#doubt();
    });
  }

  transactionEnds(): void {
    this.#afterwards.push(() => {
      if (this.#transactionMatters) this.#doubt();
    });
  }

  #doubt(): void {
    this.#certain = false;
    this.#changed = true;
  }
}
