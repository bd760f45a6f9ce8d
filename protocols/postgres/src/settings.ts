import { settingsReader } from "@gatehouse/documents";
import { z } from "zod";

/** What a target of this protocol has beside what all targets have. */
export interface PostgresSettings {
  readonly database: string;
  /** Where unqualified names are looked for. The gateway sets it as search_path, so that its analysis holds. */
  readonly schema: string;
}

const identifier = z.string().min(1).max(63);

export const postgresSettings = settingsReader<PostgresSettings>(
  z.strictObject({
    database: identifier.describe("The database to connect to."),
    schema: identifier
      .default("public")
      .describe("The schema in which unqualified names are looked for; the gateway sets it as search_path."),
  }),
);

/** A target's settings, as this protocol has read them. */
export function settingsOf(target: { readonly settings: unknown }): PostgresSettings {
  const result = postgresSettings.read(target.settings);
  if (!result.ok) throw new TypeError("A target of another protocol was handed to the PostgreSQL adapter.");
  return result.value;
}
