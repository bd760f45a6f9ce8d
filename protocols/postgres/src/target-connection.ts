import type { Socket } from "node:net";
import { type Address, formatAddress, GatehouseError, type Lease, type Target } from "@gatehouse/core";
import { dial, KEEPALIVE, Pull, secureUpstream } from "@gatehouse/wire";
import type { BackendKey } from "./codec/backend-key-data.ts";
import { typeCode } from "./codec/framing.ts";
import type { ParameterStatus } from "./codec/parameter-status.ts";
import { encodeSslRequest } from "./codec/startup-packet.ts";
import { rounds, type ServerKind, whyNot } from "./session-attributes.ts";
import type { PostgresSettings } from "./settings.ts";
import { TargetLogin } from "./target-login.ts";

/** The name of this protocol in TLS (ALPN), as IANA has it. */
const ALPN = "postgresql";

/** The gateway's own connection to a target, logged in with a lease's credential. */
export interface TargetConnection {
  readonly socket: Socket;
  /** What the server reported of its settings at start-up. */
  readonly parameters: readonly ParameterStatus[];
  readonly key: BackendKey | undefined;
  /** What came behind the start-up's last message. */
  readonly rest: Buffer;
  /**
   * Opens another connection to the very same address, secured in the same way and not logged in: for a cancel
   * request, which another server behind the same name would not understand.
   */
  readonly again: (deadline: AbortSignal) => Promise<Socket>;
}

/**
 * Connects, proves who the target is, logs in. The target's addresses are tried in order, each within the connect
 * deadline, up to the first that is the kind of server that is wanted. As in libpq, the next one is tried where there
 * is no server or none that can be used now; a server that refuses the credential, or does not prove who it is, ends it.
 * @param parameters of the StartupMessage, beside the user
 * @param keepalive milliseconds after which TCP asks a silent target whether it is still there
 * @throws GatehouseError of the TARGET_ family, PROTOCOL_VIOLATION, or CERTIFICATE_INVALID; where several addresses
 * were tried, its message names each and why
 */
export async function connectTarget(
  target: Target<PostgresSettings>,
  lease: Lease,
  parameters: ReadonlyMap<string, string>,
  keepalive: number = KEEPALIVE,
): Promise<TargetConnection> {
  const failures: Failure[] = [];
  for (const kind of rounds(target.settings.targetSessionAttrs)) {
    for (const address of target.addresses) {
      const way: Way = { target, lease, address, keepalive };
      try {
        return await connectTo(way, kind, parameters);
      } catch (error) {
        if (!(error instanceof GatehouseError)) throw error;
        failures.push({ address, error });
        if (error.code !== "TARGET_UNREACHABLE") throw summary(failures, error);
      }
    }
  }
  const last = failures.at(-1);
  if (last === undefined)
    throw new TypeError("A target without an address was handed to the PostgreSQL adapter.");
  throw summary(failures, last.error);
}

/** One address of a target, and how its server is met. */
interface Way {
  readonly target: Target<PostgresSettings>;
  readonly lease: Lease;
  readonly address: Address;
  readonly keepalive: number;
}

interface Failure {
  readonly address: Address;
  readonly error: GatehouseError;
}

/** @throws GatehouseError TARGET_UNREACHABLE also where the server is not of this kind */
async function connectTo(
  way: Way,
  kind: ServerKind,
  parameters: ReadonlyMap<string, string>,
): Promise<TargetConnection> {
  const { target, lease, address } = way;
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), target.connectTimeout);
  let socket: Socket | undefined;
  const abort = () => socket?.destroy();
  deadline.signal.addEventListener("abort", abort);
  try {
    const opened = await open(way, address, deadline.signal);
    socket = opened.socket;
    const login = new TargetLogin(socket);
    await login.run({ lease, tls: target.tls, settings: target.settings }, parameters);
    const why = await whyNot(kind, login.parameters, (query) => login.ask(query));
    if (why !== undefined) {
      throw new GatehouseError("TARGET_UNREACHABLE", `${formatAddress(address)} ${why}; ${kind} is wanted.`);
    }
    return {
      socket,
      parameters: login.parameters,
      key: login.key,
      rest: login.release(),
      again: opener(way, opened.peer),
    };
  } catch (error) {
    socket?.destroy();
    if (socket === undefined || !deadline.signal.aborted) throw error;
    throw new GatehouseError(
      "TARGET_UNREACHABLE",
      "The target did not finish the log-in within its deadline.",
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
    deadline.signal.removeEventListener("abort", abort);
  }
}

/** Apart from the log-in, which would otherwise be kept as long as the session is. */
function opener(way: Way, peer: Address): TargetConnection["again"] {
  return async (deadline) => (await open(way, peer, deadline)).socket;
}

/**
 * A connection, secured as the target's config says.
 * @param to the way's address, or the one that its name stood for
 * @returns also where it has led to: a name may lead elsewhere the next time
 */
async function open(
  { target, lease, address, keepalive }: Way,
  to: Address,
  deadline: AbortSignal,
): Promise<{ socket: Socket; peer: Address }> {
  const { tls } = target;
  if (tls.mode === "own") throw new TypeError("PostgreSQL does not protect its connections by itself.");
  if (tls.mode !== "off" && "socket" in address) {
    throw new GatehouseError("TARGET_UNVERIFIED", "PostgreSQL speaks no TLS over a Unix socket.", {
      hint: "Write `tls: off` for the target: nobody but this machine is on the way.",
    });
  }
  const socket = await dial(to, deadline, keepalive);
  const { remoteAddress: host, remotePort: port } = socket;
  const peer = host === undefined || port === undefined ? to : { host, port };
  if (tls.mode === "off" || "socket" in address) return { socket, peer };
  await askForTls(socket, deadline);
  const security = { tls, certificate: lease.certificate, alpn: [ALPN] };
  return { socket: await secureUpstream(socket, address, security, deadline), peer };
}

/** @throws GatehouseError TARGET_UNVERIFIED when the server has no TLS; then the socket is destroyed */
async function askForTls(socket: Socket, deadline: AbortSignal): Promise<void> {
  const abort = () => socket.destroy();
  deadline.addEventListener("abort", abort);
  socket.write(encodeSslRequest());
  const pull = new Pull(socket);
  const answer = await pull.next();
  pull.release();
  deadline.removeEventListener("abort", abort);
  // More than the one byte would have come before TLS, from whoever stands in between (CVE-2021-23222).
  if (answer?.length === 1 && answer[0] === typeCode("S")) return;
  socket.destroy();
  if (answer === undefined) {
    throw new GatehouseError(
      "TARGET_UNREACHABLE",
      "The target closed the connection, or did not answer in time.",
    );
  }
  throw new GatehouseError("TARGET_UNVERIFIED", "The target does not offer TLS.", {
    hint: "Turn TLS on at the target, or write `tls: off` for it in the config.",
  });
}

/** What ended it, with what was wrong with the addresses before. */
function summary(failures: readonly Failure[], last: GatehouseError): GatehouseError {
  if (failures.length === 1) return last;
  const tried = failures.map(({ address, error: { message } }) => {
    const name = formatAddress(address);
    return message.startsWith(name) ? message : `${name}: ${message}`;
  });
  return new GatehouseError(last.code, [...new Set(tried)].join(" "), {
    cause: last,
    ...(last.hint === undefined ? {} : { hint: last.hint }),
  });
}
