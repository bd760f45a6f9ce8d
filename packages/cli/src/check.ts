import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { watchCertificate } from "@gatehouse/certs";
import { type Config, checkSecrets, type ListenerTls } from "@gatehouse/config";
import { type Address, formatAddress, messageOf } from "@gatehouse/core";
import { type Configuration, loadConfiguration, loadProtocols, type WayCheck } from "@gatehouse/gateway";
import { printWay, tryWays } from "./check-targets.ts";
import { Failed, paint, print, printError, printJson, printProblems, table } from "./output.ts";

/** Reads config and policies as `serve` would. @throws Failed with the problems printed */
export async function readConfiguration(file: string, json: boolean): Promise<Configuration> {
  const protocols = loadProtocols();
  const result = await loadConfiguration(file, protocols, () => undefined);
  await Promise.all(protocols.map((protocol) => protocol.dispose()));
  if (result.ok) return result.configuration;
  printProblems(result.problems, json, "nothing was loaded");
  throw new Failed();
}

export interface CheckOptions {
  readonly config: string;
  readonly json: boolean;
  /** Tries the ways into all targets, too. */
  readonly targets: boolean;
}

/** `gatehouse check`: everything that `serve` needs, without serving. */
export async function check({ config: file, json, targets: tryTargets }: CheckOptions): Promise<void> {
  const configuration = await readConfiguration(file, json);
  const { config, policies, summaries } = configuration;
  const missing = [
    ...(await checkSecrets(config)).map(({ of, message }) => `${of}: ${message}`),
    ...(await checkCertificates(config)),
    ...(await checkAuthorities(config)),
  ];
  if (json) {
    const ways: WayCheck[] = [];
    const usable = !tryTargets || (await tryWays(configuration, (way) => ways.push(way)));
    printJson({
      ok: missing.length === 0 && usable,
      policyVersion: policies.version,
      targets: [...config.targets.keys()],
      policies: summaries,
      missing,
      ...(tryTargets ? { ways } : {}),
    });
    if (!usable) throw new Failed();
  } else {
    const mark = missing.length === 0 ? paint("green", "✔") : paint("red", "✘");
    print(`${mark} ${file}, policies ${policies.version}`);
    print(
      table(
        [
          ...listenersOf(config).map(({ name, addresses, tls }) => [
            "listener",
            name,
            `${listOf(addresses)}${tls === "off" ? ", without TLS" : ""}`,
          ]),
          ...[...config.targets.values()].map(({ name, protocol, addresses, tls, levels }) => [
            "target",
            name,
            `${protocol} at ${listOf(addresses)}${tls.mode === "off" ? ", without TLS" : ""}, levels ${[...levels.keys()].join(", ")}`,
          ]),
          ...summaries.map(({ title, file: path, rules }) => ["policy", title, `${rules} rules, ${path}`]),
        ],
        "  ",
      ),
    );
    for (const message of missing) printError(`${paint("red", "✘", process.stderr)} ${message}`);
    if (tryTargets && !(await tryWays(configuration, printWay))) throw new Failed();
  }
  if (missing.length > 0) throw new Failed();
}

interface NamedListener {
  readonly name: string;
  readonly addresses: readonly Address[];
  readonly tls: ListenerTls | "off" | "own";
}

/** The protocols' listeners and the control plane's. */
function listenersOf({ listeners, control }: Config): NamedListener[] {
  return [
    ...[...listeners].flatMap(([name, its]) => its.map((listener) => ({ name, ...listener }))),
    ...(control ? [{ name: "control", addresses: [control.address], tls: control.tls }] : []),
  ];
}

function listOf(addresses: readonly Address[]): string {
  return addresses.map(formatAddress).join(", ");
}

async function checkCertificates(config: Config): Promise<string[]> {
  const problems: string[] = [];
  const silent = () => undefined;
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  for (const { name, tls } of listenersOf(config)) {
    if (typeof tls === "string") continue;
    try {
      const { cert, key, clients } = tls;
      (await watchCertificate({ cert, key, ...(clients ? { ca: clients.ca } : {}), log })).close();
    } catch (error) {
      problems.push(`listener ${name}: ${messageOf(error)}`);
    }
  }
  return problems;
}

/** The CA files of targets, providers and webhooks: at a log-in it would be too late to find out. */
async function checkAuthorities(config: Config): Promise<string[]> {
  const files = [
    ...[...config.targets.values()].map(({ name, tls }) => ({
      of: `target ${name}`,
      ca: "ca" in tls ? tls.ca : undefined,
    })),
    ...config.identity.oidc.map(({ name, ca }) => ({ of: `provider ${name}`, ca })),
    ...config.approvals.webhooks.map(({ name, ca }) => ({ of: `webhook ${name}`, ca })),
  ];
  const problems: string[] = [];
  for (const { of, ca } of files) {
    if (ca === undefined) continue;
    try {
      new X509Certificate(await readFile(ca));
    } catch (error) {
      problems.push(`${of}: its CA file can't be used: ${messageOf(error)}`);
    }
  }
  return problems;
}
