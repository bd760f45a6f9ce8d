import { formatAddress, type SettingsIssue } from "@gatehouse/core";
import type { ConfigProtocol } from "./config.ts";
import { address } from "@gatehouse/documents";
import { exampleOf } from "./credential-schema.ts";
import { CONTROL_ADDRESS } from "./listeners.ts";
import { each, listOf, mapOf, type Path, readOwn } from "./raw.ts";
import { sharedSshKeys, unknownHolders } from "./ssh-identity.ts";

type File = Readonly<Record<string, unknown>>;

/**
 * What no key says by itself. Read from the file as it stands, so that a mistake elsewhere hides none of these.
 * @param folder the file's
 */
export function crossChecks(
  file: File,
  protocols: readonly ConfigProtocol[],
  folder: string,
): SettingsIssue[] {
  return [
    ...listenersWithoutTls(file, protocols),
    ...plaintextListeners(file, protocols),
    ...sharedAddresses(file),
    ...sharedNames(file),
    ...sharedKeys(file),
    ...sharedSshKeys(file),
    ...sharedAuthorities(file),
    ...unknownProviders(file),
    ...levelsWithoutCredential(file, protocols, folder),
    ...withoutEngine(file),
    ...targetsWithoutTls(file, protocols),
    ...unspokenNames(file),
  ];
}

/** Every listener of the file, with the way to it. */
function listenersOf(file: File): readonly (readonly [File, Path])[] {
  return Object.entries(mapOf(file["listeners"])).flatMap(([name, written]) =>
    each(written, ["listeners", name]).map(([listener, path]) => [mapOf(listener), path] as const),
  );
}

function spokenBy(name: unknown, protocols: readonly ConfigProtocol[]): ConfigProtocol | undefined {
  return protocols.find((protocol) => protocol.name === name);
}

function listenersWithoutTls(file: File, protocols: readonly ConfigProtocol[]): SettingsIssue[] {
  if (file["tls"] !== undefined) return [];
  return listenersOf(file)
    .filter(([, [, name]]) => name === "control" || spokenBy(name, protocols)?.security === "tls")
    .filter(([listener]) => listener["tls"] === undefined)
    .map(([, path]) => ({
      path,
      atKey: true,
      message:
        "this listener has no certificate: write `tls: { cert: file:PATH, key: file:PATH }` here, or at the top for all",
    }));
}

/** Plaintext is for Unix sockets, and there it has to be written: what it costs must be seen where it is paid. */
function plaintextListeners(file: File, protocols: readonly ConfigProtocol[]): SettingsIssue[] {
  const listeners = listenersOf(file).filter(
    ([, [, name]]) => name !== "control" && spokenBy(name, protocols)?.security !== "own",
  );
  return listeners.flatMap(([{ address: written, tls }, path]) =>
    each(written, [...path, "address"]).flatMap(([value, at]) => {
      const parsed = address().safeParse(value);
      if (!parsed.success || "socket" in parsed.data === (tls === "off")) return [];
      const message =
        tls === "off"
          ? "`tls: off` is for Unix sockets alone (unix:/PATH): give this address a listener of its own, with TLS"
          : "clients speak no TLS over a Unix socket: write `tls: off` beside it, in a listener of its own";
      return [{ path: at, message }];
    }),
  );
}

function sharedAddresses(file: File): SettingsIssue[] {
  const seen = new Set<string>();
  return listenersOf(file).flatMap(([listener, path]) => {
    const written = listener["address"] ?? (path[1] === "control" ? CONTROL_ADDRESS : undefined);
    return each(written, [...path, "address"]).flatMap(([value, at]) => {
      const parsed = address().safeParse(value);
      if (!parsed.success) return [];
      // Port 0 is another free port each time.
      if ("port" in parsed.data && parsed.data.port === 0) return [];
      const text = formatAddress(parsed.data);
      // Host names don't differ by case; files do.
      const key = "port" in parsed.data ? text.toLowerCase() : text;
      if (!seen.has(key)) {
        seen.add(key);
        return [];
      }
      return [{ path: at, message: "another listener has this address; give each its own" }];
    });
  });
}

function sharedNames(file: File): SettingsIssue[] {
  const approvals = mapOf(file["approvals"]);
  return [
    ...shared(mapOf(file["identity"])["oidc"], ["identity", "oidc"], "provider"),
    ...shared(approvals["webhooks"], ["approvals", "webhooks"], "webhook"),
    ...shared(approvals["callbacks"], ["approvals", "callbacks"], "callback"),
  ];
}

function shared(list: unknown, path: Path, what: string): SettingsIssue[] {
  const message = `another ${what} has this name; give each its own, since events name it`;
  return repeated(list, path, "name", message);
}

/** What one callback was sent could be sent to the other as well, and there speak for other groups. */
function sharedKeys(file: File): SettingsIssue[] {
  const message = "another callback has this secret; give each its own";
  const path = ["approvals", "callbacks"];
  return repeated(mapOf(file["approvals"])["callbacks"], path, "secret", message);
}

/** Where a key of a list's maps has a value that it has had before. */
function repeated(list: unknown, path: Path, key: string, message: string): SettingsIssue[] {
  const seen = new Set<unknown>();
  return listOf(list).flatMap((item, index) => {
    const value = mapOf(item)[key];
    if (value === undefined || !seen.has(value)) {
      seen.add(value);
      return [];
    }
    return [{ path: [...path, index, key], message }];
  });
}

/** Who answers is somebody that a provider knows: the same person, whichever way they come. */
function unknownProviders(file: File): SettingsIssue[] {
  const known = new Set(listOf(mapOf(file["identity"])["oidc"]).map((provider) => mapOf(provider)["name"]));
  const callbacks = listOf(mapOf(file["approvals"])["callbacks"]);
  const holders = unknownHolders(file, known);
  const speakers = callbacks.flatMap((callback, index) => {
    const path = ["approvals", "callbacks", index];
    const people = Object.entries(mapOf(mapOf(callback)["people"]));
    return [
      [callback, path] as const,
      ...people.map(([id, person]) => [person, [...path, "people", id]] as const),
    ]
      .map(([holder, at]) => [mapOf(holder)["provider"], [...at, "provider"]] as const)
      .filter(([provider]) => provider !== undefined && !known.has(provider))
      .map(([, at]) => ({ path: at, message: "no provider under `identity.oidc` has this name" }));
  });
  return [...speakers, ...holders];
}

function levelsWithoutCredential(
  file: File,
  protocols: readonly ConfigProtocol[],
  folder: string,
): SettingsIssue[] {
  return Object.entries(mapOf(file["targets"])).flatMap(([name, target]) => {
    if (mapOf(target)["credential"] !== undefined) return [];
    const spoken = spokenBy(mapOf(target)["protocol"], protocols);
    const example = spoken ? exampleOf(spoken) : "`credential: { user: NAME, password: env:NAME }`";
    return Object.entries(mapOf(mapOf(target)["levels"]))
      .filter(([, level]) => mapOf(level)["credential"] === undefined)
      .map(([level, written]): SettingsIssue => {
        const at = { path: ["targets", name, "levels", level], atKey: true } as const;
        if (spoken && mints(written, spoken, folder)) {
          const message = `the users of this level's sessions are made by the target's own credential, and the target has none: write ${example} beside \`levels\``;
          return { ...at, message };
        }
        const message = `this level has no credential: write ${example} here, or at the target for all its levels`;
        return { ...at, message };
      });
  });
}

/** What a secrets engine has, in a file that has no engine. */
function withoutEngine(file: File): SettingsIssue[] {
  if (file["vault"] !== undefined) return [];
  const approvals = mapOf(file["approvals"]);
  const identity = mapOf(file["identity"]);
  const references = [
    [mapOf(identity["ssh"])["authority"], ["identity", "ssh", "authority"]] as const,
    ...listOf(identity["oidc"]).map(
      (provider, index) =>
        [
          mapOf(mapOf(provider)["device"])["clientSecret"],
          ["identity", "oidc", index, "device", "clientSecret"],
        ] as const,
    ),
    ...credentialsOf(file).flatMap(([credential, path]) => [
      ...["password", "key", "authority"].map((key) => [credential[key], [...path, key]] as const),
      // A level's, by which the engine issues one.
      ...(credential["vault"] === undefined ? [] : [["vault:", [...path, "vault"]] as const]),
    ]),
    ...listOf(approvals["webhooks"]).flatMap((hook, index) =>
      ["url", "secret"].map((key) => [mapOf(hook)[key], ["approvals", "webhooks", index, key]] as const),
    ),
    ...listOf(approvals["callbacks"]).map(
      (callback, index) => [mapOf(callback)["secret"], ["approvals", "callbacks", index, "secret"]] as const,
    ),
  ];
  return references
    .filter(([written]) => typeof written === "string" && written.startsWith("vault:"))
    .map(([, path]) => ({
      path,
      message:
        "this needs a secrets engine, and the file has none: write `vault: { address: https://HOST:8200, token: file:PATH }` at the top",
    }));
}

/**
 * A certificate that proves somebody to the gateway would let them in at the targets, past the gateway, as whatever user is
 * called as they are.
 */
function sharedAuthorities(file: File): SettingsIssue[] {
  const users = mapOf(mapOf(file["identity"])["ssh"])["authority"];
  return credentialsOf(file)
    .filter(([{ authority }]) => authority !== undefined && authority === users)
    .map(([, path]) => ({
      path: [...path, "authority"],
      message:
        "`identity.ssh` has this authority, whose certificates are in people's hands: give targets one of their own",
    }));
}

/** Every credential of the file, the targets' and the levels', with the way to it. */
function credentialsOf(file: File): readonly (readonly [File, Path])[] {
  return Object.entries(mapOf(file["targets"])).flatMap(([name, target]) =>
    [
      [mapOf(target), ["targets", name]] as const,
      ...Object.entries(mapOf(mapOf(target)["levels"])).map(
        ([level, own]) => [mapOf(own), ["targets", name, "levels", level]] as const,
      ),
    ].map(([holder, path]) => [mapOf(holder["credential"]), [...path, "credential"]] as const),
  );
}

/** Whether each session of a level has a user of its own, as far as the level can be read. */
function mints(level: unknown, { levelSettings, minting }: ConfigProtocol, folder: string): boolean {
  const read = readOwn(levelSettings, level, folder);
  return read.ok && minting?.mints(read.value) === true;
}

/** What can't be without TLS, at a target that has none, and what can't be with it, at one that has. */
function targetsWithoutTls(file: File, protocols: readonly ConfigProtocol[]): SettingsIssue[] {
  return Object.entries(mapOf(file["targets"])).flatMap(([name, target]) => {
    const { address: written, tls, levels, ...keys } = mapOf(target);
    if (spokenBy(keys["protocol"], protocols)?.security === "own") return [];
    const path = ["targets", name];
    if (tls !== "off" && mapOf(tls)["mode"] !== "off") return socketsWithTls(written, [...path, "address"]);
    const credentials = [
      [keys["credential"], path] as const,
      ...Object.entries(mapOf(levels)).map(
        ([level, own]) => [mapOf(own)["credential"], [...path, "levels", level]] as const,
      ),
    ];
    return credentials
      .filter(([credential]) => mapOf(credential)["certificate"] !== undefined)
      .map(([, at]) => ({
        path: [...at, "credential", "certificate"],
        atKey: true,
        message:
          "a certificate is shown in TLS, which `tls: off` turns off: remove it, or use verify-full or verify-ca",
      }));
  });
}

function socketsWithTls(written: unknown, path: Path): SettingsIssue[] {
  return each(written, path).flatMap(([value, at]) => {
    const parsed = address().safeParse(value);
    if (!parsed.success || "port" in parsed.data) return [];
    return [
      {
        path: at,
        message:
          "there is no TLS over a Unix socket: write `tls: off` beside it; it holds for all the target's addresses",
      },
    ];
  });
}

/** The schema's maps pass over `__proto__` without a word, so the word is said here. */
function unspokenNames(file: File): SettingsIssue[] {
  const targets = mapOf(file["targets"]);
  const levels = Object.entries(targets).map(([name, target]) => ({
    path: ["targets", name, "levels"],
    map: mapOf(mapOf(target)["levels"]),
  }));
  const own = { path: ["detectors"], map: mapOf(file["detectors"]) };
  const people = listOf(mapOf(file["approvals"])["callbacks"]).map((callback, index) => ({
    path: ["approvals", "callbacks", index, "people"],
    map: mapOf(mapOf(callback)["people"]),
  }));
  return [{ path: ["targets"], map: targets }, ...levels, own, ...people]
    .filter(({ map }) => Object.hasOwn(map, "__proto__"))
    .map(({ path }) => ({
      path: [...path, "__proto__"],
      atKey: true,
      message: "expected a name: a letter, then up to 62 letters, digits, _ or -",
    }));
}
