import type { Socket } from "node:net";
import { type Address, formatAddress, GatehouseError, type Lease, type Target } from "@gatehouse/core";
import { dial, secureUpstream } from "@gatehouse/wire";
import { MessageReader } from "../connection/message-reader.ts";

/** This protocol in TLS (ALPN), as IANA has it. */
const ALPN = "http/1.1";

/** The gateway's own connection to a target. */
export class TargetConnection {
  readonly socket: Socket;
  readonly reader: MessageReader;
  #isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    this.reader = new MessageReader(socket);
    socket.once("close", () => {
      this.#isClosed = true;
    });
  }

  /** Whether another request may go out on it: nothing has come that nobody had asked for, not even its end. */
  get isUsable(): boolean {
    const { socket } = this;
    return (
      !this.#isClosed &&
      socket.writable &&
      !socket.readableEnded &&
      socket.readableLength === 0 &&
      !this.reader.hasMore
    );
  }

  /** Has nothing to do for now: it is seen if its target closes it, or says what nobody has asked for. */
  rest(): void {
    this.reader.watch(() => this.destroy());
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/**
 * Connects to a target, protected as its config says. Its addresses are tried in order, each within the connect deadline.
 * @param keepalive milliseconds after which TCP asks a silent target whether it is still there
 * @throws GatehouseError of the TARGET_ family, or CERTIFICATE_INVALID; where several addresses were tried, the last one's
 */
export async function connectTarget(
  target: Target,
  lease: Pick<Lease, "certificate">,
  keepalive: number,
): Promise<TargetConnection> {
  let failure: GatehouseError | undefined;
  for (const address of target.addresses) {
    try {
      return new TargetConnection(await open(target, address, lease, keepalive));
    } catch (error) {
      if (!(error instanceof GatehouseError) || error.code !== "TARGET_UNREACHABLE") throw error;
      failure = error;
    }
  }
  throw failure ?? new TypeError("A target without an address was handed to the HTTP adapter.");
}

async function open(
  { tls, connectTimeout }: Target,
  address: Address,
  { certificate }: Pick<Lease, "certificate">,
  keepalive: number,
): Promise<Socket> {
  const deadline = AbortSignal.timeout(connectTimeout);
  const socket = await dial(address, deadline, keepalive);
  if (tls.mode === "off") return socket;
  if (tls.mode === "own" || "socket" in address) {
    socket.destroy();
    throw new GatehouseError("TARGET_UNREACHABLE", `${formatAddress(address)} has no TLS.`);
  }
  return secureUpstream(socket, address, { tls, certificate, alpn: ALPN }, deadline);
}
