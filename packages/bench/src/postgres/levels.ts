/** Who works: a role of the server's, and the gateway's level of that name. */
export type Role = "reader" | "writer";
export type Level = Role | MaskedLevel | MintedLevel | typeof heldLevel;

/** A level of the gateway's alone that changes what `writer` does, and waits for a person each time: policies/postgres/holds.yaml has it. */
export const heldLevel = "held";

/** Levels of the gateway's alone that read what `reader` does, each with masks of its own: policies/postgres/masks.yaml has them. */
export const maskedLevels = ["email", "redacted", "three", "hashed", "elsewhere", "detectors"] as const;
export type MaskedLevel = (typeof maskedLevels)[number];

/** Levels of the gateway's alone that read as `reader` does, each session as a user of its own: made ahead, made when it is asked for, or shared. */
export const mintedLevels = ["ready", "cold", "shared"] as const;
export type MintedLevel = (typeof mintedLevels)[number];

/** Who works at the server where this is asked for. */
export function roleOf(level: Level): Role {
  return level === "writer" || level === heldLevel ? "writer" : "reader";
}
