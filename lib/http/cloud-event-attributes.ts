/** Attributes of CloudEvents: their names, the values that they may have, and how headers carry them. */
import type { Issue } from '../core/failure.js'
import { segment } from '../matchers/codec.js'

// model

/** What an event says of itself. */
export interface CloudEventAttributes {
  readonly specversion: '1.0'
  readonly id: string
  /** A URI reference, as it was sent. */
  readonly source: string
  readonly type: string
  readonly subject?: string
  /** As RFC 3339 writes it. */
  readonly time?: string
  readonly datacontenttype?: string
  readonly dataschema?: string
  /** All further attributes. Those of headers are text, whatever they were. */
  readonly extensions: Readonly<Record<string, string | number | boolean>>
}

/** `attributes` holds what is right, and all that is required only where there are no issues. */
export interface ReadAttributes {
  readonly attributes: CloudEventAttributes
  readonly issues: readonly Issue[]
}

/** Values by name: `null` is one that is not set, `undefined` one that could not be read. */
export type GivenAttributes = readonly (readonly [string, unknown])[]

type Headers = Readonly<Record<string, string>>

// readers

export const attributesOf = (given: GivenAttributes): ReadAttributes => {
  const issues: Issue[] = []
  const core: Record<string, string> = {}
  const extensions: Record<string, string | number | boolean> = {}
  const missing = new Set(required)
  for (const [name, value] of given) {
    if (value === null) continue
    missing.delete(name)
    const problem = problemOf(name, value)
    if (problem !== undefined) issues.push({ path: segment(name), message: problem })
    else if (checks.has(name)) core[name] = value as string
    else extensions[name] = value as string | number | boolean
  }
  for (const name of missing) issues.push({ path: `.${name}`, message: 'missing' })
  return { attributes: { ...core, extensions } as CloudEventAttributes, issues }
}

/** The attributes of an event whose body is its data. */
export const attributesOfHeaders = (headers: Headers): ReadAttributes => {
  const given: (readonly [string, unknown])[] = []
  for (const name of Object.keys(headers))
    if (name.startsWith(prefix)) given.push([name.slice(prefix.length), decodedHeader(headers[name] ?? '')])
  const { 'content-type': contentType, 'ce-datacontenttype': twice } = headers
  if (contentType !== undefined) given.push(['datacontenttype', contentType])
  const { attributes, issues } = attributesOf(given)
  return {
    attributes,
    issues: twice === undefined ? issues : [...issues, { path: '.datacontenttype', message: saidTwice }]
  }
}

/** Does a header say that this may be an event whose body is its data? */
export const hasAttributes = (headers: Headers): boolean =>
  requiredHeaders.some((name) => headers[name] !== undefined)

// helpers

const prefix = 'ce-'
const required = ['specversion', 'id', 'source', 'type']
const requiredHeaders = required.map((name) => prefix + name)
const saidTwice = 'content-type says it, so no ce-datacontenttype may'

/** What the attributes of the specification must be, beside text that is not empty. */
const checks = new Map<string, (value: string) => string | undefined>([
  ['specversion', (value) => (value === '1.0' ? undefined : 'expected 1.0')],
  ['id', () => undefined],
  ['source', () => undefined],
  ['type', () => undefined],
  ['subject', () => undefined],
  ['time', (value) => (isTime(value) ? undefined : 'expected a time of RFC 3339')],
  ['datacontenttype', (value) => (mediaType.test(value) ? undefined : 'expected a media type')],
  ['dataschema', () => undefined]
])

const problemOf = (name: string, value: unknown): string | undefined => {
  if (!attributeName.test(name)) return 'no name for an attribute: a-z and 0-9 alone, and not data'
  if (value === undefined) return 'not percent-encoded UTF-8'
  const check = checks.get(name)
  if (check === undefined) return extensionProblem(value)
  if (typeof value !== 'string') return 'expected a string'
  return value === '' ? 'empty' : (textProblem(value) ?? check(value))
}

const extensionProblem = (value: unknown): string | undefined => {
  if (typeof value === 'string') return textProblem(value)
  // What is no whole number of 32 bits is changed by being made one.
  if (typeof value === 'boolean' || (typeof value === 'number' && value === (value | 0))) return undefined
  return 'expected a string, a boolean or a whole number of 32 bits'
}

const textProblem = (value: string): string | undefined =>
  forbidden.test(value) ? 'has a character that no attribute may have' : undefined

const attributeName = /^(?!data$)[a-z0-9]+$/
const forbidden = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u
const mediaType = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/
const time =
  /^(\d{4}-\d\d-\d\d)[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

const isTime = (value: string): boolean => {
  const day = time.exec(value)?.[1]
  if (day === undefined) return false
  // Engines differ on days that a month does not have: they refuse them, or go on to the next month.
  const date = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day)
}

/**
 * A header's value without quotation marks and percent-encoding, in this order; `undefined` if it has no such form. A `%`
 * that encodes nothing stands for itself, as some senders encode nothing at all.
 */
const decodedHeader = (value: string): string | undefined => {
  const text = value.includes('"') ? unquoted(value) : value
  if (text === undefined || !text.includes('%')) return text
  try {
    return decodeURIComponent(text.replaceAll(/%(?![\da-f]{2})/gi, '%25'))
  } catch {
    return undefined
  }
}

const unquoted = (value: string): string | undefined => {
  let text = ''
  let isQuoted = false
  for (let at = 0; at < value.length; at += 1) {
    const character = value.charAt(at)
    if (character === '"') isQuoted = !isQuoted
    else text += isQuoted && character === '\\' ? value.charAt((at += 1)) : character
  }
  return isQuoted ? undefined : text
}
