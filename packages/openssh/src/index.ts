export * from "./agent.ts";
export { type Certificate, type CertificateKind, readCertificate } from "./certificate.ts";
export { certificateAlgorithms, isCertificate, signatureAlgorithmOf } from "./certificate-algorithms.ts";
export { type CertificateOptions, optionData, optionValue } from "./certificate-options.ts";
export * from "./check-certificate.ts";
export * from "./issue-certificate.ts";
export * from "./known-hosts.ts";
export * from "./private-key.ts";
export { type KeyType, PublicKey, readPublicKey } from "./public-key.ts";
export { parsePublicKeyLine } from "./public-key-line.ts";
export {
  allSignatureAlgorithms,
  isSignatureAlgorithm,
  type SignatureAlgorithm,
  signatureAlgorithms,
} from "./signature.ts";
