/** Every code that a GatehouseError can have, in one list, and what it means. */
export const errorCodes = {
  ADDRESS_IN_USE: "A listener's address is taken.",
  AGENT_FAILED: "The SSH agent could not be reached, or did not do what it was asked.",
  ANSWER_UNREADABLE: "A target's answer can't be looked into for what must not be seen; it was not sent on.",
  APPROVAL_ANSWERED: "This identity has answered this approval already.",
  APPROVAL_ENDED: "The approval was answered, or ended, before this came.",
  APPROVAL_NOT_YOURS: "This identity is not among those who may answer this approval.",
  APPROVAL_OWN: "Nobody answers for their own command.",
  APPROVAL_REASON: "The rule asks for a reason, and there is none, or it is too long.",
  APPROVAL_UNKNOWN: "There is no such approval, or none that this identity may see.",
  AUDIT_BROKEN: "The audit log's last line does not fit its chain; it is not continued.",
  AUDIT_FAILED: "An event could not be written; what it was to record was refused.",
  AUDIT_LOCKED: "Another gateway writes to this state folder.",
  CALLBACK_REPLAYED: "The callback was taken before.",
  CALLBACK_REFUSED: "The callback's signature does not hold, or it speaks for somebody that it may not.",
  CALLBACK_STALE: "The callback was signed too long ago, or in the future.",
  CATALOG_UNAVAILABLE: "What a target's database has could not be read; what rests on it was refused.",
  CERTIFICATE_INVALID: "A certificate or key could not be read, or the two do not belong together.",
  CONFIG_INVALID: "A config or policy file has errors; it was not loaded.",
  CONTROL_UNREACHABLE:
    "The control plane did not answer, or did not prove that it is the one that was asked for.",
  GRANT_ENDED: "The grant has come to its end, or was taken back, before this came.",
  GRANT_NOT_NEEDED: "The level is open to this identity without a grant.",
  GRANT_UNKNOWN: "There is no such grant, or none that this identity may see.",
  IDENTITY_ALGORITHM: "The token is signed by an algorithm that is not allowed.",
  IDENTITY_AUDIENCE: "The token was issued for somebody else.",
  IDENTITY_EXPIRED: "The token has expired.",
  IDENTITY_INVALID: "The credential is not a token of a known issuer, or its signature does not hold.",
  IDENTITY_NOT_YET: "The token is not valid yet.",
  IDENTITY_UNAVAILABLE: "The provider's keys are not known and can't be fetched.",
  INTERNAL: "A part of the gateway failed; nothing was done.",
  KEY_INVALID: "An SSH key, or a line or file that holds one, could not be read or must not be used.",
  MINT_FAILED: "A user for the session could not be made at the target.",
  MINT_UNPREPARED: "The target, or the administrator's account there, lacks what it takes to make users.",
  PERMIT_INVALID: "A permit was presented twice, or for another command.",
  PROTOCOL_VIOLATION: "The peer sent what its protocol does not allow.",
  RECORDING_FAILED: "What a session shows could not be recorded.",
  RECORDING_INVALID: "A recording could not be read.",
  REQUEST_INVALID: "The control plane has nothing by that address, or can't read what was sent to it.",
  REQUEST_LIMITED: "Too much came from this address or identity in a short time.",
  SECRET_UNAVAILABLE: "A secret's reference leads nowhere.",
  STORE_FAILED: "The store could not be read or written; what rested on it was refused.",
  TARGET_AUTHENTICATION: "The target did not accept the gateway's credential.",
  TARGET_REJECTED: "The target refused the connection.",
  TARGET_UNREACHABLE: "The target could not be reached within its deadline.",
  TARGET_UNVERIFIED: "The target's certificate does not prove that it is the target.",
  VAULT_FAILED: "The secrets engine could not be reached, or would not give what was asked for.",
} as const;

export type ErrorCode = keyof typeof errorCodes;

/**
 * The one error base. `message` says what happened and what was refused; `hint` says what to do. Neither
 * ever holds a secret. A protocol turns it into its own form.
 */
export class GatehouseError extends Error {
  override readonly name = "GatehouseError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** What can be said of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
