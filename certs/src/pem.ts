import { X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { GatehouseError, messageOf } from "@gatehouse/core";

const LARGEST_FILE = 1024 * 1024;

/**
 * Reads a PEM file of at most 1 MiB.
 * @throws GatehouseError CERTIFICATE_INVALID
 */
export async function readPem(path: string): Promise<string> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new Error("not a file");
    if (found.size > LARGEST_FILE) throw new Error(`${found.size} bytes are more than a PEM file has`);
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new GatehouseError("CERTIFICATE_INVALID", `${path} could not be read: ${messageOf(cause)}.`, {
      hint: "Check the path, and that this user may read the file.",
      cause,
    });
  }
}

/**
 * Every certificate of a PEM text (RFC 7468), in order: a leaf comes before those that vouch for it.
 * @param name what an error calls the text: its file
 * @throws GatehouseError CERTIFICATE_INVALID when there is none, or one of them is cut short or damaged
 */
export function parseCertificates(pem: string, name: string): [X509Certificate, ...X509Certificate[]] {
  try {
    const [first, ...others] = certificateBlocks(pem).map((block) => new X509Certificate(block));
    if (first === undefined) throw new Error("it holds no PEM certificate");
    return [first, ...others];
  } catch (cause) {
    throw new GatehouseError(
      "CERTIFICATE_INVALID",
      `${name} is not a whole certificate file: ${messageOf(cause)}. It is not used.`,
      {
        hint: "Give the certificate in PEM form, followed by those that vouch for it, where there are any.",
        cause,
      },
    );
  }
}

/** OpenSSL overlooks a last block that was cut short, so a half-written file is found here, line by line. */
function certificateBlocks(pem: string): string[] {
  const blocks: string[] = [];
  let open: { readonly label: string; readonly lines: string[] } | undefined;
  for (const line of pem.split(/\r?\n/)) {
    const boundary = /^-----(BEGIN|END) ([A-Z0-9 ]{1,64})-----\s*$/.exec(line);
    open?.lines.push(line);
    if (boundary === null) {
      if (line.startsWith("-")) throw new Error("a line of it is cut short");
    } else if (boundary[1] === "BEGIN" && open === undefined) {
      open = { label: boundary[2] ?? "", lines: [line] };
    } else if (boundary[1] === "END" && open?.label === boundary[2]) {
      if (open?.label === "CERTIFICATE") blocks.push(open.lines.join("\n"));
      open = undefined;
    } else {
      throw new Error("its BEGIN and END lines do not pair");
    }
  }
  if (open !== undefined) throw new Error("it ends before its END line");
  return blocks;
}
