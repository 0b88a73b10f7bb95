/** Matchers: whether a route takes a message, and what its handler gets. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type * as t from 'io-ts'
import { hush } from './captured.js'
import { type Codec, codecDecode, codecTags, isCodec } from './codec.js'
import { isHarmless } from './credentials.js'
import type { Issue } from './failure.js'
import { type Keys, type Scalar, holds, missed, renderKeys } from './key.js'
import { cut } from './json.js'
import type { Message } from './message.js'
import { type Schema, isSchema, schemaDecode, schemaTags } from './schema.js'
import { type SensitivePath, sensitiveFieldsOf } from './sensitive.js'
import { product } from './tags.js'

// model

/** A matcher's answer. `Malformed`: the message is meant for this route, and does not decode. */
export type Match<A> =
  | { readonly _tag: 'Taken'; readonly input: A }
  | { readonly _tag: 'Passed'; readonly reason: string }
  | { readonly _tag: 'Malformed'; readonly issues: readonly Issue[] }

/** Says whether a route takes a message, and what its handler gets; what `byField`, `and` and `named` make. */
export interface Matcher<B, A> {
  readonly _tag: 'Matcher'
  readonly label: string
  /** Asked only if one of these alternatives holds; `undefined`: asked of every message. */
  readonly keys: readonly Keys[] | undefined
  /** Do the keys alone decide whether the message is meant for this route? */
  readonly decided: boolean
  /** Where a body that it takes is sensitive. */
  readonly sensitive?: () => readonly SensitivePath[]
  /** Pure. */
  readonly match: (message: Message<B>) => Match<A>
}

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

/** Makes a matcher of one value at one place; the handler gets the body, or what a codec or schema decodes it to. */
export interface KeyMatcher {
  (place: string, value: Scalar): BodyMatcher
  <A>(place: string, value: Scalar, codec: t.Type<A, any>): Matcher<unknown, A>
  <S extends StandardSchemaV1>(
    place: string,
    value: Scalar,
    schema: S
  ): Matcher<unknown, StandardSchemaV1.InferOutput<S>>
}

// constructors

/**
 * Takes messages whose body has this value at a dotted path; the handler gets the body, or with a codec or
 * schema what it decodes the body to. An item of an array is named by its number.
 *
 * @example
 * const cancelled = pipe(receive(json), handle(route(byField('type', 'order.cancelled'), async () => ack)))
 * assert.equal(await cancelled(message({ type: 'order.cancelled' }))(), ack)
 *
 * @since 0.1.0
 */
export const byField: KeyMatcher = (path: string, value: Scalar, schema?: Codec | Schema) =>
  byKeys([[{ on: 'body', path, value }]], schema) as never

/**
 * Takes messages with this header; a name that is not found as given is looked up in lower case. The handler
 * gets the body, or with a codec or schema what it decodes the body to. Where the name is one of a credential, as
 * `x-token` is, no failure and no label shows the value.
 *
 * @example
 * const pushes = pipe(receive(json), handle(route(byHeader('X-GitHub-Event', 'push'), async () => ack)))
 * assert.equal(await pushes(message({}, { headers: { 'x-github-event': 'push' } }))(), ack)
 *
 * @since 0.1.0
 */
export const byHeader: KeyMatcher = (name: string, value: Scalar, schema?: Codec | Schema) =>
  byKeys(
    [[{ on: 'header', path: name, value, ...(!isHarmless(name) && { isSecret: true }) }]],
    schema
  ) as never

// combinators

/**
 * Takes what all of them take; the handler gets what the last one gives.
 *
 * @example
 * const large = (message: Message<Json>) => message.bytes.length > 1_000
 * const matcher = and(large, byField('type', 'upload'))
 * assert.equal(matcher.label, 'large and upload')
 *
 * @throws TypeError if one of them is nothing that can match
 * @since 0.1.0
 */
export const and: {
  // In a pipeline, which says what the body is; `| Matcher` hands it on to what is put together in place.
  <B, M extends Matching<NoInfer<B>>>(
    ...matchings: readonly [...(readonly Matching<NoInfer<B>>[]), M | Matcher<NoInfer<B>, any>]
  ): MatcherOf<M, B>
  (...matchings: readonly BodyMatcher[]): BodyMatcher
  // Elsewhere, where a predicate says it.
  <B, M extends Matching<B>>(
    ...matchings: readonly [...(readonly Matching<B>[]), M & Matching<B>]
  ): Matcher<B, InputOf<M, B>>
} = (...matchings: readonly Matching<any>[]): any => {
  const matchers = matchings.map(toMatcher)
  return {
    _tag: 'Matcher',
    label: matchers.map(labelOf).join(' and '),
    keys: product(matchers.map(({ keys }) => keys)),
    decided: matchers.every(({ decided }) => decided),
    sensitive: sensitiveOf(matchers),
    match: (message: Message) => {
      const answers = matchers.map((matcher) => ask(matcher, message))
      return answers.find(isPassed) ?? answers.find(isMalformed) ?? answers[answers.length - 1]
    }
  }
}

/**
 * Takes what any of them takes; the handler gets what the first that took it gives.
 *
 * @example
 * const settled = or(byField('type', 'order.paid'), byField('type', 'order.cancelled'))
 * const processor = pipe(receive(json), handle(route(settled, async () => ack)))
 * assert.equal(await processor(message({ type: 'order.cancelled' }))(), ack)
 *
 * @since 0.1.0
 */
export const or: {
  // As for `and`.
  <B, M extends readonly Matching<NoInfer<B>>[]>(
    ...matchings: readonly [...M] | readonly Matcher<NoInfer<B>, any>[]
  ): MatcherOf<M[number], B>
  <B, M extends readonly Matching<B>[]>(
    ...matchings: M & readonly Matching<B>[]
  ): Matcher<B, InputOf<M[number], B>>
} = (...matchings: readonly Matching<any>[]): any => {
  const matchers = matchings.map(toMatcher)
  const keys = matchers.map((matcher) => matcher.keys)
  return {
    _tag: 'Matcher',
    label: matchers.map(labelOf).join(' or '),
    keys: keys.every((alternatives) => alternatives !== undefined) ? keys.flat() : undefined,
    decided: matchers.every(({ decided }) => decided),
    sensitive: sensitiveOf(matchers),
    match: (message: Message) => {
      const answers = matchers.map((matcher) => ask(matcher, message))
      return answers.find(isTaken) ?? answers.find(isMalformed) ?? passed(answers.map(reasonOf).join('; '))
    }
  }
}

/**
 * Takes what the other one passes; the handler gets the message.
 *
 * @example
 * const foreign = not(byHeader('tenant', 'ours'))
 * const processor = pipe(receive(json), handle(route(foreign, async ({ id }) => ackWith({ note: id }))))
 * assert.equal(await processor(message({}, { id: '17' }))(), ackWith({ note: '17' }))
 *
 * @since 0.1.0
 */
export const not: {
  // As for `and`.
  <B>(matching: Matching<NoInfer<B>>): Matcher<B, Message<B>>
  <B>(matching: Matching<B>): Matcher<B, Message<B>>
} = <B>(matching: Matching<B>): Matcher<B, Message<B>> => {
  const matcher = toMatcher(matching)
  return {
    _tag: 'Matcher',
    label: `not ${labelOf(matcher)}`,
    keys: undefined,
    decided: false,
    sensitive: sensitiveOf([matcher]),
    match: (message) => (isPassed(ask(matcher, message)) ? taken(message) : passed(`is ${labelOf(matcher)}`))
  }
}

/**
 * Gives a matcher the name by which failures, letters and logs call its route.
 *
 * @example
 * const hasLabel = (label: string) => named(label, (m: Message<Json>) => m.headers['label'] === label)
 * assert.equal(hasLabel('sign-in').label, 'sign-in')
 *
 * @since 0.1.0
 */
export const named: {
  // As for `and`.
  <B, M extends Matching<NoInfer<B>>>(label: string, matching: M | Matcher<NoInfer<B>, any>): MatcherOf<M, B>
  <B, M extends Matching<B>>(label: string, matching: M & Matching<B>): Matcher<B, InputOf<M, B>>
} = (label: string, matching: Matching<any>): any => ({ ...toMatcher(matching), label })

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

export const taken = <A>(input: A): Match<A> => ({ _tag: 'Taken', input })

// helpers

const passed = (reason: string): Match<never> => ({ _tag: 'Passed', reason })
const saidNo = passed('says no')
/** An arrow function that is written in its place has no name. */
const labelOf = ({ label }: Matcher<any, any>): string => label || 'a predicate'
const isTaken = <A>(match: Match<A>) => match._tag === 'Taken'
const isPassed = <A>(match: Match<A>) => match._tag === 'Passed'
const isMalformed = <A>(match: Match<A>) => match._tag === 'Malformed'
const reasonOf = (match: Match<unknown>): string => (match._tag === 'Passed' ? match.reason : match._tag)

const isMatcher = (value: unknown): value is Matcher<any, any> =>
  typeof value === 'object' && value !== null && (value as { _tag?: unknown })._tag === 'Matcher'

/** What a router does for its routes: the keys first, then the matcher. */
const ask = (matcher: Matcher<any, any>, message: Message): Match<any> =>
  matcher.keys === undefined || matcher.keys.some((keys) => holds(keys)(message))
    ? matcher.match(message)
    : passed(missed(matcher.keys, message, matcher.sensitive?.()))

const takeBody = ({ body }: Message): Match<unknown> => taken(body)

const byKeys = (keys: readonly Keys[], schema: Codec | Schema | undefined): Matcher<any, any> =>
  schema === undefined
    ? { _tag: 'Matcher', label: renderKeys(keys), keys, decided: true, match: takeBody }
    : byDecoder(keys, '', schema)

/** With keys these select, and the rest decodes; without, what decodes is taken. */
const byDecoder = <A>(
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

const sensitiveOf = (matchers: readonly Matcher<any, any>[]) => (): readonly SensitivePath[] =>
  matchers.flatMap(({ sensitive }) => sensitive?.() ?? [])

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
