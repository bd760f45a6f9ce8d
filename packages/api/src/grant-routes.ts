import type { Identity } from "@gatehouse/core";
import type { GrantDesk } from "@gatehouse/gateway";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { approvalBody } from "./approval-body.ts";
import { grantBody } from "./grant-body.ts";
import * as operations from "./operations.ts";
import { route } from "./route.ts";

export interface GrantRoutesOptions {
  readonly grants: GrantDesk;
  readonly viewerOf: (request: FastifyRequest) => Identity;
  /** Counts a request that changes something. @throws Limited */
  readonly take: (request: FastifyRequest) => void;
}

/** Where people ask for access, and see and take back what was granted. */
export function grantRoutes(app: FastifyInstance, { grants, viewerOf, take }: GrantRoutesOptions): void {
  route(app, operations.requestAccess, async ({ body }, request) => {
    take(request);
    const { target, level, for: seconds, reason } = body;
    const view = await grants.request(viewerOf(request), {
      target,
      level,
      ...(seconds === undefined ? {} : { lasts: seconds * 1000 }),
      reason,
      client: { host: request.ip, port: request.socket.remotePort ?? 0 },
    });
    return approvalBody(view, "whole");
  });
  route(app, operations.listGrants, (_, request) => ({
    grants: grants.list(viewerOf(request)).map(grantBody),
  }));
  route(app, operations.showGrant, ({ path }, request) =>
    grantBody(grants.show(viewerOf(request), path.grant)),
  );
  route(app, operations.revokeGrant, async ({ path, body }, request) => {
    take(request);
    return grantBody(await grants.revoke(viewerOf(request), path.grant, body.reason));
  });
}
