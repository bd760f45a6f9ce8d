import { writeFile } from "node:fs/promises";
import { jsonSchemaOf, secretReference } from "@gatehouse/documents";
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
  const file = jsonSchemaOf(fileSchema(reading, protocols));
  const properties = mapOf(file["properties"]);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "gatehouse.yaml",
    ...file,
    properties: {
      ...properties,
      listeners: withSettings(mapOf(properties["listeners"]), protocols),
      targets: { ...mapOf(properties["targets"]), additionalProperties: anyTarget(protocols) },
    },
    if: { properties: { development: { const: true } }, required: ["development"] },
    else: production(),
  };
}

/** Writes the schema as a file, with a newline at its end. */
export async function writeConfigSchema(path: string, protocols: readonly ConfigProtocol[]): Promise<void> {
  await writeFile(path, `${JSON.stringify(configJsonSchema(protocols), null, 2)}\n`);
}

/** The listeners, each with its protocol's own keys: it stands alone, or in a list. */
function withSettings(listeners: JsonSchema, protocols: readonly ConfigProtocol[]): JsonSchema {
  const properties = mapOf(listeners["properties"]);
  const own = protocols.map(({ name, listenerSettings: { jsonSchema } }) => {
    const listener = mapOf(properties[name]);
    const forms = listOf(listener["anyOf"]).map((form) => {
      const { items, ...rest } = mapOf(form);
      return items === undefined
        ? merged(rest, jsonSchema)
        : { ...rest, items: merged(mapOf(items), jsonSchema) };
    });
    return [name, { ...listener, anyOf: forms }] as const;
  });
  return { ...listeners, properties: { ...properties, ...Object.fromEntries(own) } };
}

function anyTarget(protocols: readonly ConfigProtocol[]): JsonSchema {
  const names = protocols.map(({ name }) => name);
  return {
    type: "object",
    properties: {
      protocol: mapOf(jsonSchemaOf(targetSchema(reading, names, undefined))["properties"])["protocol"],
    },
    required: ["protocol"],
    allOf: protocols.map((spoken) => {
      const { name, targetSettings, levelSettings } = spoken;
      const target = jsonSchemaOf(targetSchema(reading, names, spoken));
      const { levels } = mapOf(target["properties"]);
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

/** A map of keys that has those of both; what both have is as the second has it. */
function merged(first: JsonSchema, second: JsonSchema): JsonSchema {
  return {
    ...first,
    ...second,
    properties: { ...mapOf(first["properties"]), ...mapOf(second["properties"]) },
    required: [...listOf(second["required"]), ...listOf(first["required"])],
  };
}

/** What is refused outside development: literal secrets, and http. */
function production(): JsonSchema {
  const secret = jsonSchemaOf(secretReference(reading.folder, { literals: false }));
  const engine = jsonSchemaOf(vault({ ...reading, development: false }));
  const credential = { properties: { password: secret, key: secret, authority: secret } };
  const device = { properties: { clientSecret: secret } };
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
        properties: {
          oidc: { items: { properties: { issuer: { pattern: "^https://" }, device } } },
          ssh: { properties: { authority: secret } },
        },
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
