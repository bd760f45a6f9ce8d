import type { Identity } from "@gatehouse/core";
import type { SshDesk } from "@gatehouse/gateway";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { iso } from "./approval-body.ts";
import type { CertificateBody, SshBody } from "./bodies.ts";
import * as operations from "./operations.ts";
import { route } from "./route.ts";

export interface SshRoutesOptions {
  readonly ssh: SshDesk;
  readonly viewerOf: (request: FastifyRequest) => Identity;
  /** Counts a request that changes something. @throws Limited */
  readonly take: (request: FastifyRequest) => void;
}

/** Where people have their keys certified, and are told what to trust. */
export function sshRoutes(app: FastifyInstance, { ssh, viewerOf, take }: SshRoutesOptions): void {
  route(app, operations.showSsh, async (): Promise<SshBody> => {
    const { authority, hostKeys, port } = await ssh.way();
    return { authority, hostKeys: [...hostKeys], ...(port === undefined ? {} : { port }) };
  });
  route(app, operations.issueCertificate, async ({ body }, request): Promise<CertificateBody> => {
    take(request);
    const { algorithm, blob, keyId, principals, serial, validBefore, authority } = await ssh.certify(
      viewerOf(request),
      {
        publicKey: body.publicKey,
        lifetime: body.lifetime === undefined ? undefined : body.lifetime * 1000,
        client: { host: request.ip, port: request.socket.remotePort ?? 0 },
      },
    );
    return {
      certificate: `${algorithm} ${blob.toString("base64")}`,
      ...{ keyId, principals: [...principals], serial: serial.toString(), validBefore: iso(validBefore) },
      authority: authority.toString(),
    };
  });
}
