import { readFile } from "node:fs/promises";
import ssh2, { type Client, type ConnectConfig } from "ssh2";
import type { Demo } from "./environment.ts";

/** Who comes: a person by their key, or an agent by its token. */
export type Visitor = "dana" | "crew-ops";

/** How a command ended, and what it wrote. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A client of somebody else's making (ssh2), logged in at `web`. It takes no host key but the gateway's. */
export async function atWeb<T>(
  demo: Demo,
  visitor: Visitor,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const { variables } = demo;
  const { GATEHOUSE_SSH_HOST: host = "", GATEHOUSE_SSH_PORT: port, GATEHOUSE_SSH_KEY: key = "" } = variables;
  const known = await readFile(variables["GATEHOUSE_KNOWN_HOSTS"] ?? "", "utf8");
  const proof: ConnectConfig =
    visitor === "dana" ? { privateKey: await readFile(key) } : { password: variables["WRITER_TOKEN"] ?? "" };
  const client = new ssh2.Client();
  try {
    await new Promise<void>((resolve, reject) => {
      client.once("ready", resolve);
      client.once("error", reject);
      client.connect({
        ...{ host, port: Number(port), username: "deploy@web" },
        hostVerifier: (shown: Buffer) => known.includes(shown.toString("base64")),
        ...proof,
      });
    });
    return await use(client);
  } finally {
    // What is said of its end is for nobody.
    client.on("error", () => undefined);
    client.end();
  }
}

/** Runs a command to its end. @param began is called when it has said something on its standard error */
export function run(client: Client, command: string, began?: (text: string) => void): Promise<Ended> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) {
        reject(error);
        return;
      }
      let out = "";
      let err = "";
      let code: number | null = null;
      channel.on("data", (bytes: Buffer) => {
        out += bytes.toString();
      });
      channel.stderr.on("data", (bytes: Buffer) => {
        err += bytes.toString();
        began?.(err);
      });
      channel.on("exit", (status: number | null) => {
        code = status;
      });
      channel.on("close", () => resolve({ code, out, err }));
    });
  });
}

/** Types lines into a shell, and gives what its terminal has shown in the end. */
export function type(client: Client, lines: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    client.shell({ term: "xterm", cols: 80, rows: 24 }, (error, channel) => {
      if (error) {
        reject(error);
        return;
      }
      let shown = "";
      channel.on("data", (bytes: Buffer) => {
        shown += bytes.toString();
      });
      channel.on("close", () => resolve(shown));
      channel.end(lines.map((line) => `${line}\r`).join(""));
    });
  });
}

/** Puts a file there. */
export function upload(client: Client, path: string, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    client.sftp((error, sftp) => {
      if (error) reject(error);
      else sftp.writeFile(path, text, (failed) => (failed ? reject(failed) : resolve()));
    });
  });
}

/** Fetches a file. */
export function download(client: Client, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    client.sftp((error, sftp) => {
      if (error) reject(error);
      else sftp.readFile(path, (failed, bytes) => (failed ? reject(failed) : resolve(bytes.toString())));
    });
  });
}
