export * from "./accept.ts";
export * from "./byte-reader.ts";
export * from "./byte-writer.ts";
export * from "./chunk-queue.ts";
export * from "./dial.ts";
export * from "./listen.ts";
export * from "./pull.ts";
export * from "./relay.ts";
