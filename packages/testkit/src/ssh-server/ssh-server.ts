import { once } from "node:events";
import { timingSafeEqual } from "node:crypto";
import ssh2, { type Connection, type PublicKeyAuthContext, type ServerChannel, type Session } from "ssh2";
import { serveFolder } from "./sftp-folder.ts";
import { SmallShell } from "./small-shell.ts";

const { Server, utils } = ssh2;

export interface SshServerOptions {
  /** The private host key, in OpenSSH's form or PEM. */
  readonly hostKey: string;
  /** The one public key that gets in, as `ssh-ed25519 AAAA...`. */
  readonly authorizedKey: string;
  readonly user: string;
  /** What its shell and its SFTP have for `/`. */
  readonly folder: string;
  readonly port?: number;
}

/** A server of somebody else's making (ssh2), for where no sshd is: commands of a small shell, a prompt, SFTP in one folder. */
export interface SshServer {
  readonly port: number;
  /** The command lines that it was given, in order. */
  readonly ran: readonly string[];
  stop(): Promise<void>;
}

export async function startSshServer(options: SshServerOptions): Promise<SshServer> {
  const ran: string[] = [];
  const connections = new Set<Connection>();
  const server = new Server({ hostKeys: [options.hostKey] }, (connection, { ip: _ }) => {
    connections.add(connection);
    connection.on("close", () => connections.delete(connection));
    // A peer that resets the connection: whoever uses it learns of it.
    connection.on("error", () => connection.end());
    letIn(connection, options);
    connection.on("ready", () => {
      connection.on("session", (accept) => serveSession(accept(), options, ran));
    });
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    port,
    ran,
    async stop() {
      for (const connection of connections) connection.end();
      server.close();
      await once(server, "close");
    },
  };
}

function letIn(connection: Connection, { authorizedKey, user }: SshServerOptions): void {
  const allowed = utils.parseKey(authorizedKey);
  if (allowed instanceof Error) throw allowed;
  const known = allowed.getPublicSSH();
  const proves = ({ key: { data }, signature, blob, hashAlgo }: PublicKeyAuthContext): boolean => {
    if (data.length !== known.length || !timingSafeEqual(data, known)) return false;
    // ssh2 leaves it to its server to look at the signature.
    return signature === undefined || (blob !== undefined && allowed.verify(blob, signature, hashAlgo));
  };
  connection.on("authentication", (context) => {
    if (context.method === "publickey" && context.username === user && proves(context)) context.accept();
    else context.reject(["publickey"]);
  });
}

function serveSession(session: Session, { folder, user }: SshServerOptions, ran: string[]): void {
  const shell = new SmallShell(folder, user);
  // Who wants no answer gets none: there is nothing to call then, whatever the types say.
  const accepts = (accept?: () => unknown) => {
    accept?.();
  };
  session.on("pty", accepts);
  session.on("window-change", accepts);
  session.on("env", accepts);
  session.on("sftp", (accept) => serveFolder(accept(), folder));
  session.on("exec", (accept, _, { command }) => {
    const channel = accept();
    ran.push(command);
    void shell.run(command).then(({ status, out, err }) => {
      channel.stderr.write(err);
      channel.write(out);
      channel.exit(status);
      channel.end();
    });
  });
  session.on("shell", (accept) => prompt(accept(), shell, ran));
}

/** A line at a time, with its own echo. */
function prompt(channel: ServerChannel, shell: SmallShell, ran: string[]): void {
  let line = "";
  let turn: Promise<void> = Promise.resolve();
  const ask = () => channel.write("$ ");
  const end = (status: number) => {
    channel.exit(status);
    channel.end();
  };
  channel.on("data", (bytes: Buffer) => {
    for (const character of bytes.toString("utf8")) {
      if (character === "\u0004" && line === "") {
        end(0);
        return;
      }
      if (character === "\u007f") {
        if (line !== "") channel.write("\b \b");
        line = line.slice(0, -1);
        continue;
      }
      if (character !== "\r" && character !== "\n") {
        channel.write(character);
        line += character;
        continue;
      }
      channel.write("\r\n");
      const command = line;
      line = "";
      turn = turn.then(async () => {
        if (command.trim() === "exit") {
          end(0);
          return;
        }
        ran.push(command);
        const { out, err } = await shell.run(command);
        channel.write((err + out).replaceAll("\n", "\r\n"));
        ask();
      });
    }
  });
  channel.on("error", () => undefined);
  ask();
}
