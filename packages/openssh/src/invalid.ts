import { GatehouseError } from "@gatehouse/core";

/** Makes the error of a document that can't be read. The reason is the end of a sentence, and holds nothing secret. */
export type Invalid = (reason: string, options?: { hint?: string; cause?: unknown }) => GatehouseError;

export const keyInvalid: Invalid = (reason, options) =>
  new GatehouseError("KEY_INVALID", `The key was refused: ${reason}.`, options);

export const certificateInvalid: Invalid = (reason, options) =>
  new GatehouseError("CERTIFICATE_INVALID", `The certificate was refused: ${reason}.`, options);
