/** Requests: what lies under a message that came by HTTP. */
import type { Message } from '../core/message.js'
import { toStorable } from '../ports/storable.js'

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

/**
 * Where a message came in, and within what its id is unique: the path, the principal, and for an event its own source,
 * as far as there are any. What senders choose is encoded, so that no two read the same.
 */
export const sourceOf = (
  place: string,
  { path, principal }: HttpRequest,
  eventSource: string | undefined
): string => place + path + part('principal', principal) + part('ce-source', eventSource)

/** The same without what senders choose, of which there may be any number; empty if that is all there is. */
export const placeIn = (source: string, { path }: HttpRequest): string => {
  const address = source.replace(/(?: (?:principal|ce-source)=\S*)+$/, '')
  return address.endsWith(path) ? address.slice(0, address.length - path.length) : ''
}

// helpers

const part = (name: string, value: string | undefined): string =>
  value === undefined ? '' : ` ${name}=${encodeURIComponent(toStorable(value))}`
