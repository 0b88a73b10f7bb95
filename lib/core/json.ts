/** JSON values, and a form of anything in them. */

// model

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

// conversions

/**
 * A bounded JSON form of anything, for what must be kept whatever it is. Never throws: what is nested too deeply,
 * too much, or unreadable is named where it stands.
 */
export const toJson = (value: unknown): Json =>
  bounded(value, maxDepth, { values: maxValues, length: maxLength })

/** Text of at most `most` UTF-16 units, never ending in half a character. */
export const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 1).replace(/[\ud800-\udbff]$/, '')}…`

// helpers

const maxDepth = 16
const maxValues = 500
const maxLength = 65_536
const maxText = 8_192
const maxName = 256

/** How much may still be written. */
interface Budget {
  values: number
  length: number
}

const bounded = (value: unknown, depth: number, budget: Budget): Json => {
  if (budget.values <= 0 || budget.length <= 0) return '[left out]'
  budget.values -= 1
  try {
    if (typeof value === 'string' || typeof value === 'bigint')
      return spent(cut(String(value), maxText), budget)
    if (value === null || typeof value === 'boolean') return value
    if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
    if (typeof value !== 'object') return `[${typeof value}]`
    if (depth === 0) return '[nested too deeply]'
    if (value instanceof Date) return value.toISOString()
    return Array.isArray(value) ? boundedArray(value, depth, budget) : boundedObject(value, depth, budget)
  } catch {
    return '[unreadable]'
  }
}

const boundedArray = (items: readonly unknown[], depth: number, budget: Budget): Json => {
  const length = Math.min(items.length, budget.values)
  return Array.from({ length }, (_, index) => bounded(fieldOf(items, index), depth - 1, budget))
}

const boundedObject = (value: object, depth: number, budget: Budget): Json => {
  const entries: [string, Json][] = []
  for (const name of Object.keys(value)) {
    if (budget.values <= 0) break
    const field = fieldOf(value, name)
    if (field !== undefined)
      entries.push([spent(cut(name, maxName), budget), bounded(field, depth - 1, budget)])
  }
  return Object.fromEntries(entries)
}

const spent = (text: string, budget: Budget): string => {
  budget.length -= text.length
  return text
}

const fieldOf = (value: object, key: string | number): unknown => {
  try {
    return (value as Record<string | number, unknown>)[key]
  } catch {
    return '[unreadable]'
  }
}
