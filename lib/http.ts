/** missive-ts/http: processors behind HTTP. */
export type { HttpRequest, UnverifiedRequest } from './http/request.js'
export { httpRequestOf } from './http/request.js'
export type { Unverified, Verify } from './http/verify.js'
export type {
  IdempotencyClaim,
  IdempotencyError,
  IdempotencyHold,
  IdempotencyState,
  IdempotencyStore
} from './core/idempotency.js'
