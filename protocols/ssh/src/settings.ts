import type { SettingsReader } from "@gatehouse/core";
import { duration, filePath, remembered, settingsReader } from "@gatehouse/documents";
import { z } from "zod";

/** What a listener of this protocol has beside what all listeners have. */
export interface SshListenerSettings {
  /** Absolute paths of private keys. Without any, one is made at the first start, and kept. */
  readonly hostKeys: readonly string[];
  /** Milliseconds that a person may take to log in, once the connection is encrypted. */
  readonly loginGrace: number;
}

/** What a target of this protocol has beside what all targets have. */
export interface SshSettings {
  /** What its host key may be; lines of a known_hosts file without the hosts. */
  readonly hostKeys: readonly string[];
  /** The absolute path of a known_hosts file. */
  readonly knownHosts?: string;
}

/** What a level of such a target has beside what all levels have. */
export interface SshLevelSettings {
  /** Whom its sessions are at the target; the level's name where it is left out. */
  readonly login?: string;
}

const HOST_KEY =
  /^(@cert-authority |@revoked )?(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( .*)?$|^SHA256:[A-Za-z0-9+/]{43}$/;

const listener = remembered(
  settingsReader<SshListenerSettings>((folder: string) =>
    z.strictObject({
      hostKeys: z
        .array(filePath(folder))
        .max(8)
        .default([])
        .describe(
          "The gateway's own host keys (private, OpenSSH's form or PEM); left out, one is made and kept.",
        ),
      loginGrace: duration({ min: 10_000, max: 600_000 })
        .prefault("2m")
        .describe("How long a person may take to log in."),
    }),
  ),
  "SSH",
);

const target = remembered(
  settingsReader<SshSettings>((folder: string) =>
    z
      .strictObject({
        hostKeys: z
          .array(
            z
              .string()
              .regex(
                HOST_KEY,
                "expected a host key (ssh-ed25519 AAAA...), its fingerprint (SHA256:...), or @cert-authority and an authority's key",
              ),
          )
          .max(32)
          .default([])
          .describe(
            "What the target's host key may be: keys, fingerprints, authorities of host certificates.",
          ),
        knownHosts: filePath(folder).exactOptional().describe("A known_hosts file that says so."),
      })
      .refine(
        ({ hostKeys, knownHosts }) => hostKeys.length > 0 || knownHosts !== undefined,
        "what the target's host key is has to be known: write `hostKeys: [...]` (ssh-keyscan prints them; compare them with the host's own) or `knownHosts: file:PATH`",
      ),
  ),
  "SSH",
);

const level = remembered(
  settingsReader<SshLevelSettings>(
    z.strictObject({
      login: z
        .string()
        .regex(
          /^[^\s@%:,/\\"'`$;&|<>(){}*?[\]!#~-][^\s:,/\\"'`$;&|<>(){}*?[\]!#~]{0,63}$/,
          "expected a login's name",
        )
        .exactOptional()
        .describe("Whom the level's sessions are at the target; the level's name unless it is said."),
    }),
  ),
  "SSH",
);

export const sshListenerSettings: SettingsReader = listener.reader;
export const sshSettings: SettingsReader = target.reader;
export const sshLevelSettings: SettingsReader = level.reader;

export const listenerSettingsOf = (settings: unknown): SshListenerSettings => listener.recall(settings);
export const settingsOf = ({ settings }: { readonly settings: unknown }): SshSettings =>
  target.recall(settings);
export const levelSettingsOf = (settings: unknown): SshLevelSettings => level.recall(settings);
