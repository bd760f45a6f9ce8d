import type { ErrorCode } from "@gatehouse/core";
import { z } from "zod";
import {
  approvalSchema,
  callbackSchema,
  certificateSchema,
  errorSchema,
  grantSchema,
  grantsSchema,
  pageSchema,
  sshSchema,
} from "./bodies.ts";
import { statusOf } from "./failure.ts";
import { type Operation, operations } from "./operations.ts";

type Json = Readonly<Record<string, unknown>>;

const named = z.registry<{ id: string }>();
named.add(approvalSchema, { id: "Approval" });
named.add(pageSchema, { id: "Page" });
named.add(callbackSchema, { id: "Answered" });
named.add(grantSchema, { id: "Grant" });
named.add(grantsSchema, { id: "Grants" });
named.add(sshSchema, { id: "Ssh" });
named.add(certificateSchema, { id: "Certificate" });
named.add(errorSchema, { id: "Error" });

/** What any request can meet. */
const COMMON: readonly ErrorCode[] = ["REQUEST_INVALID", "REQUEST_LIMITED", "INTERNAL"];
const TOKEN: readonly ErrorCode[] = [
  "IDENTITY_ALGORITHM",
  "IDENTITY_AUDIENCE",
  "IDENTITY_EXPIRED",
  "IDENTITY_INVALID",
  "IDENTITY_NOT_YET",
  "IDENTITY_UNAVAILABLE",
];
/** What is refused of a body before it is looked at. */
const BODY = [413, 415];

/**
 * The API as an OpenAPI 3.1 document, made of the operations that are served.
 * @param version the gateway's
 */
export function openApiDocument(version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const operation of operations) {
    paths[operation.url] = {
      ...paths[operation.url],
      [operation.method.toLowerCase()]: described(operation),
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Gatehouse",
      version,
      description:
        "Seeing and answering commands that wait for a person, asking for access that needs one, and having SSH keys certified. Times are ISO 8601 in UTC; lengths of time are seconds.",
    },
    paths,
    components: {
      schemas: schemas(),
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description: "An access token of a configured identity provider.",
        },
      },
    },
  };
}

function described({ proof, answer, ...operation }: Operation): Json {
  return {
    operationId: operation.id,
    summary: operation.summary,
    security: proof === "token" ? [{ token: [] }] : [],
    parameters: [
      ...parameters("path", operation.path),
      ...parameters("query", operation.query),
      ...parameters("header", operation.headers),
    ],
    ...(operation.method === "POST" ? { requestBody: requestBody(operation) } : {}),
    responses: {
      200: { description: answer.description, content: { [answer.type]: { schema: refTo(answer.schema) } } },
      ...failures({ proof, ...operation }),
    },
  };
}

function requestBody({ body }: Pick<Operation, "body">): Json {
  if (body instanceof z.ZodObject) return requestBodyOf(schemaOf(body));
  return { required: true, content: { "*/*": { schema: {} } } };
}

/** It may be left out where nothing in it has to be there. */
function requestBodyOf(schema: Json): Json {
  const required = Array.isArray(schema["required"]) && schema["required"].length > 0;
  return { required, content: { "application/json": { schema } } };
}

function parameters(place: string, schema: z.ZodType): readonly Json[] {
  const { properties, required } = schemaOf(schema);
  return Object.entries(z.record(z.string(), z.looseObject({})).parse(properties ?? {})).map(
    ([name, { description, ...of }]) => ({
      name: place === "header" ? headerName(name) : name,
      in: place,
      required:
        place === "path" || (Array.isArray(required) && required.includes(name) && !("default" in of)),
      ...(description === undefined ? {} : { description }),
      schema: of,
    }),
  );
}

/** As people write it: `Last-Event-ID`. */
function headerName(name: string): string {
  return name.replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase()).replace(/-Id$/, "-ID");
}

function failures({ proof, errors, method }: Pick<Operation, "proof" | "errors" | "method">): Json {
  const codes = [...COMMON, ...(proof === "token" ? TOKEN : []), ...errors].sort();
  const byStatus = Map.groupBy(codes, statusOf);
  if (method === "POST") for (const status of BODY) byStatus.set(status, ["REQUEST_INVALID"]);
  return Object.fromEntries(
    [...byStatus].map(([status, those]) => [
      status,
      {
        description: those.join(", "),
        content: {
          "application/json": {
            schema: {
              allOf: [
                { $ref: "#/components/schemas/Error" },
                { properties: { error: { properties: { code: { enum: those } } } } },
              ],
            },
          },
        },
      },
    ]),
  );
}

function refTo(schema: z.ZodType): Json {
  const known = named.get(schema);
  return known ? { $ref: `#/components/schemas/${known.id}` } : schemaOf(schema);
}

function schemaOf(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema);
  return rest;
}

function schemas(): Json {
  const all = z.toJSONSchema(named, { uri: (id) => `#/components/schemas/${id}` });
  return Object.fromEntries(
    Object.entries(all.schemas).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema]),
  );
}
