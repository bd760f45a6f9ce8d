import type { Certificate, CertificateKind } from "./certificate.ts";
import { optionValue } from "./certificate-options.ts";
import { certificateInvalid } from "./invalid.ts";
import { matchesPattern } from "./pattern.ts";
import type { PublicKey } from "./public-key.ts";
import { isWithin } from "./source-address.ts";

export interface WantedCertificate {
  readonly type: CertificateKind;
  readonly authorities: readonly PublicKey[];
  /** The name to be proved: a login, or a host's name. */
  readonly principal: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Where the user comes from. Without it no certificate with a `source-address` is accepted. */
  readonly address?: string;
  /** Critical options that the caller itself keeps to, such as `force-command`. All others are refused. */
  readonly knownOptions?: readonly string[];
}

/**
 * Whether a certificate proves what it has to, here and now. A host's principals may have wildcards, as for `ssh`.
 * @throws GatehouseError CERTIFICATE_INVALID with the first reason why it does not
 */
export function checkCertificate(certificate: Certificate, wanted: WantedCertificate): void {
  const { type, authorities, now } = wanted;
  if (certificate.type !== type)
    throw certificateInvalid(`it is a ${certificate.type}'s, and not a ${type}'s`);
  if (!authorities.some((authority) => authority.equals(certificate.authority))) {
    throw certificateInvalid(
      `its authority, ${certificate.authority.fingerprint}, is not one that is trusted`,
    );
  }
  if (!(now >= certificate.validAfter)) throw certificateInvalid("it is not valid yet");
  if (!(now < certificate.validBefore)) throw certificateInvalid("it has expired");
  checkPrincipal(certificate, wanted.principal);
  checkOptions(certificate, wanted);
}

/** A certificate without principals is for nobody, though there are places where OpenSSH takes it for everybody's. */
function checkPrincipal({ type, principals }: Certificate, wanted: string): void {
  const name = type === "host" ? wanted.toLowerCase() : wanted;
  const fits = (principal: string) =>
    type === "host" ? matchesPattern(principal.toLowerCase(), name) : principal === name;
  if (wanted === "" || !principals.some(fits)) {
    throw certificateInvalid(`${JSON.stringify(wanted)} is not among its principals`);
  }
}

/** Whoever does not know a critical option must refuse the certificate (PROTOCOL.certkeys). */
function checkOptions(
  { type, criticalOptions }: Certificate,
  { address, knownOptions = [] }: WantedCertificate,
): void {
  for (const [name, data] of criticalOptions) {
    if (type === "user" && name === "source-address") {
      if (address === undefined || !isWithin(address, optionValue(data))) {
        throw certificateInvalid("it is not for use from this address");
      }
    } else if (!knownOptions.includes(name)) {
      throw certificateInvalid(`its critical option ${JSON.stringify(name.slice(0, 64))} is not known here`);
    }
  }
}
