import manifest from "../package.json" with { type: "json" };

/** The gateway's version, as the audit log and `--version` say it. */
export const version: string = manifest.version;
