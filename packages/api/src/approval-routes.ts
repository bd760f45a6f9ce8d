import { type Clock, GatehouseError, type Logger } from "@gatehouse/core";
import type { ApprovalDesk, GrantDesk, SshDesk } from "@gatehouse/gateway";
import { version } from "@gatehouse/gateway/version";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { approvalBody } from "./approval-body.ts";
import { Buckets } from "./buckets.ts";
import { type Caller, Doorkeeper, type DoorkeeperOptions } from "./doorkeeper.ts";
import { EventStreams, streamHeaders } from "./event-streams.ts";
import { Limited } from "./failure.ts";
import { openApiDocument } from "./openapi.ts";
import { grantRoutes } from "./grant-routes.ts";
import * as operations from "./operations.ts";
import { route } from "./route.ts";
import { sshRoutes } from "./ssh-routes.ts";

/** Failed proofs of one address: so many at once, and one more each second. */
const FAILURES = { burst: 20, every: 1_000 };
/** Answers from one address, and what else changes something. */
const ANSWERS = { burst: 60, every: 1_000 };

export interface ApprovalRoutesOptions extends Pick<DoorkeeperOptions, "authenticate"> {
  readonly desk: ApprovalDesk;
  readonly grants: GrantDesk;
  readonly ssh: SshDesk;
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds between two signs of life of an event stream. */
  readonly heartbeat: number;
}

/** Where people, and other systems, see and answer what is held, ask for access, and have keys certified: everything under `/v1`. */
export function approvalRoutes(app: FastifyInstance, options: ApprovalRoutesOptions): void {
  const { desk, clock } = options;
  const answers = new Buckets({ ...ANSWERS, clock });
  const failures = new Buckets({ ...FAILURES, clock });
  const doorkeeper = new Doorkeeper({ authenticate: options.authenticate, failures });
  const streams = new EventStreams(options);
  const document = openApiDocument(version);
  // A stream has no end of its own: the listener would wait for it.
  app.addHook("preClose", () => streams.close());

  const callers = new WeakMap<FastifyRequest, Caller>();
  const callerOf = (request: FastifyRequest): Caller => {
    const caller = callers.get(request);
    if (!caller) throw new GatehouseError("IDENTITY_INVALID", "The request came past the doorkeeper.");
    return caller;
  };
  const takeAnswer = ({ ip }: FastifyRequest): void => {
    const wait = answers.wait(ip);
    if (wait > 0) throw new Limited(wait, "Too many answers came from this address.");
    answers.take(ip);
  };

  app.register((proved, _, done) => {
    // Before the body is read: whoever has no token has nothing to say.
    proved.addHook("onRequest", async (request) => {
      callers.set(request, await doorkeeper.identify(request.headers.authorization, request.ip));
    });
    route(proved, operations.listApprovals, ({ query }, request) => {
      const { state, before, limit } = query;
      const { approvals, next } = desk.list(callerOf(request).identity, {
        ...(state === undefined ? {} : { states: state }),
        ...(before === undefined ? {} : { before }),
        limit,
      });
      const bodies = approvals.map((view) => approvalBody(view, "cut"));
      return { approvals: bodies, ...(next === undefined ? {} : { next }) };
    });
    route(proved, operations.showApproval, ({ path }, request) =>
      approvalBody(desk.show(callerOf(request).identity, path.approval), "whole"),
    );
    route(proved, operations.watchApprovals, ({ headers }, request, reply) => {
      streams.serve(callerOf(request), headers["last-event-id"], reply.raw, () => {
        reply.hijack();
        reply.raw.writeHead(200, { ...securityHeaders, ...streamHeaders });
      });
      return reply;
    });
    for (const operation of [operations.approve, operations.deny]) {
      route(proved, operation, async ({ path, body }, request) => {
        takeAnswer(request);
        const given = { answer: operation.id, ...body };
        return approvalBody(await desk.answer(callerOf(request).identity, path.approval, given), "whole");
      });
    }
    const viewerOf = (request: FastifyRequest) => callerOf(request).identity;
    grantRoutes(proved, { grants: options.grants, viewerOf, take: takeAnswer });
    sshRoutes(proved, { ssh: options.ssh, viewerOf, take: takeAnswer });
    route(proved, operations.describeApi, () => document);
    done();
  });

  app.register((signed, _, done) => {
    // The signature is over the bytes as they came.
    signed.removeAllContentTypeParsers();
    signed.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, parsed) => parsed(null, body));
    route(signed, operations.takeCallback, async ({ path, body }, request) => {
      doorkeeper.pass(request.ip);
      try {
        const { approval } = await desk.callback(path.callback, request.headers, body);
        return { approval: approval.id, state: approval.state };
      } catch (error) {
        doorkeeper.failed(error, request.ip);
        throw error;
      }
    });
    done();
  });
}

/** Of every answer: nothing of it is kept by others, taken for something else, or shown inside another page. */
export const securityHeaders = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
};
