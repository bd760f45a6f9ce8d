import type { Lease, TargetCredential } from "@gatehouse/core";
import {
  type CertificateHolder,
  type SessionCertificatesOptions,
  sessionCertificates,
} from "./session-certificates.ts";
import { staticLeases } from "./static-leases.ts";

/** Leases on what the config says of a credential. */
export interface ConfiguredLeases {
  /**
   * @param holder for whom, where it is made for one session
   * @throws GatehouseError SECRET_UNAVAILABLE where a reference leads nowhere, CERTIFICATE_INVALID or KEY_INVALID where what it
   * leads to can't be used
   */
  acquire(credential: TargetCredential, holder: CertificateHolder): Promise<Lease>;
}

/** What the config refers to is leased as it is; of an authority, a certificate is issued for each session. */
export function configuredLeases(options: SessionCertificatesOptions): ConfiguredLeases {
  const fixed = staticLeases(options.secrets);
  const certified = sessionCertificates(options);
  return {
    acquire(credential, holder) {
      const { authority } = credential;
      if (authority === undefined) return fixed.acquire({ credential });
      return certified.acquire({ ...credential, authority }, holder);
    },
  };
}
