import { readFile, stat } from "node:fs/promises";

/** Above this no config is parsed anyway; a file that never ends is not even read. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The file's text, or why there is none and what to do. */
export async function readConfigFile(
  file: string,
): Promise<{ readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string }> {
  try {
    const status = await stat(file);
    if (!status.isFile()) return { ok: false, message: "this is not a file; name a gatehouse.yaml" };
    if (status.size > MAX_BYTES) return { ok: false, message: "the file is larger than 1 MiB; no config is" };
    const bytes = await readFile(file);
    return { ok: true, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch (error) {
    return { ok: false, message: reason(error) };
  }
}

function reason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
  switch (code) {
    case "ENOENT":
      return "there is no such file; name another, or write one (docs/configuration.md has an example)";
    case "ERR_ENCODING_INVALID_ENCODED_DATA":
      return "the file is not UTF-8 text; save it as UTF-8";
    default:
      return `the file can't be read (${code}); make it readable for the gateway's user`;
  }
}
