export type { Entrance, Entry } from "./entrance.ts";
