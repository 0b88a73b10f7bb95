/** Masking: copies of values and payloads in which nothing sensitive is to be read. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type * as t from 'io-ts'
import { type SensitivePath, each, masked } from '../core/masked.js'
import { isWhole, sensitiveFieldsOf } from './sensitive.js'

// combinators

/**
 * A copy of a value in which what the codec or schema marks is `[sensitive]`. A value that is not made as the codec
 * says shows nothing of what may be sensitive: a text where a marked field should lie in an object is masked whole.
 *
 * @example
 * const Customer = t.type({ cards: t.array(t.type({ number: sensitive(t.string), name: t.string })) })
 * const customer = { cards: [{ number: '4111 1111', name: 'Ada' }] }
 * assert.equal(redacted(Customer)(customer), { cards: [{ number: '[sensitive]', name: 'Ada' }] })
 * assert.equal(redacted(Customer)({ cards: '4111 1111' }), { cards: '[sensitive]' })
 *
 * @since 0.1.0
 */
export const redacted = (marked: t.Type<any, any> | StandardSchemaV1): ((value: unknown) => unknown) => {
  const paths = sensitiveFieldsOf(marked)
  return (value) => maskedAt(paths, value)
}

/** `anywhere`: paths that may also begin within, where nobody knows what a format takes for the body. */
export const maskedAt = (
  paths: readonly SensitivePath[],
  value: unknown,
  anywhere: readonly SensitivePath[] = []
): unknown => {
  if ((paths.length === 0 && anywhere.length === 0) || value === undefined) return value
  if (paths.some(isWhole)) return masked
  if (value === null) return value
  const within = (name: string, part: unknown): unknown =>
    maskedAt(below([...paths, ...anywhere], name), part, anywhere)
  if (Array.isArray(value))
    return paths.every(isOfItems) ? value.map((item: unknown, index) => within(String(index), item)) : masked
  if (isPlain(value))
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, within(name, field)]))
  return paths.length > 0 || isJsonText(value) ? masked : value
}

/** Is it text that a format may have read as another body? */
export const isJsonText = (value: unknown): boolean => {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return false
  try {
    return typeof JSON.parse(value) === 'object'
  } catch {
    return false
  }
}

// readers

interface Marked {
  readonly label: string
  readonly matcher: { readonly sensitive?: () => readonly SensitivePath[] } | undefined
}

/** What is sensitive in a message that this route took; where it is not known, what is so in any of them. */
export const sensitiveOn = (
  routes: readonly Marked[],
  taker: string | undefined
): readonly SensitivePath[] => {
  const takers = routes.filter(({ label, matcher }) => label === taker && matcher !== undefined)
  return (takers.length > 0 ? takers : routes).flatMap(({ matcher }) => matcher?.sensitive?.() ?? [])
}

/** The paths that lead through this field or item, from there on. */
export const below = (paths: readonly SensitivePath[], name: string): readonly SensitivePath[] =>
  paths.flatMap(([first, ...rest]) => (first === name || first === each ? [rest] : []))

/** Can such a path lead through an array? */
export const isOfItems = ([first = '']: SensitivePath): boolean => first === each || /^\d+$/.test(first)

// helpers

const isPlain = (value: unknown): value is object => {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
