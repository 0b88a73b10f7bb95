import * as fc from 'fast-check'
import * as t from 'io-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { type Failure, malformed, multipleMatches, noMatch } from '../../lib/core/failure.js'
import type { Key } from '../../lib/core/key.js'
import type { Match, Matcher } from '../../lib/core/matcher.js'
import { type Message, message, withBody } from '../../lib/core/message.js'
import { type Routable, router } from '../../lib/core/router.js'
import { and, named, not, or } from '../../lib/matchers/composed.js'
import { byField, byHeader } from '../../lib/matchers/keyed.js'
import { type Matching, toMatcher } from '../../lib/matchers/matching.js'

const received = (body: unknown, headers: Record<string, string> = {}): Message =>
  withBody(message('', { headers }), body)

const routesOf = (...matchings: readonly Matching<any>[]): readonly Routable[] =>
  matchings.map((matching, index) => ({ label: `route ${index + 1}`, matcher: toMatcher(matching) }))

/** What a router says, in short: the label of the one that takes the message, or the failure. */
const routed = (routes: readonly Routable[], message: Message): string | Failure => {
  const answer = router(routes)(message)
  return answer._tag === 'Claimed' ? (answer.failure ?? answer.route.label) : answer.failure()
}

const scanning = suite('router')

// the law

type Answer = Match<unknown> | { readonly _tag: 'Threw' }

const ownField = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined

const isHeld = ({ body, headers }: Message, { on, path, value }: Key): boolean =>
  on === 'header' ? headers[path] === value : path.split('.').reduce(ownField, body) === value

/** What somebody would write who knew of no index. */
const asked = ({ keys, match }: Matcher<any, any>, message: Message): Answer => {
  if (keys?.some((all) => all.every((key) => isHeld(message, key))) === false)
    return { _tag: 'Passed', reason: '' }
  try {
    return match(message)
  } catch {
    return { _tag: 'Threw' }
  }
}

const scanned = (routes: readonly Routable[], message: Message): unknown => {
  const answers = routes.map((route) => ({ route, answer: asked(route.matcher, message) }))
  const threw = answers.filter(({ answer }) => answer._tag === 'Threw')
  if (threw.length > 0) return { threw: threw.map(({ route }) => `the matcher of ${route.label}`) }
  const claims = answers.filter(({ answer }) => answer._tag !== 'Passed')
  const [first, second] = claims
  if (first === undefined)
    return { passed: routes.slice(0, 20).map(({ label }) => label), more: routes.slice(20).length }
  if (second !== undefined) return { several: claims.map(({ route }) => route.label) }
  const { route, answer } = first
  return answer._tag === 'Taken' ? { route, input: answer.input } : { route, malformed: answer }
}

/** The same of what the router says. Of several matchers that throw it may name any. */
const summary = (routes: readonly Routable[], message: Message): unknown => {
  const answer = router(routes)(message)
  if (answer._tag === 'Claimed') {
    const { route, input, failure } = answer
    return failure?._tag === 'Malformed'
      ? { route, malformed: { _tag: 'Malformed', issues: failure.issues } }
      : { route, input }
  }
  const failure = answer.failure()
  if (answer._tag === 'Unclaimed' && failure._tag === 'NoMatch')
    return { passed: failure.routes.map(({ route }) => route), more: failure.more ?? 0 }
  return failure._tag === 'MultipleMatches' ? { several: failure.routes } : failure
}

const types = ['a', 'b', 'c']
const anyType = fc.constantFrom(...types)
const anyNumber = fc.constantFrom(1, 2, 3)

const aMatching = fc.letrec<{ matching: Matching<any> }>((tie) => {
  const matching = tie('matching')
  return {
    matching: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      anyType.map((type) => byField('type', type)),
      anyNumber.map((n) => byField('meta.version', n)),
      anyType.map((event) => byHeader('event', event)),
      anyType.map((type) => byField('type', type, t.type({ n: t.number }))),
      fc
        .tuple(anyType, anyNumber)
        .map(([type, v]) => t.type({ type: t.literal(type), v: t.literal(v), n: t.number })),
      anyType.map((type) => z.object({ type: z.literal(type), n: z.number() })),
      fc.constant(t.type({ n: t.number })),
      anyNumber.map((n) => (message: Message<any>) => message.body?.n === n),
      fc.constant((message: Message<any>): boolean => {
        if (message.body?.isOdd === true) throw new Error('odd')
        return false
      }),
      fc.tuple(matching, matching).map(([one, other]) => and<any, any>(one, other)),
      fc.tuple(matching, matching).map(([one, other]) => or<any, any>(one, other)),
      matching.map((one) => not<any>(one)),
      matching.map((one) => named<any, any>('named', one))
    )
  }
}).matching

const aRecord = fc.record(
  {
    type: fc.oneof(anyType, anyNumber),
    v: anyNumber,
    n: fc.oneof(anyNumber, anyType),
    isOdd: fc.boolean(),
    meta: fc.oneof(fc.record({ version: anyNumber }), fc.constant(null))
  },
  { requiredKeys: [] }
)

const aMessage = fc
  .record({
    body: fc.oneof(
      { weight: 5, arbitrary: aRecord },
      {
        weight: 1,
        arbitrary: fc.constantFrom<unknown>(null, 'a', 1, [], undefined, Object.create({ type: 'a' }))
      }
    ),
    headers: fc.record({ event: anyType }, { requiredKeys: [] })
  })
  .map(({ body, headers }) => received(body, headers))

scanning('says what a scan of all routes says', () => {
  const seen: Record<string, number> = {}
  fc.assert(
    fc.property(
      fc.array(aMatching, { minLength: 1, maxLength: 8 }).map((matchings) => routesOf(...matchings)),
      aMessage,
      (routes, message) => {
        const expected = scanned(routes, message) as Record<string, unknown>
        const actual = summary(routes, message) as Record<string, unknown>
        const [kind = ''] = Object.keys(expected)
        seen[kind === 'route' ? (Object.keys(expected)[1] ?? '') : kind] = 1
        if (Array.isArray(expected.threw))
          assert.ok(expected.threw.includes(actual.where), String(actual.where))
        else assert.equal(actual, expected)
      }
    ),
    { numRuns: 1_000 }
  )
  assert.equal(Object.keys(seen).toSorted(), ['input', 'malformed', 'passed', 'several', 'threw'])
})

// cases

scanning('finds one of many keyed routes', () => {
  const routes = routesOf(...Array.from({ length: 1_000 }, (_, n) => byField('type', `order.${n}`)))
  assert.is(routed(routes, received({ type: 'order.777' })), 'route 778')
})

scanning('does not ask keyed routes whose keys do not hold', () => {
  const matcher: Matcher<any, any> = {
    ...toMatcher(byField('type', 'a')),
    match: () => {
      throw new Error('asked')
    }
  }
  assert.is(router([{ label: 'a', matcher }])(received({ type: 'b' }))._tag, 'Unclaimed')
})

scanning('looks at each of several keys', () => {
  const routes = routesOf(
    t.type({ type: t.literal('a'), v: t.literal(1) }),
    t.type({ type: t.literal('a'), v: t.literal(2) }),
    t.type({ v: t.literal(2), type: t.literal('b') })
  )
  const label = (body: unknown) => routed(routes, received(body))
  assert.equal(
    [label({ type: 'a', v: 1 }), label({ type: 'a', v: 2 }), label({ type: 'b', v: 2 })],
    ['route 1', 'route 2', 'route 3']
  )
  assert.equal(router(routes)(received({ type: 'b', v: 1 }))._tag, 'Unclaimed')
})

scanning('asks a route once, whichever of its alternatives hold', () => {
  let asked = 0
  const either = toMatcher(or(byField('type', 'a'), byHeader('event', 'a')))
  const matcher: Matcher<any, any> = {
    ...either,
    match: (message) => {
      asked += 1
      return either.match(message)
    }
  }
  const route = { label: 'either', matcher }
  assert.equal(router([route])(received({ type: 'a' }, { event: 'a' }))._tag, 'Claimed')
  assert.is(asked, 1)
})

scanning('names several in the order in which they stand', () => {
  const routes = routesOf(
    () => true,
    byHeader('event', 'x'),
    () => false,
    byField('v', 1),
    byField('type', 'a')
  )
  const said = routed(routes, received({ type: 'a', v: 1 }, { event: 'x' }))
  assert.equal(said, multipleMatches(['route 1', 'route 2', 'route 4', 'route 5']))
})

scanning('counts what does not decode among those that take the message', () => {
  const routes = routesOf(byField('type', 'a', t.type({ n: t.number })), () => true)
  assert.equal(routed(routes, received({ type: 'a' })), multipleMatches(['route 1', 'route 2']))
  assert.equal(
    routed(routes.slice(0, 1), received({ type: 'a' })),
    malformed([{ path: '.n', message: 'expected number' }])
  )
})

scanning('does not decide where a matcher throws, even if another takes the message', () => {
  const throws = () => {
    throw new Error('odd')
  }
  for (const routes of [routesOf(throws, () => true), routesOf(byField('type', 'a'), () => true, throws)]) {
    const said = router(routes)(received({ type: 'a' }))
    assert.equal([said._tag, said._tag !== 'Claimed' && said.failure()._tag], ['Undecided', 'Defect'])
  }
})

scanning('says of a route whose keys hold why it did not take the message all the same', () => {
  const isLarge = named('large', () => false)
  const matching = or(and(byField('type', 'order'), isLarge), byField('type', 'refund'))
  assert.equal(
    [{ type: 'order' }, { type: 'late' }].map((body) => routed(routesOf(matching), received(body))),
    [
      noMatch([{ route: 'route 1', reason: 'says no; .type is "order", not "refund"' }]),
      noMatch([{ route: 'route 1', reason: '.type is "late", not "order"; .type is "late", not "refund"' }])
    ]
  )
})

scanning('names no more than 20 routes that pass, and counts the rest', () => {
  const said = (length: number) =>
    routed(routesOf(...Array.from({ length }, () => () => false)), received({}))
  const misses = (length: number) =>
    Array.from({ length }, (_, index) => ({ route: `route ${index + 1}`, reason: 'says no' }))
  assert.equal(said(20), noMatch(misses(20)))
  assert.equal(said(21), noMatch(misses(20), 1))
  assert.equal(said(1_000), noMatch(misses(20), 980))
  assert.equal(said(0), noMatch())
})

scanning('does not throw where a matcher does when it is asked why it passed', () => {
  let asked = 0
  const fickle = (): boolean => {
    asked += 1
    if (asked > 1) throw new Error('odd')
    return false
  }
  const said = routed(routesOf(fickle), received({}))
  assert.ok(typeof said !== 'string' && ['NoMatch', 'Defect'].includes(said._tag))
})

scanning('does not throw where a body cannot be read', () => {
  const hostile = {
    get type(): string {
      throw new Error('no')
    }
  }
  const said = router(routesOf(byField('type', 'a')))(received(hostile))
  assert.equal([said._tag, said._tag !== 'Claimed' && said.failure()._tag], ['Undecided', 'Defect'])
})

scanning.run()
