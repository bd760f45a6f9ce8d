import type { Command, FactSchema } from "./command.ts";
import type { Gate } from "./gate.ts";
import type { Lease } from "./lease.ts";
import type { AnswerLineage } from "./lineage.ts";
import type { Logger } from "./logger.ts";
import type { Mask, Misfit, ValueMasks } from "./masking.ts";
import type { Recordings } from "./recording.ts";
import type { Refusal } from "./refusal.ts";
import type { SecureContext } from "node:tls";
import type { Address } from "./address.ts";
import type { Provisioner, ProvisionerOptions } from "./provisioner.ts";
import type { SettingsReader, SettingsResult } from "./settings.ts";
import type { CredentialProof, Target } from "./target.ts";

/** Limits that every listener keeps, whatever its protocol. */
export interface ListenerLimits {
  readonly connections: number;
  /** Of these, how many of one client address may be there without having logged in. */
  readonly perAddress: number;
  /** Milliseconds from accept to the end of the log-in. */
  readonly startup: number;
  /** Bytes of one message, and of one command's text, that the gateway is ready to hold in memory. */
  readonly message: number;
  readonly statement: number;
  /** Milliseconds after which TCP asks a silent peer whether it is still there. */
  readonly keepalive: number;
}

/** Whether a client without a certificate is let on. One whose certificate does not hold never is. */
export type ClientCertificates = "required" | "optional";

/** What a protocol needs to serve its clients. */
export interface ServeOptions {
  readonly address: Address;
  /** The protocol's own keys of the listener, as its `listenerSettings` has read them. */
  readonly settings: unknown;
  /**
   * Asked for each connection, so that a renewed certificate is used at once and open sessions keep theirs. Not for a protocol
   * that protects its connections itself.
   */
  readonly secureContext: () => SecureContext;
  /** Whether clients are asked for certificates of the context's authorities; undefined where they are not. */
  readonly clientCertificates?: ClientCertificates | undefined;
  /** Clients are taken without TLS: on a Unix socket, where the config says so in words. */
  readonly plaintext: boolean;
  readonly limits: ListenerLimits;
  readonly gate: Gate;
  /** A folder of the protocol's own, for what it keeps from one run to the next. It need not exist yet. */
  readonly folder: string;
  /** What masked texts become. */
  readonly values: ValueMasks;
  readonly recordings: Recordings;
  /**
   * Where the gateway itself listens for clients of the target that has this address, or name: whoever is led there goes by that
   * target's own adapter, as any client does. Undefined where it is no target's.
   */
  readonly doorTo: (host: string, port: number) => Address | undefined;
  /**
   * A lease on a target's own credential (`Target.credential`), for what the gateway has to know of the target. Who
   * asks releases it. Rejects with GatehouseError SECRET_UNAVAILABLE or CERTIFICATE_INVALID.
   */
  readonly lease: (target: Target) => Promise<Lease>;
  /** Told each time that more, or something else, has become known of a target; by the target's name. */
  readonly learned: (target: string) => void;
  readonly log: Logger;
}

/** A listener that is up. */
export interface Listener {
  /** Where it really listens: the port that the system gave, where 0 was asked for. */
  readonly address: Address;
  /** By what it proves itself, where clients have to know that beforehand: public keys, as known_hosts has them. */
  readonly hostKeys?: readonly string[];
  /** Stops accepting. Open sessions go on. */
  close(): Promise<void>;
}

export type Understanding =
  | {
      readonly ok: true;
      readonly command: Command;
      /** Of each of its answers, in order. Absent where nothing is known of what the target holds. */
      readonly lineage?: readonly AnswerLineage[];
    }
  | { readonly ok: false; readonly refusal: Omit<Refusal, "reference"> };

/** What a command given as text would be on this target. */
export type Understand = (text: string, target: Target) => Promise<Understanding>;

/** What a target holds, as far as the meaning of commands rests on it, kept in a file: names and types, no values. */
export interface CatalogFiles {
  /**
   * Reads it from the target, as a gateway does that masks.
   * @returns the text of a file, in JSON: the same for the same content
   * @throws GatehouseError CATALOG_UNAVAILABLE, with the reason
   */
  take(target: Target, options: Pick<ServeOptions, "lease" | "log">): Promise<string>;
  /** @param raw the file's JSON, of whatever form */
  read(raw: unknown): SettingsResult<KnownCatalog>;
}

/** A target as one that holds what a file says. */
export interface KnownCatalog {
  readonly understand: Understand;
  /** What of these masks does not fit it. */
  misfits(masks: readonly Mask[]): readonly Misfit[];
}

/** One protocol adapter, as the gateway's loader meets it. */
export interface Protocol {
  readonly name: string;
  readonly facts: FactSchema;
  /** How its connections are protected, to clients and to targets: by TLS around them, or by the protocol itself. */
  readonly security: "tls" | "own";
  /** How the gateway proves itself to a target. */
  readonly credentials: {
    readonly proofs: readonly CredentialProof[];
    /**
     * Whom the sessions of a level are at the target, by the level's name and its settings. Absent where a credential names
     * its own user.
     */
    user?(level: string, settings: unknown): string;
  };
  /** Reads this protocol's own keys of a listener. */
  readonly listenerSettings: SettingsReader;
  /** Reads this protocol's own keys of a target. */
  readonly targetSettings: SettingsReader;
  /** Reads this protocol's own keys of a target's level. */
  readonly levelSettings: SettingsReader;
  /** Without knowing what the target holds, and without a session: for who looks into policies. */
  readonly understand: Understand;
  /** Absent where the meaning of a command rests on nothing but itself. */
  readonly catalogs?: CatalogFiles;
  /** Absent where it makes no users at its targets. */
  readonly minting?: {
    /** Whether a level with these settings, as its `levelSettings` has read them, has a user made for each session. */
    mints(settings: unknown): boolean;
    provisioner(options: ProvisionerOptions): Provisioner;
  };
  /**
   * Logs in at a target as a session would, and leaves.
   * @throws GatehouseError of the TARGET_ family, or PROTOCOL_VIOLATION
   */
  probe(target: Target, lease: Lease): Promise<void>;
  serve(options: ServeOptions): Promise<Listener>;
  /** Whether it knows what it has to know of a target; the reason is for the operator. */
  status(target: Target): { readonly ok: true } | { readonly ok: false; readonly reason: string };
  /** Sees to it that what there is to know of a target is known and new. Resolves also where that can't be. */
  learn(target: Target): Promise<void>;
  /** What of these masks does not fit the target, by what was last known of it; nothing as long as nothing is. */
  misfits(target: Target, masks: readonly Mask[]): readonly Misfit[];
  /** Ends what the protocol keeps for itself (worker threads). */
  dispose(): Promise<void>;
}
