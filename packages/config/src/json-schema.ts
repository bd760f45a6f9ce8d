import { writeFile } from "node:fs/promises";
import { jsonSchemaOf } from "@gatehouse/documents";
import type { ConfigProtocol } from "./config.ts";
import { fileSchema } from "./file-schema.ts";
import { listOf, mapOf } from "./raw.ts";
import { targetSchema } from "./target-schema.ts";
import { vault } from "./vault.ts";

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
  const target = jsonSchemaOf(targetSchema(reading, names));
  const { protocol, levels } = mapOf(target["properties"]);
  return {
    type: "object",
    properties: { protocol },
    required: ["protocol"],
    allOf: protocols.map(({ name, targetSettings, levelSettings }) => {
      const level = mapOf(mapOf(levels)["additionalProperties"]);
      const own = { ...mapOf(levels), additionalProperties: merged(levelSettings.jsonSchema, level) };
      const { properties, ...rest } = merged(targetSettings.jsonSchema, target);
      return {
        if: { properties: { protocol: { const: name } }, required: ["protocol"] },
        // biome-ignore lint/suspicious/noThenProperty: JSON Schema calls it so.
        then: { ...rest, properties: { ...mapOf(properties), levels: own } },
      };
    }),
  };
}

/** A map of keys that has those of both: a protocol's own beside the common ones, which win. */
function merged(own: JsonSchema, common: JsonSchema): JsonSchema {
  return {
    ...own,
    ...common,
    properties: { ...mapOf(own["properties"]), ...mapOf(common["properties"]) },
    required: [...listOf(common["required"]), ...listOf(own["required"])],
  };
}

/** What is refused outside development: literal secrets, and http. */
function production(): JsonSchema {
  const password = jsonSchemaOf(targetSchema({ ...reading, development: false }, []).shape.credential);
  const secret = mapOf(password["properties"])["password"];
  const engine = jsonSchemaOf(vault({ ...reading, development: false }));
  const credential = { properties: { password: secret } };
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
      vault: { properties: engine["properties"] },
      approvals: {
        properties: {
          url: { pattern: "^https://" },
          webhooks: { items: { properties: { url: secret, secret } } },
          callbacks: { items: { properties: { secret } } },
        },
      },
    },
  };
}
