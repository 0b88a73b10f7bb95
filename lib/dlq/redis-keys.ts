/** The keys of a queue. All have one hash tag, so that a script may use them together in a cluster, too. */
import { states } from './redis-record.js'

// model

export interface Keys {
  /** In the order in which scripts know them, the marker first. */
  readonly all: readonly string[]
  /** What decides about the slot. */
  readonly tag: string
}

/**
 * `meta`: the marker, the last number given and the settings. `keys`: letters' keys with their numbers. By number:
 * `rows`, and apart from them `bytes` and `originals`, so that nobody reads payloads who does not ask for them.
 * `kinds`: kinds of failure. `leases`: numbers by when their leases end. Then an index for each state, in the order
 * of arrival.
 */
const parts = {
  meta: 'hash',
  keys: 'zset',
  rows: 'hash',
  bytes: 'hash',
  originals: 'hash',
  kinds: 'hash',
  leases: 'zset',
  ...Object.fromEntries(states.map((state) => [state, 'zset']))
}

/** What kind of key each is, as TYPE says it. */
export const types: readonly string[] = Object.values(parts)

// constructors

/** A name with a hash tag of its own keeps that one. */
export const keysOf = (prefix: string, name: string): Keys => {
  const full = `${prefix}${name}`
  const base = tagOf(full) === full ? `${prefix}{${name}}` : full
  return { all: Object.keys(parts).map((part) => `${base}:${part}`), tag: tagOf(`${base}:`) }
}

/** What a cluster makes the slot of: what is in the first braces, or the whole key. */
export const tagOf = (key: string): string => {
  const begin = key.indexOf('{')
  const end = key.indexOf('}', begin + 1)
  return begin >= 0 && end > begin + 1 ? key.slice(begin + 1, end) : key
}
