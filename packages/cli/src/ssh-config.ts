import { homedir } from "node:os";
import { resolve } from "node:path";
import type { SshBody } from "@gatehouse/api/bodies";
import { GatehouseError } from "@gatehouse/core";
import { withClient } from "./approvals-client.ts";
import { visibleJson } from "./approvals-text.ts";
import { print } from "./output.ts";
import { certificateFile } from "./ssh-files.ts";
import type { SshConfigOptions, Way } from "./ssh-options.ts";

/** A key as known_hosts has it, without its host: a marker that is known here, the type, base64. */
const HOST_KEY = /^(@cert-authority )?([a-z0-9@.-]{1,64} [A-Za-z0-9+/]{16,16384}={0,2})$/;

/** Where ssh finds the gateway. */
interface Gateway {
  readonly host: string;
  readonly port: number;
}

/** `gatehouse ssh-config`: what to put into ssh's config, and what into its known hosts. */
export async function sshConfig(ways: readonly Way[], options: SshConfigOptions): Promise<void> {
  await withClient(options, async (client) => {
    const { hostKeys, port } = await client.ssh();
    const gateway = {
      host: options.host ?? options.url.hostname.replace(/^\[|\]$/g, ""),
      port: portOf(options, port),
    };
    const known = knownHosts(hostKeys, gateway);
    const config = configOf(ways, options, gateway, known.length > 0);
    if (options.json) print(visibleJson({ ...gateway, config: config.join("\n"), knownHosts: known }, 2));
    else for (const line of options.knownHosts ? known : config) print(line);
  });
}

function portOf({ port }: SshConfigOptions, listening: number | undefined): number {
  const found = port ?? listening;
  if (found !== undefined) return found;
  throw new GatehouseError("REQUEST_INVALID", "The gateway does not listen for SSH.", {
    hint: "Where something in front of it does, give --port.",
  });
}

/** What is not of that form is not passed on: ssh would read it. @throws GatehouseError CONTROL_UNREACHABLE */
function knownHosts(hostKeys: SshBody["hostKeys"], { host, port }: Gateway): readonly string[] {
  const name = port === 22 ? host : `[${host}]:${port}`;
  return hostKeys.map((text) => {
    const [found, marker = "", key = ""] = HOST_KEY.exec(text) ?? [];
    if (found === undefined)
      throw new GatehouseError("CONTROL_UNREACHABLE", "A host key of the gateway's can't be read.");
    return `${marker}${name} ${key}`;
  });
}

function configOf(
  ways: readonly Way[],
  { name, identity, knownHostsFile }: SshConfigOptions,
  { host, port }: Gateway,
  isKnown: boolean,
): readonly string[] {
  const key = identity === undefined ? undefined : absolute(identity);
  const common = [
    `    HostName ${host}`,
    `    Port ${port}`,
    ...(key === undefined
      ? []
      : [
          `    IdentityFile ${quoted(key)}`,
          `    CertificateFile ${quoted(certificateFile(key))}`,
          "    IdentitiesOnly yes",
        ]),
    ...(isKnown ? [`    UserKnownHostsFile ${quoted(knownHostsFile)}`, "    StrictHostKeyChecking yes"] : []),
  ];
  return [
    `# For ~/.ssh/config, or a file that it includes. \`ssh LOGIN@TARGET@${name}\``,
    ...(isKnown
      ? [`# The gateway's keys: gatehouse ssh-config --known-hosts > ${quoted(knownHostsFile)}`]
      : []),
    `Host ${name}`,
    ...common,
    ...ways.flatMap(({ login, target }) => [
      "",
      `Host ${target}.${name}`,
      `    User ${login}@${target}`,
      ...common,
    ]),
  ];
}

/** As ssh reads it wherever it is started. */
function absolute(path: string): string {
  return path.startsWith("~/") ? path : resolve(path).replace(`${homedir()}/`, "~/");
}

/** A percent sign begins a token. */
function quoted(path: string): string {
  const plain = path.replaceAll("%", "%%");
  return /\s/.test(plain) ? `"${plain}"` : plain;
}
