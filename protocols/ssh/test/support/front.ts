import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Address,
  type Command,
  type Lease,
  type ListenerLimits,
  type LoginRequest,
  type Mask,
  type Refusal,
  Secret,
  type SignIn,
  systemClock,
  type Target,
  type ValueMasks,
} from "@gatehouse/core";
import { issuePermit } from "@gatehouse/core/permit";
import { generatePrivateKey, type PrivateKey, writePrivateKey } from "@gatehouse/openssh";
import { createFakeGate, createMemoryLog, type FakeGate, type MemoryLog } from "@gatehouse/testkit";
import { sshLevelSettings, sshListenerSettings, sshSettings } from "../../src/settings.ts";
import { serve } from "../../src/server.ts";
import { recordingsInMemory, type MemoryRecordings } from "./recordings.ts";
import { hideAll } from "./values.ts";

export const TOKEN = "open sesame";

const limits: ListenerLimits = {
  connections: 500,
  perAddress: 500,
  startup: 10_000,
  message: 16 * 1024 * 1024,
  statement: 100_000,
  keepalive: 30_000,
};

/** The adapter in front of a target, and a client's files to reach it by. */
export interface Front {
  readonly port: number;
  readonly gate: FakeGate;
  readonly log: MemoryLog;
  readonly recordings: MemoryRecordings;
  readonly folder: string;
  /** A private key that gets in, in OpenSSH's form, and its file. */
  readonly key: string;
  readonly keyFile: string;
  readonly knownHosts: string;
  close(): Promise<void>;
}

export interface FrontOptions {
  readonly target: {
    readonly port: number;
    /** As known_hosts has it, or a fingerprint; none of them when left out. */
    readonly hostKeys?: readonly string[];
    readonly user: string;
    /** A private key. */
    readonly key?: string;
    readonly certificate?: Uint8Array;
    readonly password?: string;
  };
  readonly keys?: readonly PrivateKey[];
  readonly allow?: (command: Command) => boolean;
  readonly hold?: (command: Command) => boolean;
  readonly enter?: (request: LoginRequest) => Promise<Omit<Refusal, "reference"> | undefined>;
  readonly masks?: () => readonly Mask[];
  readonly values?: ValueMasks;
  readonly limits?: Partial<ListenerLimits>;
  readonly loginGrace?: string;
  readonly doorTo?: (host: string, port: number) => Address | undefined;
  readonly signIn?: () => SignIn;
  readonly connectTimeout?: number;
}

/** Its target is called `web`, and its one level `deploy`. */
export async function startFront(options: FrontOptions): Promise<Front> {
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-ssh-"));
  const file = (name: string) => join(folder, name);
  const { target: at } = options;
  const own = generatePrivateKey("ssh-ed25519");
  const level = {
    name: "deploy",
    credential: { user: at.user },
    settings: settings(sshLevelSettings, {}, folder),
  };
  const target: Target = {
    name: "web",
    protocol: "ssh",
    addresses: [{ host: "127.0.0.1", port: at.port }],
    tls: { mode: "own" },
    levels: new Map([["deploy", level]]),
    credential: { user: at.user },
    tags: new Map(),
    connectTimeout: options.connectTimeout ?? 10_000,
    settings: settings(sshSettings, { hostKeys: at.hostKeys ?? ["SHA256:".padEnd(50, "A")] }, folder),
  };
  const lease: Omit<Lease, "release"> = {
    user: at.user,
    password: at.password === undefined ? undefined : new Secret(at.password),
    ...(at.key === undefined
      ? {}
      : { key: { secret: new Secret(at.key), ...(at.certificate ? { certificate: at.certificate } : {}) } }),
  };
  const { allow, hold, enter, masks, signIn } = options;
  const gate = createFakeGate({
    issuePermit,
    target,
    lease,
    credential: TOKEN,
    keys: [own, ...(options.keys ?? [])].map(({ publicKey }) => publicKey.blob),
    ...(allow ? { allow } : {}),
    ...(hold ? { hold } : {}),
    ...(enter ? { enter } : {}),
    ...(masks ? { masks } : {}),
    ...(signIn ? { signIn } : {}),
  });
  const log = createMemoryLog();
  const recordings = recordingsInMemory();
  const { loginGrace } = options;
  const listener = await serve(
    {
      address: { host: "127.0.0.1", port: 0 },
      settings: settings(sshListenerSettings, loginGrace ? { loginGrace } : {}, folder),
      folder: file("state"),
      secureContext: () => {
        throw new Error("SSH asks for no certificate.");
      },
      plaintext: false,
      limits: { ...limits, ...options.limits },
      gate,
      lease: () => Promise.reject(new Error("The adapter asks for no lease of its own.")),
      learned: () => undefined,
      values: options.values ?? hideAll,
      recordings,
      doorTo: options.doorTo ?? (() => undefined),
      log,
    },
    systemClock,
  );
  if (!("port" in listener.address)) throw new Error("It listens on a port.");
  const { port } = listener.address;
  const key = writePrivateKey(own, "client").reveal();
  await writeFile(file("client_key"), key, { mode: 0o600 });
  const hostKey = await readFile(join(file("state"), "host_key_ed25519.pub"), "utf8");
  await writeFile(file("known_hosts"), `[127.0.0.1]:${port} ${hostKey}`);
  return {
    port,
    gate,
    log,
    recordings,
    folder,
    key,
    keyFile: file("client_key"),
    knownHosts: file("known_hosts"),
    async close() {
      await listener.close();
      gate.endAll();
      await rm(folder, { recursive: true });
    },
  };
}

function settings(
  reader: {
    read(
      raw: unknown,
      folder: string,
    ): { readonly ok: boolean; readonly value?: unknown; readonly issues?: unknown };
  },
  raw: unknown,
  folder: string,
): unknown {
  const result = reader.read(raw, folder);
  if (!result.ok) throw new Error(JSON.stringify(result.issues));
  return result.value;
}
