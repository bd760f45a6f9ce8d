import { certificateAlgorithms, type KeyType, signatureAlgorithms } from "@gatehouse/openssh";

/** What a side offers, best first. */
export interface Algorithms {
  readonly kex: readonly string[];
  readonly ciphers: readonly string[];
  /** Not for GCM, which brings its own. */
  readonly macs: readonly string[];
}

/**
 * The order is OpenSSH's: what a quantum computer can't open first, then what is quick and has no parameters that somebody chose.
 * The groups of RFC 3526 are for peers that have nothing newer. There is no chacha20-poly1305, since Node has no Poly1305 by
 * itself; no CBC and no MAC over plaintext, where the length of a packet has to be believed before it is proved; and
 * nothing with SHA-1.
 */
export const defaultAlgorithms: Algorithms = {
  kex: [
    "mlkem768x25519-sha256",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group14-sha256",
  ],
  ciphers: ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr", "aes192-ctr", "aes128-ctr"],
  macs: ["hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com"],
};

/**
 * What clients are offered: the same without the curves of NIST, whose parameters nobody has explained. A client that has nothing
 * newer has the groups; of targets there are some that have those curves alone.
 */
export const algorithmsForClients: Algorithms = {
  ...defaultAlgorithms,
  kex: defaultAlgorithms.kex.filter((name) => !name.startsWith("ecdh-sha2-")),
};

/** A security token is no host's. */
const HOST_KEY_TYPES: readonly KeyType[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
];

/** Host keys that a client asks for where nothing is known of the server: certificates first. Never RSA with SHA-1. */
export const defaultHostKeyAlgorithms: readonly string[] = [
  ...HOST_KEY_TYPES.flatMap(certificateAlgorithms),
  ...HOST_KEY_TYPES.flatMap(signatureAlgorithms),
];

/** What the two sides agreed on. */
export interface Agreed {
  readonly kex: string;
  readonly hostKey: string;
  readonly cipherToServer: string;
  readonly cipherToClient: string;
  /** Empty where the cipher brings its own. */
  readonly macToServer: string;
  readonly macToClient: string;
}
