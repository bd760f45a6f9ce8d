/** A message as a client should send it. */
export const kinds = [
  ...(["service", "none", "password", "interactive", "response", "shown key", "signed key"] as const),
  ...(["ext-info", "ignore", "debug", "unimplemented", "disconnect", "kexinit", "kex", "newkeys"] as const),
  ...(["success", "channel", "request", "data", "global"] as const),
] as const;
export type Kind = (typeof kinds)[number];

/** What is wrong with a proof that somebody has a key, where all the rest of it is right. */
export const faults = [
  ...([
    "other session",
    "other user",
    "other service",
    "other key",
    "other algorithm",
    "other host",
  ] as const),
  ...(["sha-1", "empty", "cut", "unsigned", "stranger", "certificate"] as const),
] as const;
export type Fault = (typeof faults)[number];

/**
 * One thing that a client does. They are data, so that a finding can be printed, kept and played again; a seed stands for what
 * can't be written down, since it rests on the keys of the connection.
 */
export type Step =
  /** Both say who they are. */
  | readonly ["hello"]
  /** Bytes in hexadecimal, as they are. */
  | readonly ["raw", string]
  /** KEXINIT; with a seed, a changed one. */
  | readonly ["init", number?]
  /** The rest of the key exchange, with a message put in before NEWKEYS where there is a kind. */
  | readonly ["finish", Kind?]
  /** A message as it should be, or with a seed, a changed one. */
  | readonly ["message", Kind, number?]
  /** A payload in hexadecimal. */
  | readonly ["payload", string]
  | readonly ["proof", Fault]
  /** A message whose packet has a bit flipped, is cut off, has another length, or comes twice. */
  | readonly ["packet", "flipped" | "cut" | "long" | "twice", Kind, number]
  /** What the server answers is waited for. */
  | readonly ["answer"]
  | readonly ["end"]
  | readonly ["reset"];
