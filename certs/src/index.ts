export {
  type Authority,
  createAuthority,
  type IssuedPair,
  type IssueRequest,
  loadAuthority,
} from "./authority.ts";
export type { CertificateUse } from "./extensions.ts";
export { readAuthority, writeAuthority, writePair } from "./files.ts";
export type { PairNames, PemPair } from "./pair.ts";
export {
  type CertificateFiles,
  type ReloadingCertificate,
  type WatchOptions,
  watchCertificate,
} from "./reload.ts";
export { makeSshKey } from "./ssh-key.ts";
export { type Renewal, renewIfDue } from "./renew.ts";
