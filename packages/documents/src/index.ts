export * from "./dotted-name.ts";
export * from "./fields.ts";
export * from "./https-url.ts";
export * from "./json.ts";
export * from "./problem.ts";
export * from "./schema.ts";
export * from "./wildcard.ts";
export * from "./yaml.ts";
