/** missive-ts/http: processors behind HTTP. */
export type { HttpRequest, UnverifiedRequest } from './http/request.js'
export { httpRequestOf } from './http/request.js'
export type { Unverified, Verify } from './http/verify.js'
export { bearer } from './http/bearer.js'
export type { HeaderPart, HmacOptions, Secret } from './http/hmac.js'
export { hmac } from './http/hmac.js'
export type { SenderOptions, TimedSenderOptions } from './http/senders.js'
export { github, shopify, slack, standardWebhooks, stripe, svix } from './http/senders.js'
export type {
  IdempotencyClaim,
  IdempotencyError,
  IdempotencyHold,
  IdempotencyState,
  IdempotencyStore
} from './core/idempotency.js'
