import { GatehouseError, type Lease, type Secret } from "@gatehouse/core";
import {
  certificateAlgorithms,
  type KeyType,
  readPrivateKey,
  type SignatureAlgorithm,
  signatureAlgorithmOf,
  signatureAlgorithms,
} from "@gatehouse/openssh";
import { number } from "../codec/numbers.ts";
import { decodeService, encodeServiceRequest, service } from "../codec/service.ts";
import { decodeUserauthFailure } from "../codec/userauth-answer.ts";
import { decodeInfoRequest, encodeInfoResponse } from "../codec/userauth-info.ts";
import {
  encodeKeyboardInteractiveRequest,
  encodeKeyRequest,
  encodePasswordRequest,
  method,
  signedData,
  withSignature,
} from "../codec/userauth-request.ts";
import type { Messages } from "./messages.ts";

/** Questions of keyboard-interactive that a password may answer; a target that goes on asking is no target for a gateway. */
const MAX_QUESTIONS = 3;

/**
 * Logs in at the target by a lease: by its key or certificate, else by its password.
 * @throws GatehouseError TARGET_AUTHENTICATION where the target does not take it, PROTOCOL_VIOLATION
 */
export async function logInAtTarget(messages: Messages, lease: Lease): Promise<void> {
  messages.transport.send(encodeServiceRequest(service.userauth));
  if (decodeService(await messages.next()) !== service.userauth) throw unexpected();
  const { key, password, user } = lease;
  const taken =
    (key && (await byKey(messages, user, key))) || (password && (await byPassword(messages, user, password)));
  if (taken) {
    messages.transport.authenticated();
    return;
  }
  throw new GatehouseError(
    "TARGET_AUTHENTICATION",
    `The target did not accept the gateway as ${lease.user}.`,
    {
      hint: "Try the credential with ssh at the target; its sshd says in its log why it refused.",
    },
  );
}

/** `taken` where it let the gateway in, the methods that it still takes where not, a question of keyboard-interactive. */
type Answer =
  | { readonly taken: true }
  | { readonly taken: false; readonly methods: readonly string[] }
  | { readonly question: Buffer };

async function answerOf(messages: Messages): Promise<Answer> {
  for (;;) {
    const message = await messages.next();
    switch (message[0]) {
      case number.userauthSuccess:
        return { taken: true };
      case number.userauthFailure:
        return { taken: false, methods: decodeUserauthFailure(message).methods };
      case number.userauthInfoRequest:
        return { question: message };
      case number.userauthBanner:
        // Words for a person at the target's own door; the session's person came by another.
        break;
      default:
        throw unexpected();
    }
  }
}

async function byKey(messages: Messages, user: string, leased: NonNullable<Lease["key"]>): Promise<boolean> {
  const { transport } = messages;
  const key = readPrivateKey(leased.secret);
  const [algorithm] = signatureAlgorithms(key.publicKey.type).filter(takenBy(transport.peer.extensions));
  if (algorithm === undefined) return false;
  const certificate = leased.certificate && certified(algorithm, key.publicKey.type);
  const shown =
    leased.certificate && certificate
      ? { algorithm: certificate, blob: leased.certificate }
      : { algorithm, blob: key.publicKey.blob };
  const request = encodeKeyRequest(user, service.connection, shown, true);
  transport.send(withSignature(request, key.sign(algorithm, signedData(transport.sessionId, request))));
  const answer = await answerOf(messages);
  if ("question" in answer) throw unexpected();
  return answer.taken;
}

/** RFC 8308 section 3.1; a target that does not say what it takes is not asked twice. */
function takenBy(extensions: ReadonlyMap<string, Buffer>): (algorithm: string) => boolean {
  const list = extensions.get("server-sig-algs");
  if (list === undefined) return () => true;
  const names = list.toString("latin1").split(",");
  return (algorithm) => names.includes(algorithm);
}

/** The name of the certificate's own algorithm that is signed like this. */
function certified(algorithm: SignatureAlgorithm, type: KeyType): string | undefined {
  return certificateAlgorithms(type).find((name) => signatureAlgorithmOf(name) === algorithm);
}

async function byPassword(messages: Messages, user: string, password: Secret): Promise<boolean> {
  const { transport } = messages;
  transport.send(encodePasswordRequest(user, service.connection, password));
  let answer = await answerOf(messages);
  if ("question" in answer) throw unexpected();
  if (answer.taken) return true;
  if (!answer.methods.includes(method.keyboardInteractive)) return false;
  transport.send(encodeKeyboardInteractiveRequest(user, service.connection));
  for (let questions = 0; questions < MAX_QUESTIONS; questions++) {
    answer = await answerOf(messages);
    if (!("question" in answer)) return answer.taken;
    const { prompts } = decodeInfoRequest(answer.question);
    // One question whose answer is not to be seen is the one for the password. What else a target may ask nobody here can answer.
    if (prompts.length > 1 || prompts.some(({ echo }) => echo)) return false;
    transport.send(encodeInfoResponse(prompts.map(() => password)));
  }
  return false;
}

function unexpected(): GatehouseError {
  return new GatehouseError("PROTOCOL_VIOLATION", "The target sent what no log-in has.");
}
