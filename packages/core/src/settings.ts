/** Something wrong at one place of a document: the keys that lead there, and what was expected. */
export interface SettingsIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** The key itself is wrong, not its value: the position to show is the key's. */
  readonly atKey?: true;
  /** The place holds what may be a secret: its line is not to be shown. */
  readonly secret?: true;
}

export type SettingsResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly SettingsIssue[] };

/**
 * Reads one part of a config file. A protocol brings one for its own keys, so that `config` need not know
 * any protocol by name.
 */
export interface SettingsReader<T = unknown> {
  /** The keys it reads. The config hands it these and no others. */
  readonly keys: readonly string[];
  /** @param folder that of the file which has these keys: what they name is relative to it */
  read(raw: unknown, folder: string): SettingsResult<T>;
  /** The same as JSON Schema, for editors. */
  readonly jsonSchema: Readonly<Record<string, unknown>>;
}
