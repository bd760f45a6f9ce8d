import { type Address, GatehouseError, type Grant, type Identity, type Target } from "@gatehouse/core";
import type { Grants } from "@gatehouse/grants";
import type { LoadedPolicies } from "@gatehouse/policy";
import type { ApprovalDesk, ApprovalView } from "./approval-desk.ts";

/** Where people ask for access beforehand, and see and take back what was granted. */
export interface GrantDesk {
  /**
   * Asks for a grant. Resolves when somebody can answer.
   * @param asked lasts: milliseconds; as long as it may where it is left out. client: where it is asked from
   * @throws GatehouseError REQUEST_INVALID for what is not there, or not theirs; as Grants.request
   */
  request(
    viewer: Identity,
    asked: {
      readonly target: string;
      readonly level: string;
      readonly lasts?: number | undefined;
      readonly reason?: string | undefined;
      readonly client: Address;
    },
  ): Promise<ApprovalView>;
  /** Those that let somebody in now: their own, and those that they can take back. The newest first. */
  list(viewer: Identity): readonly Grant[];
  /** @throws GatehouseError GRANT_UNKNOWN, STORE_FAILED */
  show(viewer: Identity, id: string): Grant;
  /**
   * Takes a grant back, and ends its sessions.
   * @throws GatehouseError GRANT_UNKNOWN, GRANT_ENDED, STORE_FAILED
   */
  revoke(viewer: Identity, id: string, reason?: string): Promise<Grant>;
}

export interface GrantDeskOptions {
  readonly grants: Grants;
  readonly approvals: Pick<ApprovalDesk, "show">;
  /** As it is at this moment. */
  readonly sight: () => {
    readonly policies: LoadedPolicies;
    readonly targets: ReadonlyMap<string, Target>;
  };
}

export function openGrantDesk({ grants, approvals, sight }: GrantDeskOptions): GrantDesk {
  return {
    async request(viewer, { target: name, level: levelName, ...asked }) {
      const { policies, targets } = sight();
      const target = targets.get(name);
      const level = target?.levels.get(levelName);
      // What is not there and what is not theirs read the same, as at a log-in: names are not for guessing.
      if (!target || !level || !policies.admits({ identity: viewer, target, level })) {
        throw new GatehouseError(
          "REQUEST_INVALID",
          "There is no such target and level, or it is not yours to use.",
        );
      }
      const { id } = await grants.request({ identity: viewer, target, level, ...asked });
      return approvals.show(viewer, id);
    },
    list: (viewer) => grants.list(viewer),
    show: (viewer, id) => grants.show(viewer, id),
    revoke: (viewer, id, reason) => grants.revoke(id, viewer, reason),
  };
}
