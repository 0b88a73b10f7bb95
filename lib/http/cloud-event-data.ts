/** Data of CloudEvents: what lies in an event, as what its content type says. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Issue } from '../core/failure.js'
import { type Format, bytes, json, text } from '../core/format.js'
import type { Json } from '../core/json.js'
import { type Message, message } from '../core/message.js'
import { left, right } from '../core/result.js'
import { fromBase64 } from './bytes.js'
import { mediaTypeOf } from './content-type.js'

// model

/** What an event carries. */
export interface CloudEventData {
  /**
   * What `datacontenttype` says that it is: JSON; text, for `text/*` in UTF-8; or else bytes. An event in JSON may
   * also have text of another type. Not there where there is no data, which is not the same as `null`.
   */
  readonly data?: Json | Uint8Array
}

// readers

/** Bytes as what their content type says; without one they stay bytes. */
export const decodedData = (
  message: Message,
  contentType: string | undefined,
  path: string
): Either<readonly Issue[], CloudEventData> => {
  const decoded = formatOf(contentType)(message)
  if (decoded._tag === 'Right') return right({ data: decoded.right })
  return left(decoded.left._tag === 'Malformed' ? decoded.left.issues.map(under(path)) : [])
}

/** The data of an event in JSON. */
export const dataInJson = (
  event: { readonly [name: string]: Json },
  datacontenttype: string | undefined
): Either<readonly Issue[], CloudEventData> => {
  const encoded = Object.hasOwn(event, 'data_base64') ? event.data_base64 : null
  const data = Object.hasOwn(event, 'data') ? event.data : undefined
  if (encoded !== null && encoded !== undefined) {
    if (data !== undefined) return left([{ path: '.data_base64', message: 'stands beside data' }])
    const decoded = typeof encoded === 'string' ? strictlyFromBase64(encoded) : undefined
    return decoded === undefined
      ? left([{ path: '.data_base64', message: 'not base64' }])
      : decodedData(message(decoded), datacontenttype, '.data_base64')
  }
  if (data === undefined) return right({})
  return typeof data === 'string' || isJson(datacontenttype ?? 'application/json')
    ? right({ data })
    : left([{ path: '.data', message: 'expected a string, as datacontenttype is not of JSON' }])
}

/** An issue of a part, as one of the whole. */
export const under =
  (parent: string) =>
  ({ path, message }: Issue): Issue => ({ path: `${parent}${path}`, message })

// helpers

const formatOf = (contentType = ''): Format<Json | Uint8Array> => {
  if (isJson(contentType)) return json
  const charset = /;\s*charset="?([^";\s]+)/i.exec(contentType)?.[1] ?? 'utf-8'
  return /^text\//i.test(contentType) && /^(?:utf-?8|us-ascii)$/i.test(charset) ? text : bytes
}

const isJson = (contentType: string): boolean => /[/+]json$/.test(mediaTypeOf(contentType))

/** Strictly: `atob` would pass over spaces and padding that is missing. */
const strictlyFromBase64 = (encoded: string): Uint8Array | undefined => {
  if (encoded.length % 4 !== 0 || /[^A-Za-z0-9+/]/.test(encoded.replace(/={1,2}$/, ''))) return undefined
  return fromBase64(encoded)
}
