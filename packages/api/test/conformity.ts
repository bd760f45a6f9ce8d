import fastify from "fastify";
import { openApiDocument } from "../src/openapi.ts";

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: object;
}

/** The document as a client reads it. */
export const document = JSON.parse(JSON.stringify(openApiDocument("1.2.3"))) as Document;

/** fastify's own validator (ajv), with nothing that it would mend. */
const validator = fastify({
  ajv: {
    customOptions: {
      strict: false,
      removeAdditional: false,
      coerceTypes: false,
      useDefaults: false,
      allErrors: true,
    },
  },
});
// Without a route that has a schema there is no validator.
validator.get("/", { schema: { querystring: { type: "object" } } }, () => "");
await validator.ready();

/** What an answer has that the document does not say; empty where all is well. */
export function objections(
  method: string,
  path: string,
  answer: { readonly status: number; readonly type: string; readonly body: unknown },
): readonly string[] {
  const [url = ""] = path.split("?");
  const template = Object.keys(document.paths)
    .sort((one, other) => one.split("{").length - other.split("{").length)
    .find((known) => new RegExp(`^${known.replace(/\{\w+\}/g, "[^/]+")}$`).test(url));
  const operation = template === undefined ? undefined : document.paths[template]?.[method.toLowerCase()];
  if (!operation) return answer.status === 404 ? [] : [`${method} ${url} is not in the document`];
  const described = operation.responses[answer.status];
  if (!described) return [`${method} ${url} never answers ${answer.status}, says the document`];
  const content = described.content[answer.type.split(";", 1).join("")];
  if (!content) return [`${method} ${url} answers ${answer.status} in another type than ${answer.type}`];
  if (!answer.type.startsWith("application/json")) return [];
  const validate = validator.validatorCompiler?.({
    schema: { ...content.schema, components: document.components },
    method,
    url,
    httpPart: "200",
  });
  if (!validate) throw new Error("fastify has no validator.");
  if (validate(answer.body) === true) return [];
  return [`${method} ${url}: ${JSON.stringify("errors" in validate ? validate.errors : "wrong")}`];
}
