import { randomBytes } from "node:crypto";
import { idSource } from "@gatehouse/core";
import type { Gateway } from "@gatehouse/gateway";
import fastify, { type FastifyInstance, type FastifyServerOptions } from "fastify";
import { type ApprovalRoutesOptions, approvalRoutes, securityHeaders } from "./approval-routes.ts";
import { failureOf, Limited } from "./failure.ts";

const REQUEST_LIMIT = 64 * 1024;

export interface AppOptions extends ApprovalRoutesOptions {
  readonly readiness: Gateway["readiness"];
}

/** Everything that the control plane answers, without a listener. */
export function createApp(options: AppOptions, server: FastifyServerOptions = {}): FastifyInstance {
  const { log, readiness } = options;
  const ids = idSource(randomBytes);
  const app = fastify({ ...server, bodyLimit: REQUEST_LIMIT });

  app.addHook("onRequest", (_, reply, done) => {
    reply.headers(securityHeaders);
    done();
  });
  app.setErrorHandler((error, request, reply) => {
    const reference = ids("ref");
    const { status, body } = failureOf(error, reference);
    // `routeOptions`, since the address as it came is whatever the client likes.
    const about = { reference, method: request.method, route: request.routeOptions.url, client: request.ip };
    if (status >= 500) log.error({ ...about, error }, "a request to the control plane failed");
    else log.debug({ ...about, code: body.error.code }, "a request to the control plane was refused");
    if (error instanceof Limited) reply.header("retry-after", Math.ceil(error.wait / 1000));
    if (body.error.code.startsWith("IDENTITY_") && status === 401)
      reply.header("www-authenticate", challenge(request.headers.authorization));
    return reply.status(status).send(body);
  });
  app.setNotFoundHandler((_, reply) =>
    reply
      .status(404)
      .send({ error: { code: "REQUEST_INVALID", message: "There is nothing by that address." } }),
  );

  // Alive: the process answers. Kubernetes' liveness probe restarts what does not.
  app.get("/healthz", () => ({ status: "ok" }));

  // Ready: it can do its work. What is in the way is named, without a detail that helps an outsider.
  app.get("/readyz", async (_, reply) => {
    const checks = readiness();
    const ready = checks.every((check) => check.ready);
    return reply.status(ready ? 200 : 503).send({
      status: ready ? "ready" : "not ready",
      checks: Object.fromEntries(checks.map((check) => [check.name, check.ready ? "ok" : "failing"])),
    });
  });

  approvalRoutes(app, options);
  return app;
}

/** RFC 6750 section 3: without a token there is nothing to find fault with. */
function challenge(authorization: string | undefined): string {
  return authorization === undefined
    ? 'Bearer realm="gatehouse"'
    : 'Bearer realm="gatehouse", error="invalid_token"';
}
