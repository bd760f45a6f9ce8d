import { writeFile } from "node:fs/promises";
import { jsonSchemaOf } from "@gatehouse/documents";
import type { ConfigProtocol } from "./config.ts";
import { fileSchema } from "./file-schema.ts";
import { listOf, mapOf } from "./raw.ts";
import { targetSchema } from "./target-schema.ts";

type JsonSchema = Readonly<Record<string, unknown>>;

/** Schemas are made for no folder in particular; paths are patterns in them. */
const reading = { folder: "/", development: true };

/**
 * The config as JSON Schema 2020-12, for editors. It knows what one place of the file can say; what needs more
 * than that (a listener's certificate, two listeners on one address, files that exist) is `loadConfig`'s.
 */
export function configJsonSchema(protocols: readonly ConfigProtocol[]): JsonSchema {
  const names = protocols.map(({ name }) => name);
  const file = jsonSchemaOf(fileSchema(reading, names));
  const properties = mapOf(file["properties"]);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "gatehouse.yaml",
    ...file,
    properties: {
      ...properties,
      targets: { ...mapOf(properties["targets"]), additionalProperties: anyTarget(protocols, names) },
    },
    if: { properties: { development: { const: true } }, required: ["development"] },
    else: production(),
  };
}

/** Writes the schema as a file, with a newline at its end. */
export async function writeConfigSchema(path: string, protocols: readonly ConfigProtocol[]): Promise<void> {
  await writeFile(path, `${JSON.stringify(configJsonSchema(protocols), null, 2)}\n`);
}

function anyTarget(protocols: readonly ConfigProtocol[], names: readonly string[]): JsonSchema {
  const { properties, required, ...rest } = jsonSchemaOf(targetSchema(reading, names));
  const own = mapOf(properties);
  const common = { ...own, tls: { anyOf: [{ const: "off" }, own["tls"]] } };
  return {
    type: "object",
    properties: { protocol: own["protocol"] },
    required: ["protocol"],
    allOf: protocols.map(({ name, targetSettings: { jsonSchema } }) => ({
      if: { properties: { protocol: { const: name } }, required: ["protocol"] },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema calls it so.
      then: {
        ...jsonSchema,
        ...rest,
        properties: { ...mapOf(jsonSchema["properties"]), ...common },
        required: [...listOf(required), ...listOf(jsonSchema["required"])],
      },
    })),
  };
}

/** What is refused outside development: literal secrets, and issuers over http. */
function production(): JsonSchema {
  const password = jsonSchemaOf(targetSchema({ ...reading, development: false }, []).shape.credential);
  const credential = { properties: { password: mapOf(password["properties"])["password"] } };
  return {
    properties: {
      targets: {
        additionalProperties: {
          properties: {
            credential,
            levels: { additionalProperties: { properties: { credential } } },
          },
        },
      },
      identity: {
        properties: { oidc: { items: { properties: { issuer: { pattern: "^https://" } } } } },
      },
    },
  };
}
