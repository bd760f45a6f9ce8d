import type { FactSchema, Protocol } from "@gatehouse/core";
import { postgres } from "@gatehouse/postgres";

/** The one list of protocols: a new one is its folder, and a line here. */
export function loadProtocols(): readonly Protocol[] {
  return [postgres()];
}

/** What `when` can ask, by the protocol's name. */
export function factsOf(protocols: readonly Protocol[]): ReadonlyMap<string, FactSchema> {
  return new Map(protocols.map(({ name, facts }) => [name, facts]));
}
