/** Filters: which letters are meant. In memory as a test of a row, and what SQL cannot say by itself. */
import { valueAt } from '../core/key.js'
import type { LetterFilter, OneOrMore } from '../ports/letters.js'
import type { Row } from './row.js'

/** What a filter looks at. */
export type Filterable = Pick<
  Row,
  | 'key'
  | 'id'
  | 'source'
  | 'tag'
  | 'route'
  | 'fingerprint'
  | 'state'
  | 'lastSeenAt'
  | 'attemptCount'
  | 'headers'
  | 'bytes'
>

export const matches = (filter: LetterFilter = {}): ((row: Filterable) => boolean) => {
  const { key, id, source, tag, route, fingerprint, state } = filter
  const { seenFrom = -Infinity, seenBefore = Infinity, minAttempts = 0, maxAttempts = Infinity } = filter
  const fields = Object.entries(filter.fields ?? {})
  const headers = Object.entries(filter.headers ?? {})
  return (row) =>
    isOneOf(state, row.state) &&
    isOneOf(tag, row.tag) &&
    isOneOf(route, row.route) &&
    isOneOf(source, row.source) &&
    isOneOf(id, row.id) &&
    beginsWithOneOf(key, row.key) &&
    beginsWithOneOf(fingerprint, row.fingerprint) &&
    row.lastSeenAt >= seenFrom &&
    row.lastSeenAt < seenBefore &&
    row.attemptCount >= minAttempts &&
    row.attemptCount <= maxAttempts &&
    headers.every(([name, values]) => isOneOf(values, headerOf(row.headers, name))) &&
    fields.every(([path, values]) => isOneOf(values, fieldOf(row.bytes, path)))
}

export const listOf = <A>(values: OneOrMore<A>): readonly A[] =>
  Array.isArray(values) ? (values as readonly A[]) : [values as A]

/** A value in a JSON body, as `byField` reads it; `undefined` where there is none. */
export const fieldOf = (bytes: Uint8Array, path: string): unknown => {
  try {
    return valueAt(path)(JSON.parse(utf8.decode(bytes)))
  } catch {
    return undefined
  }
}

/** A header by its name in any case. */
export const headerOf = (headers: string, name: string): string | undefined => {
  const wanted = name.toLowerCase()
  const found = Object.entries(JSON.parse(headers) as Record<string, string>).find(
    ([each]) => each.toLowerCase() === wanted
  )
  return found?.[1]
}

// helpers

const utf8 = new TextDecoder('utf-8', { fatal: true })

const isOneOf = (values: unknown, value: unknown): boolean =>
  values === undefined || listOf<unknown>(values).includes(value)

const beginsWithOneOf = (beginnings: OneOrMore<string> | undefined, value: string): boolean =>
  beginnings === undefined ||
  listOf(beginnings).some((beginning) => value.startsWith(beginning.toLowerCase()))
