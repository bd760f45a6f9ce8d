import type { FactSchema, Protocol } from "@gatehouse/core";
import { http } from "@gatehouse/http";
import { postgres } from "@gatehouse/postgres";
import { ssh } from "@gatehouse/ssh";

/** The one list of protocols: a new one is its folder, and a line here. */
export function loadProtocols(): readonly Protocol[] {
  return [postgres(), ssh(), http()];
}

/** What `when` can ask, by the protocol's name. */
export function factsOf(protocols: readonly Protocol[]): ReadonlyMap<string, FactSchema> {
  return new Map(protocols.map(({ name, facts }) => [name, facts]));
}
