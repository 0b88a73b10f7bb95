/** Matchers made of others. */
import type { SensitivePath } from '../core/masked.js'
import { type Match, type Matcher, ask, passed, reasonOf, taken } from '../core/matcher.js'
import type { Message } from '../core/message.js'
import { type BodyMatcher, type InputOf, type MatcherOf, type Matching, toMatcher } from './matching.js'
import { product } from './tags.js'

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

// helpers

/** An arrow function that is written in its place has no name. */
const labelOf = ({ label }: Matcher<any, any>): string => label || 'a predicate'
const isTaken = <A>(match: Match<A>) => match._tag === 'Taken'
const isPassed = <A>(match: Match<A>) => match._tag === 'Passed'
const isMalformed = <A>(match: Match<A>) => match._tag === 'Malformed'

const sensitiveOf = (matchers: readonly Matcher<any, any>[]) => (): readonly SensitivePath[] =>
  matchers.flatMap(({ sensitive }) => sensitive?.() ?? [])
