/** Requests as they come in: what an adapter to a server hands over. */
import type { UnverifiedRequest } from './request.js'

/** Its body rejects with a `BodyError` where it cannot be had. */
export interface Incoming extends UnverifiedRequest {
  principal: string | undefined
  /** One header, without making a record of all. The name is in lower case. */
  readonly header: (name: string) => string | undefined
  /** The body as `body` gives it, to who does not want to wait for a promise. One of the two is called, once. */
  readonly read: (onBytes: (bytes: Uint8Array) => void, onError: (thrown: unknown) => void) => void
  /** Bytes as text without a leading byte order mark; `undefined` if they are no UTF-8. */
  readonly text: (bytes: Uint8Array) => string | undefined
}
