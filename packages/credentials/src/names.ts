import { GatehouseError } from "@gatehouse/core";

/** Crockford's alphabet in lower case: PostgreSQL and others fold what is not quoted. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH = 8;

type RandomBytes = (size: number) => Uint8Array;

/** All names that are ever made. What has another form is somebody else's, whatever mark it bears. */
const FORM = /^gh_([0-9a-hjkmnp-tv-z]{8})_(?:ready_[0-9a-hjkmnp-tv-z]{8}|[0-9a-z]{1,40}(?:_2)?)$/;

/** Names one run of a gateway. */
export function newEpoch(randomBytes: RandomBytes): string {
  return letters(randomBytes);
}

/** The name of a user that waits for a session. */
export function readyName(epoch: string, randomBytes: RandomBytes): string {
  return `gh_${epoch}_ready_${letters(randomBytes)}`;
}

/**
 * The name of a session's user.
 * @param attempt the second has another name: what may be left of the first is removed by its own
 */
export function sessionName(epoch: string, session: string, attempt: 1 | 2 = 1): string {
  const part = session.replace(/^ses_/, "").toLowerCase();
  if (/^[0-9a-z]{1,40}$/.test(part)) return `gh_${epoch}_${part}${attempt === 1 ? "" : "_2"}`;
  throw new GatehouseError("INTERNAL", `The session ${session} has an id that no user can be named by.`);
}

/** The run that has made a user; undefined where no gateway has. */
export function epochOf(name: string): string | undefined {
  return FORM.exec(name)?.[1];
}

function letters(randomBytes: RandomBytes): string {
  return Array.from(randomBytes(LENGTH), (byte) => ALPHABET[byte & 31]).join("");
}
