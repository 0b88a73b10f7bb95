/** io-ts codecs as matchers: what selects, what decodes, and where decoding fails. */
import type { Either } from 'fp-ts/lib/Either.js'
import type * as t from 'io-ts'
import type { Issue } from '../core/failure.js'
import { cut } from '../core/json.js'
import type { Keys, Scalar } from '../core/key.js'
import { left, right } from '../core/result.js'
import type { CodecOfKind } from './codec-kinds.js'
import { isSensitive, sensitiveFieldsOf } from './sensitive.js'
import { product } from './tags.js'

// model

export type Codec<A = any> = t.Type<A, any>

// guards

export const isCodec = (value: unknown): value is Codec =>
  typeof value === 'object' &&
  value !== null &&
  (['validate', 'decode', 'encode', 'is'] as const).every(
    (name) => typeof (value as Codec)[name] === 'function'
  )

// readers

/** The literal fields at the top of a codec, as alternatives; `undefined` where there are none to go by. */
export const codecTags = (codec: Codec, depth = 8): readonly Keys[] | undefined => {
  const type = codec as CodecOfKind
  if (depth === 0) return undefined
  switch (type._tag) {
    case 'InterfaceType':
    case 'StrictType': {
      const keys = Object.entries(type.props).flatMap(([path, prop]) => {
        const value = literalOf(prop)
        return value === undefined ? [] : [{ on: 'body', path: path, value } as const]
      })
      return keys.length === 0 || keys.some(({ path }) => path.includes('.')) ? undefined : [keys]
    }
    case 'IntersectionType':
      return product(type.types.map((member) => codecTags(member, depth - 1)))
    case 'UnionType': {
      const members = type.types.map((member) => codecTags(member, depth - 1))
      return members.every((member) => member !== undefined) ? members.flat() : undefined
    }
    case 'ExactType':
    case 'ReadonlyType':
    case 'RefinementType':
      return codecTags(type.type, depth - 1)
    default:
      return undefined
  }
}

export const codecDecode =
  <A>(codec: Codec<A>) =>
  (value: unknown): Either<readonly Issue[], A> => {
    const decoded = codec.decode(value)
    return decoded._tag === 'Right' ? right(decoded.right) : left(issuesOf(decoded.left, codec))
  }

// helpers

const maxIssues = 20
const maxKey = 60

const literalOf = (codec: Codec): Scalar | undefined => {
  const type = codec as CodecOfKind
  if (type._tag === 'LiteralType') return type.value
  return type._tag === 'ReadonlyType' || type._tag === 'RefinementType' ? literalOf(type.type) : undefined
}

const issuesOf = (errors: t.Errors, codec: Codec): readonly Issue[] => {
  const issues = errors.slice(0, maxIssues).map(({ context, message }) => {
    const end = context.findIndex(({ type }) => isSensitive(type))
    // As far as the first that is sensitive: names below it may be values.
    const known = end < 0 ? context : context.slice(0, end + 1)
    const expected = `expected ${cut(known[known.length - 1]?.type.name ?? 'something else', 200)}`
    // What a codec of somebody's own says may quote what it was given.
    const isSaid = message !== undefined && end < 0 && sensitiveFieldsOf(codec).length === 0
    return { path: pathOf(known), message: isSaid ? message : expected }
  })
  return issues.filter(
    ({ path, message }, index) =>
      issues.findIndex((other) => other.path === path && other.message === message) === index
  )
}

/** Members of unions and intersections stand in a context under their number, with the value they are part of. */
const pathOf = (context: t.Context): string =>
  context
    .map(({ key, actual }, index) => {
      const parent = context[index - 1]
      if (parent === undefined || (Object.is(actual, parent.actual) && /^\d+$/.test(key))) return ''
      return Array.isArray(parent.actual) ? `[${key}]` : segment(key)
    })
    .join('')

/** One step of a path: `.name`, or `["odd name"]`. */
export const segment = (key: string): string =>
  /^[\p{ID_Start}$_][\p{ID_Continue}$-]*$/u.test(key)
    ? `.${cut(key, maxKey)}`
    : `[${JSON.stringify(cut(key, maxKey))}]`
