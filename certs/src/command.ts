import type { X509Certificate } from "node:crypto";
import { parseArgs } from "node:util";
import { GatehouseError, messageOf } from "@gatehouse/core";
import { createAuthority } from "./authority.ts";
import type { CertificateUse } from "./extensions.ts";
import { readAuthority, writeAuthority, writePair } from "./files.ts";
import { parseCertificates, readPem } from "./pem.ts";
import { certificateTable } from "./show.ts";
import { makeSshKey } from "./ssh-key.ts";

const USAGE = `The project's certificate authority.

Usage:
  certs init --dir DIR [--name NAME]
      Makes an authority: DIR/ca.crt, for clients to trust, and DIR/ca.key, to keep to yourself.
  certs issue --dir DIR --server NAME [--host HOST ...]
      Issues DIR/NAME.crt and DIR/NAME.key for a server that clients reach as HOST: a DNS name or an
      IP address, given once for each. Without --host it is NAME.
  certs issue --dir DIR --client NAME
      Issues DIR/NAME.crt and DIR/NAME.key for a client that is called NAME.
  certs ssh-authority FILE
      Makes an SSH authority's key: FILE, for the gateway, and FILE.pub, for those who are to trust it.
      One for users' keys and one for targets are two keys: make each its own.
  certs show FILE...
      Lists the certificates in PEM files: subject, names, use, until, days left.

Exit code: 0, or 1 when something failed, or 2 when the command line is wrong.
`;

/** What a run of the command has to do with the world. */
export interface CommandContext {
  readonly out: NodeJS.WritableStream;
  readonly err: NodeJS.WritableStream;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A command line that says too little or too much. */
class UsageError extends Error {}

/**
 * Runs `certs` with its arguments. Failures are printed, never thrown.
 * @returns the exit code: 0, 1 (failed) or 2 (usage)
 */
export async function runCerts(args: readonly string[], context: CommandContext): Promise<0 | 1 | 2> {
  const [command, ...rest] = args;
  try {
    if (args.includes("--help") || args.includes("-h")) {
      context.out.write(USAGE);
      return 0;
    }
    switch (command) {
      case "init":
        return await init(rest, context);
      case "issue":
        return await issue(rest, context);
      case "ssh-authority":
        return await sshAuthority(rest, context);
      case "show":
        return await show(rest, context);
      case undefined:
        throw new UsageError("No command was given.");
      default:
        throw new UsageError(`There is no command ${JSON.stringify(command)}.`);
    }
  } catch (thrown) {
    if (thrown instanceof UsageError) {
      context.err.write(`${thrown.message}\n\`certs --help\` says what there is.\n`);
      return 2;
    }
    printFailure(thrown, context);
    return 1;
  }
}

async function init(args: string[], { out, now }: CommandContext): Promise<0> {
  const { dir, name = "Gatehouse CA" } = parsed(() =>
    parseArgs({ args, options: { dir: { type: "string" }, name: { type: "string" } } }),
  ).values;
  const authority = await createAuthority({ name, now });
  const files = await writeAuthority(required(dir, "--dir DIR"), authority);
  out.write(`${files.cert}: the authority's certificate, for clients to trust\n`);
  out.write(`${files.key}: its private key; whoever reads it can be anyone\n`);
  return 0;
}

async function issue(args: string[], { out, now }: CommandContext): Promise<0> {
  const { values } = parsed(() =>
    parseArgs({
      args,
      options: {
        dir: { type: "string" },
        server: { type: "string" },
        client: { type: "string" },
        host: { type: "string", multiple: true },
      },
    }),
  );
  const dir = required(values.dir, "--dir DIR");
  if ((values.server === undefined) === (values.client === undefined)) {
    throw new UsageError("Give either --server NAME or --client NAME.");
  }
  if (values.client !== undefined && values.host !== undefined) {
    throw new UsageError("--host goes with --server: a client has no address to be reached at.");
  }
  const use: CertificateUse = values.server === undefined ? "client" : "server";
  const name = required(values.server ?? values.client, "NAME");
  const names = use === "client" ? [] : (values.host ?? [name]);
  const authority = await readAuthority(dir);
  const pair = await authority.issue({ use, commonName: name, names, now });
  const files = await writePair(dir, name, pair);
  const until = new Date(pair.notAfter).toISOString().slice(0, 10);
  out.write(`${files.cert}: the ${use}'s certificate, valid until ${until}\n`);
  out.write(`${files.key}: its private key\n`);
  return 0;
}

async function sshAuthority(args: string[], { out }: CommandContext): Promise<0> {
  const { positionals } = parsed(() => parseArgs({ args, options: {}, allowPositionals: true }));
  const [path, ...more] = positionals;
  if (path === undefined || path === "" || more.length > 0) throw new UsageError("Give one file to make.");
  const { fingerprint } = await makeSshKey(path, "gatehouse authority");
  out.write(`${path}: the authority's private key; whoever reads it can certify anyone\n`);
  out.write(`${path}.pub: its public key, ${fingerprint}\n`);
  return 0;
}

async function show(args: string[], context: CommandContext): Promise<0 | 1> {
  const { positionals } = parsed(() => parseArgs({ args, options: {}, allowPositionals: true }));
  if (positionals.length === 0) throw new UsageError("Give the files to show.");
  const certificates: X509Certificate[] = [];
  let failed = false;
  for (const file of positionals) {
    try {
      certificates.push(...parseCertificates(await readPem(file), file));
    } catch (thrown) {
      printFailure(thrown, context);
      failed = true;
    }
  }
  if (certificates.length > 0) {
    context.out.write(certificateTable(certificates, context.now, context.out));
  }
  return failed ? 1 : 0;
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (thrown) {
    throw new UsageError(messageOf(thrown));
  }
}

function required(value: string | undefined, what: string): string {
  if (value === undefined || value === "") throw new UsageError(`${what} is missing.`);
  return value;
}

function printFailure(thrown: unknown, { err }: CommandContext): void {
  err.write(`${messageOf(thrown)}\n`);
  if (thrown instanceof GatehouseError && thrown.hint !== undefined) err.write(`${thrown.hint}\n`);
}
