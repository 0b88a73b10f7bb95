/** JSON values, and a form of anything in them. */

// model

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

// conversions

/**
 * A bounded JSON form of anything, for what must be kept whatever it is. Never throws: cycles, deep nesting,
 * big integers and unreadable fields are named where they stand.
 */
export const toJson = (value: unknown, depth = maxDepth): Json => {
  try {
    return bounded(value, depth)
  } catch {
    return '[unreadable]'
  }
}

/** Text of at most `maxLength` UTF-16 units, never ending in half a character. */
export const cut = (text: string, maxLength: number): string =>
  text.length <= maxLength ? text : `${text.slice(0, maxLength - 1).replace(/[\ud800-\udbff]$/, '')}…`

// helpers

const maxDepth = 16
const maxEntries = 256
const maxText = 8_192

const bounded = (value: unknown, depth: number): Json => {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'string') return cut(value, maxText)
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value !== 'object') return typeof value === 'bigint' ? String(value) : `[${typeof value}]`
  if (depth === 0) return '[nested too deeply]'
  if (Array.isArray(value)) return value.slice(0, maxEntries).map((item) => toJson(item, depth - 1))
  if (value instanceof Date) return toJson(value.toISOString(), depth)
  const entries = Object.keys(value).slice(0, maxEntries)
  return Object.fromEntries(
    entries.flatMap((key) => {
      const field = readField(value, key)
      return field === undefined ? [] : [[key, toJson(field, depth - 1)]]
    })
  )
}

const readField = (value: object, key: string): unknown => {
  try {
    return (value as Record<string, unknown>)[key]
  } catch {
    return '[unreadable]'
  }
}
