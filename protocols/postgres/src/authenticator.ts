import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { GatehouseError, type Lease, type Secret, type UpstreamTls } from "@gatehouse/core";
import { channelBinding } from "./channel-binding.ts";
import type { Authentication } from "./codec/authentication.ts";
import { encodePasswordMessage } from "./codec/password-message.ts";
import { encodeSaslInitialResponse, encodeSaslResponse } from "./codec/sasl.ts";
import { type ChannelBinding, SCRAM, SCRAM_PLUS, ScramClient } from "./scram.ts";
import type { PasswordWay, PostgresSettings } from "./settings.ts";

/** What a log-in is proved with, and what the target has to prove in return. */
export interface LoginTerms {
  readonly lease: Lease;
  readonly tls: UpstreamTls;
  readonly settings: Pick<PostgresSettings, "requireAuth" | "channelBinding">;
}

/** Characters of the target's own that an error repeats. */
const NAMES = 200;

type Progress =
  | { readonly at: "start" }
  | { readonly at: "scram-first" | "scram-final"; readonly scram: ScramClient }
  /** All that is owed was sent, and with SCRAM the target has proved that it knows the verifier. */
  | { readonly at: "answered" }
  | { readonly at: "settled" };

/**
 * Answers what a target asks before it lets the gateway in, and asks its own: by SCRAM the target proves that it knows
 * the password's verifier; where it proves nothing after the TLS handshake, the config must have said so in words.
 */
export class Authenticator {
  readonly #socket: Socket;
  readonly #terms: LoginTerms;
  #progress: Progress = { at: "start" };

  /** @param socket what the log-in runs over; SCRAM is bound to its TLS connection */
  constructor(socket: Socket, terms: LoginTerms) {
    this.#socket = socket;
    this.#terms = terms;
  }

  /** The target has let the gateway in, and on terms that hold. */
  get settled(): boolean {
    return this.#progress.at === "settled";
  }

  /**
   * @returns the message to send; undefined where none is due
   * @throws GatehouseError TARGET_AUTHENTICATION, TARGET_UNVERIFIED, or PROTOCOL_VIOLATION for a step that is out of
   * turn. Nothing that was derived from the password has been sent then, but for what the config allows.
   */
  async answer(step: Authentication): Promise<Buffer | undefined> {
    const progress = this.#progress;
    switch (progress.at) {
      case "start":
        return this.#begin(step);
      case "scram-first":
        if (step.kind !== "sasl-continue") throw outOfTurn();
        this.#progress = { at: "scram-final", scram: progress.scram };
        return encodeSaslResponse(await progress.scram.final(step.data.toString("utf8")));
      case "scram-final":
        if (step.kind !== "sasl-final") throw outOfTurn();
        progress.scram.verify(step.data.toString("utf8"));
        this.#progress = { at: "answered" };
        return undefined;
      case "answered":
        if (step.kind !== "ok") throw outOfTurn();
        this.#progress = { at: "settled" };
        return undefined;
      case "settled":
        throw outOfTurn();
    }
  }

  #begin(step: Authentication): Buffer | undefined {
    const { lease, tls } = this.#terms;
    switch (step.kind) {
      case "ok":
        // As pg_hba's `cert` does. Which server it is has been proved by its own certificate.
        if (lease.certificate === undefined || tls.mode === "off") throw unproved();
        this.#allowUnbound();
        this.#progress = { at: "settled" };
        return undefined;
      case "sasl": {
        const password = this.#password("scram-sha-256");
        const binding = this.#binding(step.mechanisms);
        const mechanism = binding.kind === "bound" ? SCRAM_PLUS : SCRAM;
        if (!step.mechanisms.includes(mechanism))
          throw this.#notListed(step.mechanisms.join(", ").slice(0, NAMES));
        const scram = new ScramClient(password, binding);
        this.#progress = { at: "scram-first", scram };
        return encodeSaslInitialResponse(mechanism, scram.first());
      }
      case "md5": {
        const password = this.#password("md5");
        this.#allowUnbound();
        this.#progress = { at: "answered" };
        return encodePasswordMessage(md5Response(lease.user, password, step.salt));
      }
      case "password": {
        const password = this.#password("password");
        this.#allowUnbound();
        // Given away to whoever asks: so only to a server that has proved its name.
        if (tls.mode !== "verify-full") throw plaintextPassword();
        this.#progress = { at: "answered" };
        return encodePasswordMessage(password.reveal());
      }
      case "other":
        throw this.#notListed(`authentication of kind ${step.code}`);
      case "sasl-continue":
      case "sasl-final":
        throw outOfTurn();
    }
  }

  #password(way: PasswordWay): Secret {
    if (!this.#terms.settings.requireAuth.includes(way)) throw this.#notListed(way);
    const { password } = this.#terms.lease;
    if (password !== undefined) return password;
    throw new GatehouseError(
      "TARGET_AUTHENTICATION",
      "The target asks for a password, and its credential has none.",
      {
        hint: "Give the credential a password, or set `cert` for its user in the target's pg_hba.conf.",
      },
    );
  }

  /** RFC 5802 section 6. Whoever stands in between can take the offer away or relay the log-in: not unnoticed. */
  #binding(mechanisms: readonly string[]): ChannelBinding {
    const wanted = this.#terms.settings.channelBinding;
    const offered = mechanisms.includes(SCRAM_PLUS);
    if (!(this.#socket instanceof TLSSocket)) {
      if (offered) throw strippedTls();
      this.#allowUnbound();
      return { kind: "none" };
    }
    if (wanted === "disable") return { kind: "none" };
    if (offered) return { kind: "bound", data: channelBinding(this.#socket) };
    this.#allowUnbound();
    return { kind: "unoffered" };
  }

  /** For a way of logging in that is not bound to the TLS connection. */
  #allowUnbound(): void {
    if (this.#terms.settings.channelBinding !== "require") return;
    throw new GatehouseError(
      "TARGET_UNVERIFIED",
      "The target does not bind the log-in to its TLS connection, and `channelBinding` says that it must.",
      { hint: "SCRAM-SHA-256-PLUS needs TLS up to the PostgreSQL server itself (11 or later)." },
    );
  }

  #notListed(asked: string): GatehouseError {
    const listed = this.#terms.settings.requireAuth.join(" or ");
    return new GatehouseError(
      "TARGET_AUTHENTICATION",
      `The target asks for ${asked}, and not for ${listed}.`,
      {
        hint: "Set password_encryption to scram-sha-256 at the target, and the password anew; or list what it asks for in the target's requireAuth.",
      },
    );
  }
}

/** As "Authentication" of the frontend/backend protocol writes it: concat('md5', md5(concat(md5(concat(password, username)), salt))). */
function md5Response(user: string, password: Secret, salt: Buffer): string {
  const md5 = (...parts: (string | Buffer)[]) =>
    parts.reduce((hash, part) => hash.update(part), createHash("md5")).digest("hex");
  return `md5${md5(md5(password.reveal(), user), salt)}`;
}

function unproved(): GatehouseError {
  return new GatehouseError(
    "TARGET_AUTHENTICATION",
    "The target lets the gateway in without asking, and so does not prove that it knows the credential.",
    { hint: "Set scram-sha-256 for the credential's user in the target's pg_hba.conf." },
  );
}

function plaintextPassword(): GatehouseError {
  return new GatehouseError(
    "TARGET_AUTHENTICATION",
    "The target asks for the password as it is, which it gets over verified TLS only.",
    { hint: "Set tls.mode of the target to verify-full." },
  );
}

function strippedTls(): GatehouseError {
  return new GatehouseError(
    "TARGET_UNVERIFIED",
    "The target offers channel binding where there is no TLS: somebody who ends its TLS stands in between.",
    { hint: "Remove `tls: off` from the target." },
  );
}

function outOfTurn(): GatehouseError {
  return new GatehouseError("PROTOCOL_VIOLATION", "The target's authentication is out of turn.");
}
