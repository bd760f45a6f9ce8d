import { readFile } from "node:fs/promises";
import type { CertificateBody } from "@gatehouse/api/bodies";
import { GatehouseError } from "@gatehouse/core";
import {
  addIdentity,
  type Certificate,
  generatePrivateKey,
  parsePublicKeyLine,
  type PrivateKey,
  type PublicKey,
  readCertificate,
} from "@gatehouse/openssh";
import { withClient } from "./approvals-client.ts";
import { lengthOfTime, visible, visibleJson } from "./approvals-text.ts";
import { Misused, paint, print } from "./output.ts";
import { certificateFile, keyInFile, replace } from "./ssh-files.ts";
import type { CertOptions } from "./ssh-options.ts";

/** A key to be certified, and what becomes of it. */
interface Plan {
  readonly publicKey: PublicKey;
  /** The agent's socket, and the key that goes into it. */
  readonly agent?: { readonly socket: string; readonly key: PrivateKey };
  readonly certificateFile?: string;
  /** What was written already. */
  readonly files: readonly string[];
}

/** `gatehouse ssh-cert`: has a key certified, and puts both where ssh finds them. */
export async function sshCert(options: CertOptions): Promise<void> {
  const { socket } = checked(options);
  await withClient(options, async (client) => {
    const plan = await planOf(options, socket);
    const answer = await client.certify({
      publicKey: plan.publicKey.toString(),
      ...(options.lifetime === undefined ? {} : { lifetime: options.lifetime }),
    });
    const certificate = read(answer, plan.publicKey);
    const left = certificate.validBefore - Date.now();
    if (plan.certificateFile !== undefined)
      await replace(plan.certificateFile, `${answer.certificate} gatehouse\n`);
    if (plan.agent) {
      await addIdentity(plan.agent.socket, {
        key: plan.agent.key,
        certificate,
        comment: `gatehouse ${answer.keyId}`,
        lifetime: Math.max(1, Math.floor(left / 1000)),
      });
    }
    const files = [...plan.files, ...(plan.certificateFile === undefined ? [] : [plan.certificateFile])];
    if (options.json) {
      const { fingerprint } = plan.publicKey;
      print(visibleJson({ ...answer, fingerprint, agent: plan.agent !== undefined, files }, 2));
      return;
    }
    const { keyId, serial, validBefore } = answer;
    print(
      `${paint("green", "✔")} ${visible(keyId)}, for ${lengthOfTime(left)}, until ${visible(validBefore)}`,
    );
    print(`  certificate ${visible(serial)} of ${plan.publicKey.fingerprint}`);
    if (plan.agent) print("  in the agent, until then: ssh LOGIN@TARGET@GATEWAY");
    for (const file of files) print(`  ${visible(file)}`);
  });
}

/** @throws Misused where there would be nowhere for the key, before any is made */
function checked({ out, key, agent }: CertOptions): { readonly socket: string | undefined } {
  if (out !== undefined && key !== undefined)
    throw new Misused("Give --out or --key: the certificate goes beside it.");
  if (key !== undefined && agent === true)
    throw new Misused(
      "An agent wants the private key: with --key the certificate is written beside the public one.",
    );
  const wanted = agent ?? (out === undefined && key === undefined);
  if (!wanted && out === undefined && key === undefined)
    throw new Misused("Without the agent there has to be a file: give --out FILE, or --key FILE.pub.");
  if (!wanted) return { socket: undefined };
  const socket = process.env["SSH_AUTH_SOCK"];
  if (socket === undefined || socket === "")
    throw new Misused("SSH_AUTH_SOCK is not set: start an agent (eval $(ssh-agent)), or give --out FILE.");
  return { socket };
}

async function planOf({ out, key }: CertOptions, socket: string | undefined): Promise<Plan> {
  if (key !== undefined) {
    const publicKey = parsePublicKeyLine(await readFile(key, "utf8")).key;
    return { publicKey, certificateFile: certificateFile(key), files: [] };
  }
  const made =
    out === undefined ? { key: generatePrivateKey("ssh-ed25519"), made: false } : await keyInFile(out);
  return {
    publicKey: made.key.publicKey,
    ...(socket === undefined ? {} : { agent: { socket, key: made.key } }),
    ...(out === undefined ? {} : { certificateFile: certificateFile(out) }),
    files: out === undefined || !made.made ? [] : [out, `${out}.pub`],
  };
}

/** What came is to be a certificate of this key, or ssh would never offer it. */
function read({ certificate }: CertificateBody, publicKey: PublicKey): Certificate {
  const [, base64 = ""] = /^[a-z0-9@.-]+ ([A-Za-z0-9+/]+={0,2})$/.exec(certificate) ?? [];
  const read = readCertificate(Buffer.from(base64, "base64"));
  if (read.publicKey.equals(publicKey)) return read;
  throw new GatehouseError("CERTIFICATE_INVALID", "The control plane has certified another key.");
}
