export type { CallbackAnswer } from "./callback-forms.ts";
export { type CallbackHeaders, Callbacks, type CallbacksOptions } from "./callbacks.ts";
export type { Delivery } from "./delivery.ts";
export { Webhooks, type WebhooksOptions } from "./webhooks.ts";
