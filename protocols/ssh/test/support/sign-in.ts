import { type PrivateKey, signatureAlgorithms } from "@gatehouse/openssh";
import { number } from "../../src/codec/numbers.ts";
import {
  decodeService,
  encodeServiceAccept,
  encodeServiceRequest,
  service,
} from "../../src/codec/service.ts";
import {
  decodeUserauthFailure,
  encodeUserauthFailure,
  encodeUserauthSuccess,
} from "../../src/codec/userauth-answer.ts";
import {
  decodeUserauthRequest,
  encodeKeyRequest,
  encodeNoneRequest,
  signedData,
  withSignature,
} from "../../src/codec/userauth-request.ts";
import type { Transport } from "../../src/transport/transport.ts";

/** A server that lets nobody in, or everybody without asking; it is for tests of what lies below. */
export function answerSignIn(transport: Transport, verdict: "refuse" | "welcome", then?: () => void): void {
  transport.onMessage = (payload) => {
    switch (payload[0]) {
      case number.serviceRequest:
        transport.send(encodeServiceAccept(decodeService(payload)));
        break;
      case number.userauthRequest:
        decodeUserauthRequest(payload);
        if (verdict === "refuse") {
          transport.send(encodeUserauthFailure({ methods: ["publickey"], partial: false }));
          break;
        }
        transport.send(encodeUserauthSuccess());
        transport.authenticated();
        then?.();
        break;
      default:
        throw new Error(`unexpected message ${payload[0]}`);
    }
  };
}

/**
 * Asks to be let in, by a key where there is one. Once in, the transport is paused.
 * @returns the methods that the server would rather have; undefined once it is in
 */
export function signIn(
  transport: Transport,
  user: string,
  key?: PrivateKey,
): Promise<readonly string[] | undefined> {
  return new Promise((resolve, reject) => {
    transport.onClose = (why) => reject(why ?? new Error("the server has left"));
    transport.onMessage = (payload) => {
      switch (payload[0]) {
        case number.serviceAccept:
          transport.send(
            key ? keyRequest(transport, user, key) : encodeNoneRequest(user, service.connection),
          );
          break;
        case number.userauthFailure:
          resolve(decodeUserauthFailure(payload).methods);
          break;
        case number.userauthSuccess:
          transport.authenticated();
          // What comes next is for somebody else.
          transport.pause();
          resolve(undefined);
          break;
        default:
          throw new Error(`unexpected message ${payload[0]}`);
      }
    };
    transport.send(encodeServiceRequest(service.userauth));
  });
}

function keyRequest(transport: Transport, user: string, key: PrivateKey): Buffer {
  const [algorithm = "ssh-ed25519"] = signatureAlgorithms(key.publicKey.type);
  const shown = { algorithm, blob: key.publicKey.blob };
  const signed = encodeKeyRequest(user, service.connection, shown, true);
  return withSignature(signed, key.sign(algorithm, signedData(transport.sessionId, signed)));
}
