import { GatehouseError } from "@gatehouse/core";

/** What whoever asks a lease that was released is told. */
export function released(): GatehouseError {
  return new GatehouseError("SECRET_UNAVAILABLE", "The lease was released; its credential can't be used.", {
    hint: "Open a new session.",
  });
}
