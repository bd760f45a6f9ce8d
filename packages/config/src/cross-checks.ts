import { formatAddress, type SettingsIssue } from "@gatehouse/core";
import { address } from "@gatehouse/documents";
import { CONTROL_ADDRESS } from "./file-schema.ts";
import { listOf, mapOf } from "./raw.ts";

type File = Readonly<Record<string, unknown>>;

/**
 * What no key says by itself. Read from the file as it stands, so that a mistake elsewhere hides none of these.
 */
export function crossChecks(file: File, protocols: readonly string[]): SettingsIssue[] {
  return [
    ...listenersWithoutTls(file, protocols),
    ...sharedAddresses(file),
    ...sharedNames(file),
    ...levelsWithoutCredential(file),
    ...unspokenNames(file),
  ];
}

function listenersWithoutTls(file: File, protocols: readonly string[]): SettingsIssue[] {
  if (file["tls"] !== undefined) return [];
  return Object.entries(mapOf(file["listeners"]))
    .filter(([name]) => name === "control" || protocols.includes(name))
    .filter(([, listener]) => mapOf(listener)["tls"] === undefined)
    .map(([name]) => ({
      path: ["listeners", name],
      atKey: true,
      message:
        "this listener has no certificate: write `tls: { cert: file:PATH, key: file:PATH }` here, or at the top for all",
    }));
}

function sharedAddresses(file: File): SettingsIssue[] {
  const seen = new Set<string>();
  return Object.entries(mapOf(file["listeners"])).flatMap(([name, listener]) => {
    const written = mapOf(listener)["address"] ?? (name === "control" ? CONTROL_ADDRESS : undefined);
    const parsed = address().safeParse(written);
    // Port 0 is another free port each time.
    if (!parsed.success || parsed.data.port === 0) return [];
    const key = formatAddress(parsed.data).toLowerCase();
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    return [
      {
        path: ["listeners", name, "address"],
        message: "another listener has this address; give each its own",
      },
    ];
  });
}

function sharedNames(file: File): SettingsIssue[] {
  const seen = new Set<unknown>();
  return listOf(mapOf(file["identity"])["oidc"]).flatMap((provider, index) => {
    const name = mapOf(provider)["name"];
    if (name === undefined || !seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [
      {
        path: ["identity", "oidc", index, "name"],
        message: "another provider has this name; give each its own, since events name it",
      },
    ];
  });
}

function levelsWithoutCredential(file: File): SettingsIssue[] {
  return Object.entries(mapOf(file["targets"])).flatMap(([name, target]) => {
    if (mapOf(target)["credential"] !== undefined) return [];
    return Object.entries(mapOf(mapOf(target)["levels"]))
      .filter(([, level]) => mapOf(level)["credential"] === undefined)
      .map(
        ([level]): SettingsIssue => ({
          path: ["targets", name, "levels", level],
          atKey: true,
          message:
            "this level has no credential: write `credential: { user: NAME, password: env:NAME }` here, or at the target for all its levels",
        }),
      );
  });
}

/** The schema's maps pass over `__proto__` without a word, so the word is said here. */
function unspokenNames(file: File): SettingsIssue[] {
  const targets = mapOf(file["targets"]);
  const levels = Object.entries(targets).map(([name, target]) => ({
    path: ["targets", name, "levels"],
    map: mapOf(mapOf(target)["levels"]),
  }));
  return [{ path: ["targets"], map: targets }, ...levels]
    .filter(({ map }) => Object.hasOwn(map, "__proto__"))
    .map(({ path }) => ({
      path: [...path, "__proto__"],
      atKey: true,
      message: "expected a name: a letter, then up to 62 letters, digits, _ or -",
    }));
}
