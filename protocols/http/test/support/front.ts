import {
  type Clock,
  type Command,
  type LoginRequest,
  type Mask,
  type Refusal,
  Secret,
  systemClock,
  type Target,
  type ValueMasks,
} from "@gatehouse/core";
import { issuePermit } from "@gatehouse/core/permit";
import { createAuthority } from "@gatehouse/certs";
import { createFakeGate, createMemoryLog, type FakeGate, type MemoryLog } from "@gatehouse/testkit";
import { createSecureContext } from "node:tls";
import { Budgets } from "../../src/budgets/budgets.ts";
import type { AskIssuer } from "../../src/credentials/issuer.ts";
import { ClientCredentials } from "../../src/credentials/client-credentials.ts";
import { httpLevelSettings, httpListenerSettings, httpSettings } from "../../src/settings.ts";
import { serve } from "../../src/server.ts";
import { TargetLinks } from "../../src/upstream/target-links.ts";

export const TOKEN = "a-token-of-somebody";
/** What the target knows the gateway by. */
export const SECRET = "s3cr3t-of-the-target";

/** The adapter in front of a target. */
export interface Front {
  readonly port: number;
  /** PEM of the authority that has issued its certificate. */
  readonly ca: string;
  readonly gate: FakeGate;
  readonly log: MemoryLog;
  close(): Promise<void>;
}

export interface FrontOptions {
  readonly target: { readonly port: number };
  /** Levels of the target beside `default`. */
  readonly levels?: readonly string[];
  /** The listener's own keys. */
  readonly listener?: Readonly<Record<string, unknown>>;
  /** How the target is reached; in the clear, when left out. */
  readonly tls?: Target["tls"];
  /** The target's own keys. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly allow?: (command: Command) => boolean;
  readonly hold?: (command: Command) => boolean;
  /** What requests and answers are masked by; nothing, when left out. */
  readonly masks?: readonly Mask[];
  /** What masked texts become; needed for `masks`. */
  readonly values?: ValueMasks;
  /** Milliseconds in which a client has to have said what it wants; 5 seconds when left out. */
  readonly startup?: number;
  /** What an issuer of tokens answers; there is none, when left out. */
  readonly issuer?: AskIssuer;
  readonly clock?: Clock;
  /** Until when a token holds; for ever, when left out. */
  readonly expiresAt?: number;
  readonly enter?: (request: LoginRequest) => Promise<Omit<Refusal, "reference"> | undefined>;
}

const NO_VALUES: ValueMasks = {
  transform: () => () => "***",
  detectors: () => () => "***",
  stream: () => {
    throw new Error("Nothing is masked here.");
  },
};

/** Its target is called `api`, and its one level `default`. */
export async function startFront({
  target: at,
  tls = { mode: "off" },
  listener: own = {},
  settings = {},
  levels = [],
  allow,
  hold,
  enter,
  masks,
  values = NO_VALUES,
  startup = 5000,
  clock = systemClock,
  expiresAt,
  issuer = () => Promise.reject(new Error("There is no issuer.")),
}: FrontOptions): Promise<Front> {
  const now = Date.now();
  const authority = await createAuthority({ name: "front", now });
  const pair = await authority.issue({
    use: "server",
    commonName: "front",
    names: ["localhost", "127.0.0.1"],
    now,
  });
  const secureContext = createSecureContext({ cert: pair.certificatePem, key: pair.key.reveal() });
  const level = (name: string) => ({
    name,
    credential: { user: name },
    settings: read(httpLevelSettings, {}),
  });
  const target: Target = {
    name: "api",
    protocol: "http",
    addresses: [{ host: "127.0.0.1", port: at.port }],
    tls,
    levels: new Map(["default", ...levels].map((name) => [name, level(name)])),
    credential: { user: "default" },
    tags: new Map(),
    connectTimeout: 5000,
    settings: read(httpSettings, settings),
  };
  const gate = createFakeGate({
    issuePermit,
    target,
    lease: { user: "default", password: new Secret(SECRET) },
    credential: TOKEN,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(allow ? { allow } : {}),
    ...(hold ? { hold } : {}),
    ...(masks ? { masks: () => masks } : {}),
    ...(enter ? { enter } : {}),
  });
  const log = createMemoryLog();
  const links = new TargetLinks();
  const tokens = new ClientCredentials({ clock, ask: issuer });
  const listener = await serve(
    {
      address: { host: "127.0.0.1", port: 0 },
      settings: read(httpListenerSettings, own),
      folder: "",
      secureContext: () => secureContext,
      plaintext: false,
      limits: {
        connections: 500,
        perAddress: 250,
        startup,
        message: 16 << 20,
        statement: 100_000,
        keepalive: 30_000,
      },
      gate,
      lease: () => Promise.reject(new Error("The adapter asks for no lease of its own.")),
      learned: () => undefined,
      values,
      recordings: {
        begin: () => {
          throw new Error("Nothing is recorded here.");
        },
      },
      doorTo: () => undefined,
      log,
    },
    { budgets: new Budgets({ clock }), links, tokens, clock },
  );
  if (!("port" in listener.address)) throw new Error("It listens on a port.");
  return {
    port: listener.address.port,
    ca: authority.certificatePem,
    gate,
    log,
    async close() {
      await listener.close();
      gate.endAll();
      links.close();
    },
  };
}

function read(
  reader: {
    read(
      raw: unknown,
      folder: string,
    ): { readonly ok: boolean; readonly value?: unknown; readonly issues?: unknown };
  },
  raw: unknown,
): unknown {
  const result = reader.read(raw, "/");
  if (!result.ok) throw new Error(JSON.stringify(result.issues));
  return result.value;
}
