/** Requests: what lies under a message that came by HTTP. */
import type { Message } from '../core/message.js'

// model

/** A request without its body. */
export interface HttpRequest {
  readonly _tag: 'HttpRequest'
  /** In upper case. */
  readonly method: string
  /** Without the query, as it was sent. */
  readonly path: string
  /** Without the question mark; empty if there is none. */
  readonly query: string
  /** By their names in lower case; several of one name are joined by commas. */
  readonly headers: Readonly<Record<string, string>>
  /** Who sent it, as `verify` says; `undefined` where nobody asked. */
  readonly principal: string | undefined
}

/** A request whose sender is to be found out. */
export interface UnverifiedRequest extends HttpRequest {
  /** The body as it was sent, read when first asked for. What rejects here is to be let through. */
  readonly body: () => Promise<Uint8Array>
}

// readers

/**
 * The request that a message was, if it came by HTTP.
 *
 * @example
 * assert.is(httpRequestOf(message('Hello')), undefined)
 *
 * @since 0.1.0
 */
export const httpRequestOf = ({ raw }: Message): HttpRequest | undefined =>
  typeof raw === 'object' && raw !== null && (raw as Partial<HttpRequest>)._tag === 'HttpRequest'
    ? (raw as HttpRequest)
    : undefined
