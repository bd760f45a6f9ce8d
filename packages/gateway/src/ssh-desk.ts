import { randomBytes } from "node:crypto";
import {
  type Address,
  type AuditLog,
  type Clock,
  GatehouseError,
  type Identity,
  type IdSource,
  messageOf,
} from "@gatehouse/core";
import { issueSshCertificate } from "@gatehouse/identity";
import { type Certificate, parsePublicKeyLine, type PublicKey } from "@gatehouse/openssh";
import type { UserAuthority } from "./user-authority.ts";

/** What to certify. */
export interface CertificateRequest {
  /** As a `.pub` file has it. */
  readonly publicKey: string;
  /** Milliseconds, where it is to last for less than it may. */
  readonly lifetime?: number | undefined;
  /** From where it was asked for. */
  readonly client: Address;
}

/** What whoever comes by SSH needs to know of the gateway. */
export interface SshWay {
  /** The authority's public key, as a `.pub` file has it. */
  readonly authority: string;
  /** What the gateway shows to its clients, in the form of known_hosts without the host; empty where it does not listen for SSH. */
  readonly hostKeys: readonly string[];
  /** Where it does, the port. */
  readonly port: number | undefined;
}

/** Where people have their keys certified, and are told what to trust. */
export interface SshDesk {
  /** @throws GatehouseError SECRET_UNAVAILABLE, VAULT_FAILED, KEY_INVALID where the authority can't be had */
  way(): Promise<SshWay>;
  /**
   * Certifies a key of the viewer's. It is on the audit log before it is anybody's.
   * @throws GatehouseError REQUEST_INVALID for what is no public key; as `issueSshCertificate` does; AUDIT_FAILED; as `way` does
   */
  certify(viewer: Identity, request: CertificateRequest): Promise<Certificate>;
}

export interface SshDeskOptions {
  readonly authority: UserAuthority;
  /** Milliseconds that a certificate lasts, as the config has it now. */
  readonly ttl: () => number | undefined;
  readonly listener: () => Pick<SshWay, "hostKeys" | "port">;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly ids: IdSource;
}

export function openSshDesk({ authority, ttl, listener, audit, clock, ids }: SshDeskOptions): SshDesk {
  return {
    async way() {
      return { authority: (await authority.publicKey()).toString(), ...listener() };
    },
    async certify(viewer, { publicKey: line, lifetime, client }) {
      const publicKey = read(line);
      const certificate = issueSshCertificate(await authority.privateKey(), {
        ...{ identity: viewer, publicKey, now: clock.now(), ttl: ttl(), lifetime },
        random: randomBytes,
      });
      await audit.append({
        type: "certificate.issued",
        reference: ids("ref"),
        subject: viewer.subject,
        proof: viewer.proof,
        client,
        key: publicKey.fingerprint,
        serial: certificate.serial.toString(),
        until: new Date(certificate.validBefore).toISOString(),
      });
      return certificate;
    },
  };
}

/** That it is the client's key that can't be read, and not the authority's, is for the client to know. */
function read(line: string): PublicKey {
  try {
    return parsePublicKeyLine(line).key;
  } catch (cause) {
    const hint = cause instanceof GatehouseError ? cause.hint : undefined;
    throw new GatehouseError("REQUEST_INVALID", messageOf(cause), {
      cause,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}
