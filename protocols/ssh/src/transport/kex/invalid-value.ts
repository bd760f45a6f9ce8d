import { GatehouseError } from "@gatehouse/core";

/**
 * A public value that is no element of its group, or one of few elements: with such a peer, or somebody in between, who reads the
 * answer could find out the private key or choose the secret.
 */
export function invalidValue(cause?: unknown): GatehouseError {
  return new GatehouseError("PROTOCOL_VIOLATION", "invalid public value in key exchange", { cause });
}
