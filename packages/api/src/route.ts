import { GatehouseError } from "@gatehouse/core";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import type * as operations from "./operations.ts";

/** What a request has brought, as its operation's schemas read it. */
interface Given<Path, Query, Headers, Body> {
  readonly path: Path;
  readonly query: Query;
  readonly headers: Headers;
  readonly body: Body;
}

type Handler<Path, Query, Headers, Body> = (
  given: Given<Path, Query, Headers, Body>,
  request: FastifyRequest,
  reply: FastifyReply,
) => unknown;

/** Serves an operation: its handler is given what the operation's schemas have read. */
export function route<Path, Query, Headers, Body>(
  app: FastifyInstance,
  operation: operations.Operation<Path, Query, Headers, Body>,
  handler: Handler<Path, Query, Headers, Body>,
): void {
  app.route({
    method: operation.method,
    url: operation.url.replace(/\{(\w+)\}/g, ":$1"),
    exposeHeadRoute: false,
    handler: async (request, reply) =>
      await handler(
        {
          path: read(operation.path, request.params),
          query: read(operation.query, request.query),
          headers: read(operation.headers, request.headers),
          body: read(operation.body, bodyOf(operation, request)),
        },
        request,
        reply,
      ),
  });
}

/** An answer without a word of why may come without a body. */
function bodyOf({ method, proof }: operations.Operation, { body }: FastifyRequest): unknown {
  if (method === "GET") return undefined;
  return body ?? (proof === "token" ? {} : Buffer.alloc(0));
}

/** @throws GatehouseError REQUEST_INVALID, which says where, and repeats nothing of what was sent */
function read<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) =>
    [path.join("."), message].filter(Boolean).join(": "),
  );
  throw new GatehouseError("REQUEST_INVALID", `The request can't be read: ${issues.join("; ")}.`, {
    hint: "GET /v1/openapi.json says what may stand where.",
  });
}
