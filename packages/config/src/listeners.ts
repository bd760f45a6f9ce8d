import type { Address, ClientCertificates, SettingsIssue, TcpAddress } from "@gatehouse/core";
import { address, filePath, misplaced, oneOrMore, tcpAddress } from "@gatehouse/documents";
import { z } from "zod";
import type { ConfigProtocol, ControlConfig, ListenerConfig, ListenerTls } from "./config.ts";
import { each, mapOf, passing, readOwn } from "./raw.ts";
import { protectsItself, type Reading } from "./target-schema.ts";

/** The default address of the control plane. */
export const CONTROL_ADDRESS = "127.0.0.1:8444";

const OWN = "This listener's certificate, where it is not the common one";

/** A listener's certificate. */
export function certificate({ folder }: Reading) {
  return z.strictObject({
    cert: filePath(folder).describe("The certificate chain (PEM)"),
    key: filePath(folder).describe("The private key (PEM)"),
    clients: z
      .strictObject({
        ca: filePath(folder).describe("The authorities of clients' certificates (PEM)"),
        certificate: z
          .enum(["required", "optional"] satisfies ClientCertificates[])
          .default("required")
          .describe("Whether a client without a certificate is let on to prove itself"),
      })
      .exactOptional()
      .describe("Clients are asked for certificates, beside what proves who they are"),
  });
}

/** The listeners without the protocols' own keys, which pass (`readListenerSettings`). */
export function listeners(reading: Reading, protocols: readonly ConfigProtocol[]) {
  const control = z.strictObject({
    address: tcpAddress().prefault(CONTROL_ADDRESS).describe("host:port"),
    tls: certificate(reading).exactOptional().describe(OWN),
  });
  return z.strictObject({
    ...Object.fromEntries(
      protocols.map((protocol) => [protocol.name, oneOrMore(listener(reading, protocol)).exactOptional()]),
    ),
    control: control.exactOptional(),
  });
}

function listener(reading: Reading, { name, security, listenerSettings }: ConfigProtocol) {
  const tls = z
    .union([certificate(reading), z.literal("off")])
    .describe(`${OWN}; \`off\` is plaintext, for Unix sockets alone`);
  return z.strictObject({
    ...passing(listenerSettings.keys),
    address: oneOrMore(address()).describe("host:port or unix:/PATH, or a list of them"),
    tls: (security === "own" ? misplaced(protectsItself(name)) : tls).exactOptional(),
  });
}

/** What the protocols have read of their own keys, listener by listener, by the protocol's name. */
export type ListenerSettings = ReadonlyMap<string, readonly unknown[]>;

/** @param raw the file's `listeners`, of whatever form */
export function readListenerSettings(
  raw: unknown,
  { folder }: Reading,
  protocols: readonly ConfigProtocol[],
): { settings: ListenerSettings; issues: SettingsIssue[] } {
  const issues: SettingsIssue[] = [];
  const settings = new Map<string, readonly unknown[]>();
  for (const { name, listenerSettings } of protocols) {
    const written = mapOf(raw)[name];
    if (written === undefined) continue;
    const read = each(written, ["listeners", name]).map(([value, path]) => {
      const result = readOwn(listenerSettings, value, folder);
      if (result.ok) return result.value;
      issues.push(...result.issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] })));
      return undefined;
    });
    settings.set(name, read);
  }
  return { settings, issues };
}

/** The protocols' listeners as the schema has read them. */
type Listeners = Readonly<
  Record<
    string,
    | readonly { readonly address: readonly [Address, ...Address[]]; readonly tls?: ListenerTls | "off" }[]
    | undefined
  >
>;

/**
 * Each listener with its own certificate or the common one, where its protocol needs any. One without is an issue
 * (`cross-checks.ts`).
 */
export function listenersOf(
  listeners: Listeners,
  common: ListenerTls | undefined,
  protocols: readonly ConfigProtocol[],
  settings: ListenerSettings,
): Map<string, readonly ListenerConfig[]> {
  const complete = new Map<string, readonly ListenerConfig[]>();
  for (const { name, security } of protocols) {
    const own = settings.get(name);
    const secured = (listeners[name] ?? []).flatMap(({ address, tls = common }, index) => {
      const used = security === "own" ? security : tls;
      return used === undefined ? [] : [{ addresses: address, tls: used, settings: own?.[index] }];
    });
    if (secured.length > 0) complete.set(name, secured);
  }
  return complete;
}

/** The control plane's listener, likewise. */
export function controlOf(
  control: { readonly address: TcpAddress; readonly tls?: ListenerTls } | undefined,
  common: ListenerTls | undefined,
): { readonly control?: ControlConfig } {
  const tls = control?.tls ?? common;
  return control && tls ? { control: { address: control.address, tls } } : {};
}
