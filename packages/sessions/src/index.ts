export { type RegisteredSession, SessionRegistry, TooManySessions } from "./registry.ts";
