import type {
  Address,
  CallbackSettings,
  ClientCertificates,
  ListenerLimits,
  OidcProvider,
  Protocol,
  SessionLimits,
  SettingsReader,
  SshIdentity,
  Target,
  TcpAddress,
  VaultSettings,
  WebhookSettings,
} from "@gatehouse/core";
import type { DetectorRegistry } from "@gatehouse/masking";

/** What the config needs to know of a protocol: its name, and how its own keys of a target and a level are read. */
export interface ConfigProtocol {
  readonly name: string;
  readonly security: Protocol["security"];
  readonly credentials: Protocol["credentials"];
  readonly listenerSettings: SettingsReader;
  readonly targetSettings: SettingsReader;
  readonly levelSettings: SettingsReader;
  readonly minting?: Pick<NonNullable<Protocol["minting"]>, "mints">;
}

/** A listener's certificate chain and private key: absolute paths of PEM files. */
export interface ListenerTls {
  readonly cert: string;
  readonly key: string;
  /** Certificates that clients prove themselves by, before anything else. */
  readonly clients?: {
    /** The path of the authorities that they are of. */
    readonly ca: string;
    readonly certificate: ClientCertificates;
  };
}

/** A protocol's listener. */
export interface ListenerConfig {
  readonly addresses: readonly [Address, ...Address[]];
  /** `off`: its clients come without, by Unix sockets alone. `own`: the protocol protects its connections itself. */
  readonly tls: ListenerTls | "off" | "own";
  /** The protocol's own, as its `listenerSettings` has read them. */
  readonly settings: unknown;
}

/** The control plane's listener. */
export interface ControlConfig {
  readonly address: TcpAddress;
  readonly tls: ListenerTls;
}

/** How commands that wait for a person are kept, told of and answered. */
export interface ApprovalsConfig {
  /** Where people answer, without a slash at its end. */
  readonly url: string | undefined;
  /** How often a client is shown again that its command waits; undefined is never. */
  readonly repeat: number | undefined;
  /** Commands that wait at once: of one identity, and in all. */
  readonly perIdentity: number;
  readonly pending: number;
  /** How long ended ones are listed. */
  readonly keep: number;
  readonly webhooks: readonly WebhookSettings[];
  readonly callbacks: readonly CallbackSettings[];
}

/** A gatehouse.yaml that was read and found good. Every path is absolute; every time is in milliseconds. */
export interface Config {
  readonly file: string;
  /** The first 12 hex digits of the SHA-256 of the file's text. */
  readonly digest: string;
  readonly development: boolean;
  readonly stateFolder: string;
  /** By the protocol's name. */
  readonly listeners: ReadonlyMap<string, readonly ListenerConfig[]>;
  readonly control?: ControlConfig;
  readonly identity: { readonly oidc: readonly OidcProvider[]; readonly ssh: SshIdentity };
  readonly targets: ReadonlyMap<string, Target>;
  /** Each once, sorted by path; found but not read. */
  readonly policyFiles: readonly string[];
  /** All that masks may look for: those that come with Gatehouse, and the file's own. */
  readonly detectors: DetectorRegistry;
  readonly limits: ListenerLimits;
  readonly sessions: SessionLimits;
  readonly approvals: ApprovalsConfig;
  /** The secrets engine. */
  readonly vault?: VaultSettings;
  /** How long a gateway that shuts down waits for its sessions. */
  readonly drain: number;
  readonly durability: "written" | "synced";
  readonly logLevel: "debug" | "info" | "warn" | "error";
}
