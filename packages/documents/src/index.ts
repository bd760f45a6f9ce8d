export * from "./fields.ts";
export * from "./problem.ts";
export * from "./schema.ts";
export * from "./yaml.ts";
