import { z } from "zod";

const LOOPBACK = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/;

/**
 * An issuer's URL, kept letter by letter: `iss` must equal it (OpenID Connect Discovery 1.0, section 4.3), so a
 * slash at its end counts. Plain http would let whoever is on the way replace the provider's keys.
 */
export function issuer(options: { development: boolean }) {
  return z.string().superRefine((text, context) => {
    const message = complaint(text, options.development);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });
}

function complaint(text: string, development: boolean): string | undefined {
  const url = URL.parse(text);
  if (url?.protocol !== "https:" && url?.protocol !== "http:") return "expected an https:// URL";
  if (url.username !== "" || url.password !== "") return "an issuer holds no user name and no password";
  // Discovery 1.0, section 3: an issuer has no query and no fragment.
  if (/[?#]/.test(text)) return "an issuer has no query (?) and no fragment (#)";
  if (url.protocol === "https:") return undefined;
  if (!LOOPBACK.test(url.hostname)) return "expected an https:// URL; http:// is for loopback alone";
  return development ? undefined : "expected an https:// URL (http:// on loopback needs `development: true`)";
}
