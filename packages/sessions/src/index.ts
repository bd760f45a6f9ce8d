export { type RegisteredSession, SessionRegistry } from "./registry.ts";
