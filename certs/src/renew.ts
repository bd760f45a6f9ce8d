import type { X509Certificate } from "node:crypto";
import { GatehouseError } from "@gatehouse/core";
import { type Authority, BACKDATE } from "./authority.ts";
import { type CertificateUse, usesOf } from "./extensions.ts";
import { pairFiles, readPair, writePair } from "./files.ts";
import { openPair } from "./pair.ts";
import { parseCertificates, readPem } from "./pem.ts";

/** Times are in milliseconds since the epoch. */
export interface Renewal {
  readonly renewed: boolean;
  readonly notAfter: number;
}

/**
 * Issues the pair `NAME.crt` and `NAME.key` of a folder anew, over a new key, when less than a third of the
 * certificate's lifetime is left or the key is not its own. Names, use and lifetime stay. It is left alone
 * where the authority ends as soon, and nothing would be gained.
 * @throws GatehouseError CERTIFICATE_INVALID when the certificate can't be read or is not this authority's
 */
export async function renewIfDue(options: {
  readonly authority: Authority;
  readonly dir: string;
  readonly name: string;
  readonly now: number;
}): Promise<Renewal> {
  const { authority, dir, name, now } = options;
  const { cert } = pairFiles(dir, name);
  const [certificate] = parseCertificates(await readPem(cert), cert);
  const issuedHere =
    certificate.checkIssued(authority.certificate) && certificate.verify(authority.certificate.publicKey);
  if (!issuedHere) {
    throw new GatehouseError(
      "CERTIFICATE_INVALID",
      `${cert} was not issued by this authority; it was not renewed.`,
      { hint: "Renew it where it came from, or issue a new one with `npm run certs -- issue`." },
    );
  }
  const notAfter = certificate.validToDate.getTime();
  const lifetime = notAfter - certificate.validFromDate.getTime();
  const endsWithAuthority = notAfter >= authority.certificate.validToDate.getTime();
  const due = notAfter - now < lifetime / 3 && !endsWithAuthority;
  if (!due && (await hasItsKey(dir, name))) return { renewed: false, notAfter };

  const pair = await authority.issue({
    use: useOf(certificate, cert),
    commonName: commonNameOf(certificate),
    names: namesOf(certificate),
    lifetime: lifetime - BACKDATE,
    now,
  });
  await writePair(dir, name, pair);
  return { renewed: true, notAfter: pair.notAfter };
}

/** A key that was lost, or a pair of which only one half was replaced, is mended by a new pair. */
async function hasItsKey(dir: string, name: string): Promise<boolean> {
  const files = pairFiles(dir, name);
  try {
    openPair(await readPair(files), files);
    return true;
  } catch (thrown) {
    if (thrown instanceof GatehouseError) return false;
    throw thrown;
  }
}

function useOf(certificate: X509Certificate, cert: string): CertificateUse {
  const [use] = usesOf(certificate);
  if (use !== undefined) return use;
  throw new GatehouseError(
    "CERTIFICATE_INVALID",
    `${cert} is neither a server's nor a client's certificate; it was not renewed.`,
    { hint: "Issue a new one with `npm run certs -- issue`." },
  );
}

function commonNameOf(certificate: X509Certificate): string {
  const { CN } = certificate.toLegacyObject().subject;
  return typeof CN === "string" ? CN : (CN?.[0] ?? "");
}

/** Node writes `DNS:a.example, IP Address:10.0.0.1`; an authority of ours signs no name that would need quotes. */
function namesOf(certificate: X509Certificate): string[] {
  const { subjectAltName } = certificate;
  if (subjectAltName === undefined) return [];
  return subjectAltName.split(", ").map((name) => name.replace(/^(?:DNS|IP Address):/, ""));
}
