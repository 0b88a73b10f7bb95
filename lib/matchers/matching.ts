/** What can be a matcher: predicates, io-ts codecs, Standard Schemas, and matchers themselves. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type * as t from 'io-ts'
import { hush } from '../core/captured.js'
import { cut } from '../core/json.js'
import { type Keys, renderKeys } from '../core/key.js'
import { type Matcher, passed, taken } from '../core/matcher.js'
import type { Message } from '../core/message.js'
import { type Codec, codecDecode, codecTags, isCodec } from './codec.js'
import { type Schema, isSchema, schemaDecode, schemaTags } from './schema.js'
import { sensitiveFieldsOf } from './sensitive.js'

// model

/** A matcher whose handler gets the body, of whatever type the format makes; what `byField` makes without a schema. */
export interface BodyMatcher extends Matcher<unknown, any> {
  /** Stands in types alone. */
  readonly [givesBody]: true
}

declare const givesBody: unique symbol

/** Everything that `route` takes as a matcher: an io-ts codec, a Standard Schema, a matcher, or a pure predicate. */
export type Matching<B> =
  BodyMatcher | t.Type<any, any> | StandardSchemaV1 | Matcher<B, any> | ((message: Message<B>) => boolean)

/** What the handler of a route gets. */
export type InputOf<M, B> = M extends BodyMatcher
  ? B
  : M extends t.Type<infer A, any>
    ? A
    : M extends StandardSchemaV1
      ? StandardSchemaV1.InferOutput<M>
      : M extends Matcher<any, infer A>
        ? A
        : M extends (message: any) => message is infer G
          ? G
          : Message<B>

/** What is made of such as these: where all of them give the body, so does the whole. */
export type MatcherOf<M, B> = [M] extends [BodyMatcher] ? BodyMatcher : Matcher<B, InputOf<M, B>>

// conversions

/** @throws TypeError if it is nothing that can match */
export const toMatcher = (matching: Matching<any>): Matcher<any, any> => {
  if (isSchema(matching)) return byDecoder(schemaTags(matching), 'schema', matching)
  if (isMatcher(matching)) return matching
  if (isCodec(matching)) return byDecoder(codecTags(matching), cut(matching.name, 60), matching)
  if (typeof matching === 'function') return byPredicate(matching)
  throw new TypeError(
    `a matcher is a predicate, byField(...), byHeader(...), an io-ts codec or a Standard Schema, not ${typeof matching}`
  )
}

/** With keys these select, and the rest decodes; without, what decodes is taken. */
export const byDecoder = <A>(
  keys: readonly Keys[] | undefined,
  name: string,
  schema: Codec<A> | Schema<A>
): Matcher<unknown, A> => {
  const decode = isSchema(schema) ? schemaDecode(schema) : codecDecode(schema)
  return {
    _tag: 'Matcher',
    label: keys === undefined ? name : renderKeys(keys),
    keys,
    decided: keys !== undefined,
    sensitive: () => sensitiveFieldsOf(schema),
    match: ({ body }) => {
      const decoded = decode(body)
      if (decoded._tag === 'Right') return taken(decoded.right)
      return keys === undefined
        ? passed(decoded.left.map(({ path, message }) => `${path} ${message}`.trim()).join(', '))
        : { _tag: 'Malformed', issues: decoded.left }
    }
  }
}

// helpers

const isMatcher = (value: unknown): value is Matcher<any, any> =>
  typeof value === 'object' && value !== null && (value as { _tag?: unknown })._tag === 'Matcher'

const saidNo = passed('says no')

const byPredicate = (predicate: (message: Message) => unknown): Matcher<unknown, Message> => ({
  _tag: 'Matcher',
  label: predicate.name,
  keys: undefined,
  decided: false,
  match: (message) => {
    const answer = predicate(message)
    if (typeof answer === 'object' && answer !== null && 'then' in answer) {
      hush(answer)
      throw new TypeError('the predicate is asynchronous; a matcher must answer at once')
    }
    return answer ? taken(message) : saidNo
  }
})
