import { GatehouseError, type Way } from "@gatehouse/core";

/** The role that carries what the policies could ever allow at a level. */
export interface PolicyRoles {
  /** Makes it where it is missing. @returns its name */
  ensurePolicyRole(way: Way): Promise<string>;
}

export const policyRoles: PolicyRoles = {
  ensurePolicyRole: ({ level }) =>
    Promise.reject(
      new GatehouseError(
        "MINT_UNPREPARED",
        `The level "${level.name}" has \`grants: policy\`, which is not built yet.`,
      ),
    ),
};
