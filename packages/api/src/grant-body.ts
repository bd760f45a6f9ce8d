import type { Grant } from "@gatehouse/core";
import { iso, person } from "./approval-body.ts";
import type { GrantBody } from "./bodies.ts";

export function grantBody(grant: Grant): GrantBody {
  const { id, identity, target, level, from, until, approval, by, reason, revoked } = grant;
  return {
    ...{ id, holder: person(identity), target, level, from: iso(from), until: iso(until), approval },
    by: by.map(person),
    ...(reason === undefined ? {} : { reason }),
    ...(revoked === undefined
      ? {}
      : {
          revoked: {
            by: person(revoked.by),
            at: iso(revoked.at),
            ...(revoked.reason === undefined ? {} : { reason: revoked.reason }),
          },
        }),
  };
}
