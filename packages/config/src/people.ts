import { z } from "zod";

/** A part of who somebody is, as identities have it: nothing that can't be seen. */
export function said(what: string) {
  return z.string().regex(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,256}$/u, `expected ${what}`);
}

export function groups() {
  return z.array(said("a group's name")).max(500);
}
