import { type Clock, formatAddress, GatehouseError, type Lease, type Target } from "@gatehouse/core";
import { dial } from "@gatehouse/wire";
import { logInAtTarget } from "./auth/at-target.ts";
import { Messages } from "./auth/messages.ts";
import { HostKeys } from "./host-keys.ts";
import type { SshSettings } from "./settings.ts";
import { software } from "./software.ts";
import { defaultAlgorithms } from "./transport/algorithms.ts";
import { Transport } from "./transport/transport.ts";

export interface ConnectOptions {
  readonly clock: Clock;
  /** Milliseconds after which TCP asks a silent target whether it is still there. */
  readonly keepalive: number;
}

/**
 * Connects to a target, proves who it is, and logs in.
 * @returns the transport's messages; its owner hands over what has come of them
 * @throws GatehouseError of the TARGET_ family, or PROTOCOL_VIOLATION, within the target's connect deadline at each address
 */
export async function connectTarget(
  target: Target<SshSettings>,
  lease: Lease,
  options: ConnectOptions,
): Promise<Messages> {
  let last: unknown;
  for (const address of target.addresses) {
    try {
      return await connectAddress(target, address, lease, options);
    } catch (error) {
      // Only one that could not be reached is followed by the next: whoever answers and is not the target is no reason to go on.
      if (!(error instanceof GatehouseError) || error.code !== "TARGET_UNREACHABLE") throw error;
      last = error;
    }
  }
  throw last;
}

async function connectAddress(
  target: Target<SshSettings>,
  address: Target["addresses"][number],
  lease: Lease,
  { clock, keepalive }: ConnectOptions,
): Promise<Messages> {
  const signal = AbortSignal.timeout(target.connectTimeout);
  const place = "port" in address ? address : { host: "localhost", port: 22 };
  const hostKeys = await HostKeys.of(target.settings, place);
  const socket = await dial(address, signal, keepalive);
  const tooLate = () => socket.destroy();
  signal.addEventListener("abort", tooLate);
  try {
    const transport = await Transport.open({
      socket,
      role: "client",
      software,
      algorithms: defaultAlgorithms,
      verifyHost: (shown) => hostKeys.verify(shown, clock.now()),
      ...(hostKeys.algorithms ? { hostKeyAlgorithms: hostKeys.algorithms } : {}),
      signal,
    });
    const messages = new Messages(transport);
    await logInAtTarget(messages, lease);
    return messages;
  } catch (error) {
    socket.destroy();
    if (!signal.aborted) throw error;
    throw new GatehouseError(
      "TARGET_UNREACHABLE",
      `${formatAddress(address)} did not finish the log-in within the deadline.`,
      { cause: error },
    );
  } finally {
    signal.removeEventListener("abort", tooLate);
  }
}
