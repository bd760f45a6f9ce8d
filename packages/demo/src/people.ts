/** Who is who in the demo: the identity provider knows them, the policies name their groups. */
export const people = [{ name: "dana", groups: ["dba", "sre"] }] as const;

export const agents = [
  { name: "crew-analyst", groups: ["crew-analyst"] },
  { name: "crew-ops", groups: ["crew-ops"] },
] as const;

export const audience = "gatehouse";
