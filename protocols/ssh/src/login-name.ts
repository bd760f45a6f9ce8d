/** Who a client wants to be, and where. */
export interface LoginName {
  readonly login: string;
  readonly target: string;
}

/**
 * Reads the user name of an SSH client: `LOGIN@TARGET`, or `LOGIN%TARGET` for clients that split at the first `@`. A login may
 * have either sign in it, a target has none. What is neither has no target, and is refused as one that is not there.
 */
export function readLoginName(user: string): LoginName {
  const at = Math.max(user.lastIndexOf("@"), user.lastIndexOf("%"));
  if (at === -1) return { login: user, target: "" };
  return { login: user.slice(0, at), target: user.slice(at + 1) };
}
