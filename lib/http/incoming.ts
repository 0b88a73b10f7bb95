/** Requests as they come in: what an adapter to a server hands over. */
import type { UnverifiedRequest } from './request.js'

/** Its body rejects with a `BodyError` where it cannot be had. */
export interface Incoming extends UnverifiedRequest {
  principal: string | undefined
  /** One header, without making a record of all. The name is in lower case. */
  readonly header: (name: string) => string | undefined
  /** Bytes as text without a leading byte order mark; `undefined` if they are no UTF-8. */
  readonly text: (bytes: Uint8Array) => string | undefined
}
