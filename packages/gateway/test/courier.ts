import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import {
  formatAddress,
  GatehouseError,
  type Gate,
  type Lease,
  type Protocol,
  type ServeOptions,
  type SettingsReader,
} from "@gatehouse/core";
import { type PublicKey, readCertificate, readPrivateKey } from "@gatehouse/openssh";

/** A protocol that protects its connections itself, or would if it were one: a line in, a line out. */
export interface Courier {
  readonly protocol: Protocol;
  /** What the gateway has given to each of its listeners. */
  readonly served: readonly ServeOptions[];
  /** What came to its targets, each as it has proved itself. */
  readonly arrived: readonly Arrival[];
}

export interface Arrival {
  readonly target: string;
  readonly user: string;
  /** Of the key, and of who has certified it. */
  readonly key?: string;
  readonly authority?: string;
  readonly keyId?: string;
}

/** What a client sends, in JSON. */
export interface Letter {
  readonly token: string;
  readonly target: string;
  readonly level: string;
}

const seals: SettingsReader<{ readonly seal?: string }> = {
  keys: ["seal"],
  read: (raw, folder) => {
    const seal = typeof raw === "object" && raw !== null && "seal" in raw ? String(raw.seal) : undefined;
    return { ok: true, value: seal === undefined ? {} : { seal: resolve(folder, seal) } };
  },
  jsonSchema: { type: "object", properties: { seal: { type: "string" } } },
};

/** @param trusted whose certificates its targets take; a key that nobody has certified they take as well */
export function courier(trusted: PublicKey): Courier {
  const served: ServeOptions[] = [];
  const arrived: Arrival[] = [];
  const protocol: Protocol = {
    name: "courier",
    facts: { prefix: "courier", facts: { parcel: { type: "string", description: "What is carried." } } },
    security: "own",
    credentials: { proofs: ["password", "key", "authority"], user: (level) => `rider-${level}` },
    listenerSettings: seals,
    targetSettings: seals,
    levelSettings: { keys: [], read: () => ({ ok: true, value: {} }), jsonSchema: { type: "object" } },
    understand: () => Promise.reject(new TypeError("Nobody asks what a letter is.")),
    async probe({ name: target }, lease) {
      arrived.push({ target, ...proofOf(lease, trusted) });
    },
    async serve(options) {
      served.push(options);
      const server = createServer({ allowHalfOpen: true }, (socket) => void answer(socket, options.gate));
      const { address: at } = options;
      server.listen("socket" in at ? at.socket : at);
      await once(server, "listening");
      const bound = server.address();
      const port = typeof bound === "object" && bound !== null ? bound.port : 0;
      const address = "socket" in at ? at : { host: at.host, port };
      return { address, close: async () => void server.close() };
    },
    status: () => ({ ok: true }),
    learn: () => Promise.resolve(),
    misfits: () => [],
    dispose: () => Promise.resolve(),
  };
  return { protocol, served, arrived };
}

async function answer(socket: Socket, gate: Gate): Promise<void> {
  const { token, target, level } = JSON.parse(await text(socket)) as Letter;
  const client = { host: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
  const request = { protocol: "courier", credential: { token }, target, level, client, application: "" };
  const result = await gate.login(request);
  socket.end(result.ok ? `let in as ${result.session.lease.user}` : result.refusal.message);
  if (result.ok) await result.session.close("client_closed");
}

/** As the target would see it. @throws GatehouseError TARGET_AUTHENTICATION */
function proofOf(lease: Lease, trusted: PublicKey): Omit<Arrival, "target"> {
  const { user, key } = lease;
  if (key === undefined) return { user };
  const { fingerprint } = readPrivateKey(key.secret).publicKey;
  if (key.certificate === undefined) return { user, key: fingerprint };
  const { publicKey, principals, authority, keyId } = readCertificate(key.certificate);
  const good =
    authority.equals(trusted) && publicKey.fingerprint === fingerprint && principals.includes(user);
  if (!good) throw new GatehouseError("TARGET_AUTHENTICATION", "The courier's certificate is not his.");
  return { user, key: fingerprint, authority: authority.fingerprint, keyId };
}

/** Sends a letter to a listener. @returns what came back */
export async function send(gateway: ServeOptions["address"], letter: Letter): Promise<string> {
  if ("socket" in gateway) throw new TypeError(`There is no courier at ${formatAddress(gateway)}.`);
  const socket = connect(gateway);
  socket.end(JSON.stringify(letter));
  return text(socket);
}
