const LOOPBACK = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/;

/**
 * Why a text is no URL that may be relied on, in words that don't repeat it; undefined where it is one. Over plain http
 * whoever is on the way could read along and answer, so that it is for loopback, and for development.
 */
export function httpsComplaint(text: string, options: { development: boolean }): string | undefined {
  const url = URL.parse(text);
  if (url?.protocol !== "https:" && url?.protocol !== "http:") return "expected an https:// URL";
  if (url.username !== "" || url.password !== "") return "this URL holds no user name and no password";
  if (url.protocol === "https:") return undefined;
  if (!LOOPBACK.test(url.hostname)) return "expected an https:// URL; http:// is for loopback alone";
  return options.development
    ? undefined
    : "expected an https:// URL (http:// on loopback needs `development: true`)";
}
