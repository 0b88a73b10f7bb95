/** missive-ts/http: processors behind HTTP. */
export type { HttpRequest, UnverifiedRequest } from './http/request.js'
export { httpRequestOf } from './http/request.js'
export type { Access, EndpointOptions } from './http/options.js'
export type { MountOptions } from './http/mounted.js'
export { toFetch } from './http/fetch.js'
export type { Listener } from './http/listener.js'
export { toListener } from './http/listener.js'
export { healthListener } from './http/health.js'
export type { HttpOptions } from './interpreters/http.js'
export { http } from './interpreters/http.js'
export type { HttpReply } from './http/reply.js'
export { httpReply } from './http/reply.js'
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
export type { MemoryIdempotencyOptions } from './idempotency/memory.js'
export { memoryIdempotency } from './idempotency/memory.js'
export type { CloudEvent } from './http/cloud-event.js'
export { byEventType, cloudEvent } from './http/cloud-event.js'
export type { AllowedOrigins } from './http/handshake.js'
