import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { generatePrivateKey, readPrivateKey, readPublicKey } from "@gatehouse/openssh";
import { Transport } from "../src/transport/transport.ts";
import { serveCat, throughCat } from "../test/support/echo.ts";
import { type Front, type FrontOptions, startFront } from "../test/support/front.ts";
import { answerSignIn, signIn } from "../test/support/sign-in.ts";
import { clientOptions, ed25519, serverOptions } from "../test/support/transports.ts";
import { type Keys, USER } from "./messages.ts";

/** Connections that the listener has room for: few, so that one that is never given back is missed soon. */
const ROOM = 40;
/** Milliseconds to the first keys; what is played ends by itself, and sooner. */
const STARTUP = 5000;

const stranger = generatePrivateKey("ssh-ed25519");
const rsa = generatePrivateKey("ssh-rsa");

/** The adapter in front of a target that counts who comes. */
export interface Site {
  readonly port: number;
  readonly keys: Keys;
  /** What has gone wrong so far, if anything: somebody was let in, or something failed, beside the honest ones. */
  fault(): string | undefined;
  /** Somebody with a key logs in and has their bytes back. @throws Error where that is not so */
  honest(): Promise<void>;
  close(): Promise<void>;
}

/** @param options in place of what is best for many broken conversations */
export async function startSite(
  options: Pick<FrontOptions, "limits" | "loginGrace" | "signIn"> = {},
): Promise<Site> {
  let reached = 0;
  let honest = 0;
  const atTarget = new Set<Socket>();
  const target = createServer((socket) => {
    reached++;
    atTarget.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => atTarget.delete(socket));
    Transport.open(serverOptions(socket)).then(
      (transport) => answerSignIn(transport, "welcome", () => serveCat(transport)),
      () => socket.destroy(),
    );
  });
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  const address = target.address();
  if (address === null || typeof address === "string") throw new TypeError("The target has no port.");
  const front = await startFront({
    target: {
      port: address.port,
      hostKeys: [readPublicKey(ed25519.blob).toString()],
      user: "deploy",
      password: "only the gateway's",
    },
    keys: [rsa],
    limits: { connections: ROOM, startup: STARTUP },
    loginGrace: "10s",
    ...options,
  });
  const known = readPrivateKey(front.key);
  return {
    port: front.port,
    keys: { known, stranger, rsa },
    fault() {
      const letIn = front.gate.events.filter((event) => event.type === "login" && event.ok).length;
      if (letIn !== honest) return `${letIn} were let in, and ${honest} should have been`;
      if (reached !== honest) return `the target was reached ${reached} times, and not ${honest}`;
      return failureOf(front);
    },
    async honest() {
      honest++;
      const socket = connect({ port: front.port, host: "127.0.0.1" });
      try {
        const transport = await Transport.open(clientOptions(socket));
        const refused = await signIn(transport, USER, known);
        if (refused !== undefined) throw new Error("whoever has the key is not let in");
        const [there, back] = await throughCat(transport, 1000);
        if (there !== back) throw new Error("what came back is something else");
      } finally {
        socket.destroy();
      }
    },
    async close() {
      await front.close();
      for (const socket of atTarget) socket.destroy();
      target.close();
    },
  };
}

/** What the adapter itself says went wrong, other than what its clients did. */
function failureOf({ log }: Front): string | undefined {
  const failed = log.entries.find(
    ({ level, fields }) => level === "error" || reasonOf(fields).startsWith("The connection failed"),
  );
  return failed && `${failed.message}: ${reasonOf(failed.fields)}`;
}

function reasonOf(fields: object): string {
  return "error" in fields ? String(fields.error) : "";
}
