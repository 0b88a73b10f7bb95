/** Keys: what a message must say at a place for a matcher to take it. Data, so that routing can be indexed. */
import { cut, toJson } from './json.js'
import { type SensitivePath, masked, touches } from './masked.js'
import type { Message } from './message.js'

// model

/** A value that a key may ask for. It is compared with `===`. */
export type Scalar = string | number | boolean | null

/** What a message must say at one place. */
export interface Key {
  readonly on: 'body' | 'header'
  /** Dotted for a body; a header's name. */
  readonly path: string
  readonly value: Scalar
  /** Is the value one that lets somebody in, and not to be shown? */
  readonly isSecret?: boolean
}

/** All of these hold. */
export type Keys = readonly Key[]

// readers

/** Reads own fields only, so that nothing inherited or polluted can select a route. */
export const reader = (on: Key['on'], path: string): ((message: Message) => unknown) =>
  on === 'header' ? headerReader(path) : bodyReader(path.split('.'))

/** What a body holds at a dotted path. */
export const valueAt =
  (path: string): ((body: unknown) => unknown) =>
  (body) =>
    path.split('.').reduce(field, body)

export const holds = (keys: Keys): ((message: Message) => boolean) => {
  const tests = keys.map(({ on, path, value }) => ({ read: reader(on, path), value }))
  const [first] = tests
  return first !== undefined && tests.length === 1
    ? (message) => first.read(message) === first.value
    : (message) => tests.every(({ read, value }) => read(message) === value)
}

// rendering

/** Like `order.placed`, or `.version = 2` where a value alone would say little. */
export const renderKeys = (alternatives: readonly Keys[]): string =>
  alternatives.map((keys) => keys.map(renderKey).join(' and ')).join(' or ')

/** Why none of the alternatives holds; values are cut short, as they come from outside, and left out where sensitive. */
export const missed = (
  alternatives: readonly Keys[],
  message: Message,
  sensitive: readonly SensitivePath[] = []
): string =>
  alternatives
    .slice(0, 3)
    .map((keys) => {
      const key = keys.find(({ on, path, value }) => reader(on, path)(message) !== value)
      return key === undefined
        ? 'matches'
        : `${place(key)} is ${found(key, message, sensitive)}, not ${wanted(key)}`
    })
    .join('; ')

export const place = ({ on, path }: Pick<Key, 'on' | 'path'>): string =>
  on === 'body' ? `.${path}` : `header ${path}`

/** The value of a key, unless it lets somebody in. */
export const wanted = ({ value, isSecret }: Key): string => (isSecret ? masked : JSON.stringify(value))

// helpers

const renderKey = (key: Key): string =>
  typeof key.value === 'string' && !key.isSecret ? key.value : `${place(key)} = ${wanted(key)}`

const found = (
  { on, path, isSecret }: Key,
  message: Message,
  sensitive: readonly SensitivePath[]
): string => {
  const value = reader(on, path)(message)
  const isMasked = isSecret || (on === 'body' && sensitive.some(touches(path.split('.'))))
  if (isMasked && value !== undefined) return masked
  if (typeof value === 'string') return JSON.stringify(cut(value, 60))
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return value === undefined ? 'absent' : JSON.stringify(toJson(value))
}

const headerReader =
  (name: string) =>
  ({ headers }: Message): unknown =>
    field(headers, name) ?? field(headers, name.toLowerCase())

const bodyReader = (path: readonly string[]): ((message: Message) => unknown) => {
  const [name] = path
  return name !== undefined && path.length === 1
    ? ({ body }) => field(body, name)
    : ({ body }) => path.reduce(field, body)
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined
