import { createHmac } from "node:crypto";
import { GatehouseError, messageOf } from "@gatehouse/core";
import type { Certificate } from "./certificate.ts";
import { certificateAlgorithms } from "./certificate-algorithms.ts";
import { checkCertificate } from "./check-certificate.ts";
import { keyInvalid } from "./invalid.ts";
import { matchesPattern } from "./pattern.ts";
import { type KeyType, PublicKey } from "./public-key.ts";
import { readBase64, readKeyText } from "./public-key-line.ts";
import { signatureAlgorithms } from "./signature.ts";

/*
 * Lines of a known_hosts file (SSH_KNOWN_HOSTS FILE FORMAT in sshd(8)):
 *
 *   [@cert-authority|@revoked] HOSTS TYPE BASE64 [COMMENT]
 *
 * HOSTS is either patterns with commas between them, of which one with `!` in front takes the line away from the hosts that
 * it fits; or `|1|SALT|HASH`, the HMAC-SHA1 of one host's name. A host on another port than 22 goes by `[host]:port`.
 */

const DEFAULT_PORT = 22;

interface Entry {
  readonly role: "key" | "authority" | "revoked";
  readonly fits: (name: string) => boolean;
  readonly key: PublicKey;
}

const ROLES: Readonly<Record<string, Entry["role"]>> = {
  "": "key",
  "@cert-authority": "authority",
  "@revoked": "revoked",
};

/** Types of hosts' keys, best first. Nobody touches a token for each log-in at a host. */
const HOST_KEY_TYPES: readonly KeyType[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
];

/** The hosts' keys and authorities that are trusted. */
export class KnownHosts {
  readonly #entries: readonly Entry[];

  private constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  /** @throws GatehouseError KEY_INVALID with the line: what is left out unread might be a key that was revoked */
  static parse(text: string): KnownHosts {
    const entries: Entry[] = [];
    for (const [index, line] of text.split("\n").entries()) {
      const content = line.trim();
      if (content === "" || content.startsWith("#")) continue;
      try {
        entries.push(parseLine(content));
      } catch (cause) {
        throw inLine(index + 1, cause);
      }
    }
    return new KnownHosts(entries);
  }

  /**
   * Whether what a host shows is a key that is meant, or a certificate by an authority that is meant, for this host and
   * now. A certificate whose key itself is known needs no authority.
   * @param now milliseconds since the epoch
   */
  check(
    host: string,
    port: number,
    shown: PublicKey | Certificate,
    now: number,
  ): "known" | "unknown" | "revoked" {
    const certificate = shown instanceof PublicKey ? undefined : shown;
    const key = shown instanceof PublicKey ? shown : shown.publicKey;
    const isShown = (revoked: PublicKey) => revoked.equals(key) || certificate?.authority.equals(revoked);
    if (this.#revoked(host, port).some((entry) => isShown(entry.key))) return "revoked";
    const trusted = this.#trusted(host, port);
    if (trusted.some((entry) => entry.role === "key" && entry.key.equals(key))) return "known";
    const authorities = trusted.filter(({ role }) => role === "authority").map((entry) => entry.key);
    return certificate && proves(certificate, { host, authorities, now }) ? "known" : "unknown";
  }

  /** The algorithms to ask the host for, best first: those of what is known of it. None where it is not known. */
  algorithms(host: string, port: number): readonly string[] {
    const trusted = this.#trusted(host, port);
    const certified = trusted.some(({ role }) => role === "authority");
    const types = new Set(trusted.flatMap(({ role, key }) => (role === "key" ? key.type : [])));
    return [
      ...(certified ? HOST_KEY_TYPES.flatMap(certificateAlgorithms) : []),
      ...HOST_KEY_TYPES.filter((type) => types.has(type)).flatMap(signatureAlgorithms),
    ];
  }

  #revoked(host: string, port: number): readonly Entry[] {
    const names = namesOf(host, port);
    return this.#entries.filter(({ role, fits }) => role === "revoked" && names.some((name) => fits(name)));
  }

  /** As `ssh` does it, lines without a port count on any port, unless there are some with it. */
  #trusted(host: string, port: number): readonly Entry[] {
    for (const name of namesOf(host, port)) {
      const entries = this.#entries.filter(({ role, fits }) => role !== "revoked" && fits(name));
      if (entries.length > 0) return entries;
    }
    return [];
  }
}

/** The names that lines can have a host by, the best first. */
function namesOf(host: string, port: number): readonly string[] {
  const name = host.toLowerCase();
  return port === DEFAULT_PORT ? [name] : [`[${name}]:${port}`, name];
}

function proves(
  certificate: Certificate,
  { host, authorities, now }: { host: string; authorities: readonly PublicKey[]; now: number },
): boolean {
  try {
    checkCertificate(certificate, { type: "host", authorities, principal: host, now });
    return true;
  } catch (thrown) {
    if (thrown instanceof GatehouseError) return false;
    throw thrown;
  }
}

function parseLine(line: string): Entry {
  const words = line.split(/[ \t]+/);
  const marker = words[0]?.startsWith("@") ? words.shift() : "";
  const role = Object.hasOwn(ROLES, marker ?? "") ? ROLES[marker ?? ""] : undefined;
  const [hosts, type, base64] = words;
  if (role === undefined || hosts === undefined || type === undefined || base64 === undefined) {
    throw keyInvalid("its line is not one of a known_hosts file");
  }
  return {
    role,
    fits: hosts.startsWith("|") ? hashedHost(hosts) : hostPatterns(hosts),
    key: readKeyText(type, base64),
  };
}

function hostPatterns(hosts: string): Entry["fits"] {
  const patterns = hosts.toLowerCase().split(",");
  if (patterns.some((pattern) => pattern === "" || pattern === "!"))
    throw keyInvalid("one of its hosts is empty");
  const negated = patterns.filter((pattern) => pattern.startsWith("!")).map((pattern) => pattern.slice(1));
  const plain = patterns.filter((pattern) => !pattern.startsWith("!"));
  return (name) =>
    plain.some((pattern) => matchesPattern(pattern, name)) &&
    !negated.some((pattern) => matchesPattern(pattern, name));
}

function hashedHost(hosts: string): Entry["fits"] {
  const [, salt, hash] = /^\|1\|([^|,]+)\|([^|,]+)$/.exec(hosts)?.map(readBase64) ?? [];
  if (salt === undefined || hash?.length !== 20) throw keyInvalid("its hashed host can't be read");
  return (name) => createHmac("sha1", salt).update(name).digest().equals(hash);
}

function inLine(line: number, cause: unknown): GatehouseError {
  const hint = cause instanceof GatehouseError ? cause.hint : undefined;
  return new GatehouseError(
    "KEY_INVALID",
    `Line ${line} of the known hosts can't be used. ${messageOf(cause)}`,
    {
      hint: hint ?? "Correct the line, or take it out.",
      cause,
    },
  );
}
