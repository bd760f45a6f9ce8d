export type { Delivery } from "./delivery.ts";
