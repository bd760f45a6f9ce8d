/** Something wrong at one place of a document: the keys that lead there, and what was expected. */
export interface SettingsIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** The nearest right word, where there is one. */
  readonly suggestion?: string;
}

export type SettingsResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly SettingsIssue[] };

/**
 * Reads one part of a config file. A protocol brings one for its own keys, so that `config` need not know
 * any protocol by name.
 */
export interface SettingsReader<T = unknown> {
  /** The keys it reads: an unknown key is measured against these for the nearest right word. */
  readonly keys: readonly string[];
  read(raw: unknown): SettingsResult<T>;
  /** The same as JSON Schema, for editors. */
  readonly jsonSchema: Readonly<Record<string, unknown>>;
}
