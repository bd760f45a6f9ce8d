import { GatehouseError, type Provisioner } from "@gatehouse/core";

/** What is asked of a Provisioner for leases. */
export type LeasingProvisioner = Omit<Provisioner, "check" | "close">;

/** Milliseconds within which an answer has to be there. */
export interface ProvisionerLimits {
  readonly making: number;
  readonly looking: number;
  /** Of many users at once, with all that they own. */
  readonly removing: number;
}

export const provisionerLimits: ProvisionerLimits = {
  making: 60_000,
  looking: 2 * 60_000,
  removing: 10 * 60_000,
};

/**
 * A Provisioner whose every call ends. One that has not answered in time has failed, and what it does after that is found by
 * the next survey: else one target that hangs would hold its log-ins, and all that is to be taken back there, for ever.
 */
export function boundedProvisioner(
  provisioner: Provisioner,
  { making, looking, removing }: ProvisionerLimits,
): LeasingProvisioner {
  return {
    prepare: (...of) => within(making, provisioner.prepare(...of)),
    activate: (...of) => within(making, provisioner.activate(...of)),
    mint: (...of) => within(making, provisioner.mint(...of)),
    renew: (...of) => within(looking, provisioner.renew(...of)),
    survey: (...of) => within(looking, provisioner.survey(...of)),
    tidy: (...of) => within(looking, provisioner.tidy(...of)),
    remove: (...of) => within(removing, provisioner.remove(...of)),
    leave: (target) => {
      provisioner.leave(target);
    },
  };
}

async function within<T>(limit: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const error = new GatehouseError(
      "MINT_FAILED",
      `The target has not answered within ${limit / 1000} seconds.`,
    );
    timer = setTimeout(() => reject(error), limit).unref();
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
