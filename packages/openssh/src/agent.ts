import { connect } from "node:net";
import { GatehouseError, messageOf } from "@gatehouse/core";
import type { Certificate } from "./certificate.ts";
import { string, uint32 } from "./fields.ts";
import { certificateInvalid } from "./invalid.ts";
import { privateFieldsOf, secretFieldsOf } from "./key-material.ts";
import type { PrivateKey } from "./private-key.ts";
import type { PublicKey } from "./public-key.ts";

/*
 * A client of ssh-agent (draft-ietf-sshm-ssh-agent). Each message is `uint32 length, byte type, ...`:
 *
 *   25  ADD_ID_CONSTRAINED   the key as in key-material.ts, string comment, and constraints: byte 1, uint32 seconds to live.
 *                            With a certificate: string type, string certificate, the key's secret fields, string comment
 *   18  REMOVE_IDENTITY      string public key, or certificate
 *    6  SUCCESS
 *    5  FAILURE
 */

const REMOVE_IDENTITY = 18;
const ADD_ID_CONSTRAINED = 25;
const CONSTRAIN_LIFETIME = 1;
const SUCCESS = Buffer.of(0, 0, 0, 1, 6);
/** Milliseconds. An agent may ask its person first. */
const DEADLINE = 60_000;

/** What to put into the agent. */
export interface AgentIdentity {
  readonly key: PrivateKey;
  /** Over this key. */
  readonly certificate?: Certificate;
  /** What `ssh-add -l` shows. */
  readonly comment: string;
  /** Seconds until the agent forgets it; one at least. */
  readonly lifetime: number;
}

/**
 * Puts a key into the agent, for a time. One that is there already gets the new time.
 * @param socketPath what SSH_AUTH_SOCK holds
 * @throws GatehouseError AGENT_FAILED; CERTIFICATE_INVALID where the certificate is over another key
 */
export async function addIdentity(socketPath: string, identity: AgentIdentity): Promise<void> {
  const { key, certificate, comment, lifetime } = identity;
  if (certificate && !certificate.publicKey.equals(key.publicKey)) {
    throw certificateInvalid("it is not over the key that it is to be used with");
  }
  // Agents take 0 for no end.
  if (!Number.isInteger(lifetime) || lifetime < 1 || lifetime > 0xffff_ffff) {
    throw agentFailed(`${lifetime} seconds are no time for a key to live`);
  }
  const fields = certificate
    ? [string(certificate.algorithm), string(certificate.blob), secretFieldsOf(key.reveal())]
    : [privateFieldsOf(key.reveal())];
  const request = Buffer.concat([
    ...[Buffer.of(ADD_ID_CONSTRAINED), ...fields, string(comment)],
    ...[Buffer.of(CONSTRAIN_LIFETIME), uint32(lifetime)],
  ]);
  try {
    await ask(socketPath, request);
  } finally {
    for (const secret of [request, ...fields]) secret.fill(0);
  }
}

/** Takes a key, or a certificate and its key, out of the agent. @throws GatehouseError AGENT_FAILED also where it has none */
export async function removeIdentity(socketPath: string, identity: PublicKey | Certificate): Promise<void> {
  await ask(socketPath, Buffer.concat([Buffer.of(REMOVE_IDENTITY), string(identity.blob)]));
}

/** All that is asked for here is answered by SUCCESS, or not done. */
async function ask(socketPath: string, request: Buffer): Promise<void> {
  const socket = connect(socketPath);
  socket.setTimeout(DEADLINE, () => socket.destroy(new Error("it did not answer in time")));
  let answer = Buffer.alloc(0);
  try {
    socket.write(uint32(request.length));
    socket.write(request);
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length >= SUCCESS.length) break;
    }
  } catch (cause) {
    throw agentFailed(messageOf(cause), { cause });
  } finally {
    socket.destroy();
  }
  if (!answer.equals(SUCCESS)) throw agentFailed("it refused");
}

function agentFailed(reason: string, options: { cause?: unknown } = {}): GatehouseError {
  return new GatehouseError("AGENT_FAILED", `The SSH agent did not do what it was asked: ${reason}.`, {
    hint: "See that an agent runs, and that SSH_AUTH_SOCK names its socket.",
    ...options,
  });
}
