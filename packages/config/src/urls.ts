import { httpsComplaint } from "@gatehouse/documents";
import { z } from "zod";

/**
 * An issuer's URL, kept letter by letter: `iss` must equal it (OpenID Connect Discovery 1.0, section 4.3), so a
 * slash at its end counts. Plain http would let whoever is on the way replace the provider's keys.
 */
export function issuer(options: { development: boolean }) {
  // Discovery 1.0, section 3: an issuer has no query and no fragment.
  return urlWithoutQuery(options);
}

/** Where something is reached, without the slash that may stand at its end: paths are put behind it. */
export function publicUrl(options: { development: boolean }) {
  return urlWithoutQuery(options).transform((text) => text.replace(/\/+$/, ""));
}

function urlWithoutQuery(options: { development: boolean }) {
  return z.string().superRefine((text, context) => {
    const query = /[?#]/.test(text) ? "this URL has no query (?) and no fragment (#)" : undefined;
    const message = httpsComplaint(text, options) ?? query;
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });
}
