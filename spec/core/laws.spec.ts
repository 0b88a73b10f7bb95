/** What holds of every processor, whatever the code around and inside it does. */
import * as fc from 'fast-check'
import * as t from 'io-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { withRetry } from '../../lib/combinators/retry.js'
import { withTimeout } from '../../lib/combinators/timeout.js'
import type { Clock } from '../../lib/core/clock.js'
import { type Failure, rejected } from '../../lib/core/failure.js'
import { type Format, json } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import type { PipelineHook } from '../../lib/core/hook.js'
import type { Dlq } from '../../lib/core/letter.js'
import { type Message, interruption, message } from '../../lib/core/message.js'
import { type Outcome, ack, ackWith, deadLettered, failed, nack, released } from '../../lib/core/outcome.js'
import { type Processor, combinator } from '../../lib/core/processor.js'
import { left, none, right, some } from '../../lib/core/result.js'
import type { Route } from '../../lib/core/route.js'
import { failureFromJson } from '../../lib/failures/from-json.js'
import { renderFailure } from '../../lib/failures/render.js'
import { failureToJson } from '../../lib/failures/to-json.js'
import { or } from '../../lib/matchers/composed.js'
import { byField, byHeader } from '../../lib/matchers/keyed.js'
import { toMatcher } from '../../lib/matchers/matching.js'
import { otherwise, route } from '../../lib/matchers/route.js'
import { withDlq } from '../../lib/timed.js'
import { turn } from '../support/clock.js'

// what must hold

const isTextOrNothing = (value: unknown): boolean => value === undefined || typeof value === 'string'

const failureProblem = (failure: Failure): string | undefined => {
  const text = JSON.stringify(failureToJson(failure))
  if (failureFromJson(JSON.parse(text))._tag === 'Left') return `its failure is none: ${text}`
  return typeof renderFailure(failure) === 'string' ? undefined : 'its failure cannot be shown'
}

/** Why something is no outcome that the rest of the library could do with. */
const problemOf = (outcome: Outcome): string | undefined => {
  try {
    switch (outcome._tag) {
      case 'Acked':
        return isTextOrNothing(outcome.note) ? undefined : 'its note is no text'
      case 'Nacked':
        return isTextOrNothing(outcome.reason) && ['undefined', 'number'].includes(typeof outcome.afterMs)
          ? undefined
          : 'its reason or delay is none'
      case 'Failed':
      case 'DeadLettered':
        return failureProblem(outcome.failure)
      case 'Released':
        return ['shutdown', 'leaseLost'].includes(outcome.reason) ? undefined : 'its reason is none'
      default:
        return `it is no outcome: ${JSON.stringify(outcome)}`
    }
  } catch (thrown) {
    return `it cannot be read: ${String(thrown)}`
  }
}

// what code can do

const refuse = (): never => {
  throw new Error('refused')
}

const refusing: ProxyHandler<any> = {
  get: refuse,
  has: refuse,
  ownKeys: refuse,
  apply: refuse,
  construct: refuse,
  getPrototypeOf: refuse,
  getOwnPropertyDescriptor: refuse
}

const revoked = (target: object): unknown => {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

/** Can be read so many times. */
const brittle = (value: object, reads: number): unknown => {
  let left = reads
  return new Proxy(value, {
    get: (target, name) => {
      if (name === 'then') return undefined
      left -= 1
      return left < 0 ? refuse() : Reflect.get(target, name)
    }
  })
}

/** Says something else each time it is read. */
const fickle = (...tags: readonly string[]): unknown => {
  let reads = 0
  return {
    get _tag() {
      reads += 1
      return tags[reads % tags.length]
    }
  }
}

// oxlint-disable-next-line unicorn/no-thenable -- what is warned of is what must be tried
const thenable = 'then'

const cyclic = (): unknown => {
  const error = new Error('cyclic')
  error.cause = error
  return error
}

/** Made anew for each use, and named so that a counterexample can be read. */
const garbage: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  NaN: () => NaN,
  bigint: () => 10n,
  symbol: () => Symbol('s'),
  text: () => 'Acked',
  function: () => () => ack,
  'throwing function': () => refuse,
  class: () => Date,
  array: () => [ack],
  object: () => ({}),
  'null prototype': () => Object.create(null),
  'object without text': () => ({ toString: undefined, valueOf: undefined, [Symbol.toPrimitive]: 3 }),
  'toJSON of nothing': () => ({ toJSON: () => undefined }),
  'throwing toJSON': () => ({ toJSON: refuse }),
  error: () => new RangeError('boom'),
  'cyclic error': cyclic,
  'error that refuses': () => Object.defineProperty(new Error('odd'), 'message', { get: refuse }),
  'error with odd fields': () =>
    Object.assign(new Error('odd'), { name: 3, stack: {}, cause: null, errors: 'many' }),
  'error with revoked errors': () => Object.assign(new Error('odd'), { errors: revoked([]) }),
  'error with refusing errors': () => Object.assign(new Error('odd'), { errors: new Proxy([1], refusing) }),
  'error with a refusing cause': () => new Error('odd', { cause: new Proxy({}, refusing) }),
  'aggregate error': () => new AggregateError([1, new Error('one')], 'many'),
  'refusing proxy': () => new Proxy({}, refusing),
  'refusing function proxy': () => new Proxy(() => ack, refusing),
  'refusing array proxy': () => new Proxy([], refusing),
  'revoked proxy': () => revoked({}),
  'revoked function proxy': () => revoked(() => ack),
  'refusing then': () => Object.defineProperty({}, thenable, { get: refuse }),
  'throwing then': () => Object.defineProperty({}, thenable, { value: refuse }),
  'other then': () =>
    Object.defineProperty({}, thenable, { value: (resolve: (value: unknown) => void) => resolve(3) }),
  Acked: () => ack,
  'Acked with odd fields': () => ({ _tag: 'Acked', note: {} }),
  'Nacked with odd fields': () => ({ _tag: 'Nacked', afterMs: 'soon' }),
  Failed: () => failed(rejected('late')),
  'Failed of nothing': () => ({ _tag: 'Failed' }),
  'Failed of an unknown failure': () => ({ _tag: 'Failed', failure: { _tag: 'Odd' } }),
  'Failed of half a failure': () => ({ _tag: 'Failed', failure: { _tag: 'Malformed' } }),
  'Failed of an odd failure': () => ({ _tag: 'Failed', failure: { _tag: 'Rejected', code: 3 } }),
  'Failed of a failure with an odd tag': () => ({ _tag: 'Failed', failure: { _tag: Object.create(null) } }),
  'Failed of a refusing failure': () => ({ _tag: 'Failed', failure: new Proxy({}, refusing) }),
  'Failed of odd details': () => failed(rejected('late', revoked({}) as never)),
  DeadLettered: () => deadLettered(rejected('late')),
  'DeadLettered of nothing': () => ({ _tag: 'DeadLettered' }),
  'Released for no reason': () => ({ _tag: 'Released' }),
  'Released for an odd reason': () => ({ _tag: 'Released', reason: 'tired' }),
  Call: () => ({ _tag: 'Call' }),
  Taken: () => ({ _tag: 'Taken' }),
  Passed: () => ({ _tag: 'Passed' }),
  Malformed: () => ({ _tag: 'Malformed' }),
  'Malformed with odd issues': () => ({ _tag: 'Malformed', issues: [3] }),
  Left: () => ({ _tag: 'Left' }),
  'Left of text': () => left('late'),
  'Left of an unknown failure': () => left({ _tag: 'Odd' }),
  'Left of a refusing failure': () => left(new Proxy({}, refusing)),
  Right: () => right(undefined),
  'Right that refuses': () => Object.defineProperty({ _tag: 'Right' }, 'right', { get: refuse }),
  'Right of a refusing proxy': () => right(new Proxy({}, refusing)),
  'Right of a field that refuses': () =>
    right(Object.defineProperty({}, 'type', { enumerable: true, get: refuse })),
  Some: () => ({ _tag: 'Some' }),
  'fickle outcome': () => fickle('Acked', 'Failed', 'Nacked', 'DeadLettered', 'Released'),
  'fickle Either': () => fickle('Left', 'Right'),
  ...Object.fromEntries(
    [1, 2, 3, 4, 5, 6, 8].flatMap((reads) => [
      [`Acked to be read ${reads} times`, () => brittle(ack, reads)],
      [`Failed to be read ${reads} times`, () => brittle(failed(rejected('late')), reads)],
      [`Right to be read ${reads} times`, () => brittle(right(1), reads)],
      [`Left to be read ${reads} times`, () => brittle(left(rejected('late')), reads)]
    ])
  )
}

/** What a function can do with it. */
const ways: Readonly<Record<string, (value: unknown) => unknown>> = {
  returns: (value) => value,
  throws: (value) => {
    throw value
  },
  promises: async (value) => value,
  rejects: async (value) => {
    throw value
  },
  'is a Task of': (value) => async () => value,
  'is a Task that throws': (value) => () => {
    throw value
  },
  'is a Task that rejects': (value) => async () => {
    throw value
  }
}

/** Undefined: what it should. */
type Deed = { readonly way: string; readonly value: string } | undefined

const aDeed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.record({
      way: fc.constantFrom(...Object.keys(ways)),
      value: fc.constantFrom(...Object.keys(garbage))
    })
  }
)

/** Does the deed, or what it should. */
const act = (deed: Deed, should: () => unknown): any =>
  deed === undefined ? should() : ways[deed.way]?.(garbage[deed.value]?.())

// processors made of it

type Layer =
  | { readonly kind: 'combinator' | 'closure' | 'outcome' | 'withRetry' | 'withDlq'; readonly deed: Deed }
  | { readonly kind: 'withTimeout' }

const aLayer: fc.Arbitrary<Layer> = fc.oneof(
  fc.record({
    kind: fc.constantFrom<'combinator' | 'closure' | 'outcome'>(
      'combinator',
      'combinator',
      'closure',
      'closure',
      'outcome'
    ),
    deed: aDeed
  }),
  fc.record({ kind: fc.constantFrom('withRetry' as const, 'withDlq' as const), deed: aDeed }),
  fc.constant({ kind: 'withTimeout' as const })
)

const aRoute = fc.record({
  kind: fc.constantFrom(
    'field',
    'header',
    'predicate',
    'matcher',
    'keyed matcher',
    'codec',
    'schema',
    'or',
    'otherwise'
  ),
  deed: aDeed,
  handler: aDeed,
  around: fc.option(aLayer, { nil: undefined })
})

const aPlan = fc.record({
  format: aDeed,
  hooks: fc.array(fc.record({ acquire: aDeed, release: fc.option(aDeed, { nil: null }) }), { maxLength: 3 }),
  routes: fc.array(aRoute, { minLength: 1, maxLength: 3 }),
  layers: fc.array(aLayer, { maxLength: 3 }),
  interrupted: fc.constantFrom('never', 'never', 'never', 'before', 'by the handler'),
  redelivers: fc.boolean()
})

type Plan = typeof aPlan extends fc.Arbitrary<infer P> ? P : never

/** All waits are over at once. */
const hasty: Clock = {
  now: () => 0,
  monotonic: () => 0,
  after: (_, call) => {
    queueMicrotask(call)
    return () => undefined
  },
  random: () => 0.5
}

/** No wait is ever over. */
const stopped: Clock = { ...hasty, after: () => () => undefined }

/** What a breach of the law was seen inside, where a guard further out would hide it. */
type Breaches = string[]

const watched =
  (breaches: Breaches, processor: Processor) => (message: Message) => async (): Promise<Outcome> => {
    try {
      const outcome = await processor(message)()
      const problem = problemOf(outcome)
      if (problem !== undefined) breaches.push(`inside: ${problem}`)
      return outcome
    } catch (thrown) {
      breaches.push('inside: a processor of the library rejected')
      throw thrown
    }
  }

const wrap = (processor: Processor, layer: Layer, breaches: Breaches): Processor => {
  switch (layer.kind) {
    case 'combinator':
      return combinator(
        'odd',
        (inner) => (message) => act(layer.deed, () => watched(breaches, inner)(message))
      )(processor)
    case 'outcome':
      return combinator('changing', (inner) => (message) => async () => {
        await watched(breaches, inner)(message)()
        return act(layer.deed, () => nack())
      })(processor)
    case 'closure':
      return (message) => act(layer.deed, () => processor(message))
    case 'withRetry': {
      let asked = 0
      const policy = () => act(layer.deed, () => ((asked += 1) < 3 ? some(1) : none))
      return withRetry(policy, hasty)(processor)
    }
    case 'withDlq': {
      const dlq: Dlq = { location: 'nowhere', put: () => act(layer.deed, () => async () => right(undefined)) }
      return withDlq(dlq)(processor)
    }
    case 'withTimeout':
      return withTimeout(5, 5, stopped)(processor)
  }
}

const matcherOf = ({ kind, deed }: Plan['routes'][number]): any => {
  const odd = () => act(deed, () => true)
  /** A promise that a refinement gives is dropped by io-ts, where nothing of ours can hear it reject. */
  const heard = () => {
    const given = odd()
    if (given instanceof Promise) given.catch(() => undefined)
    return given
  }
  const standard = { version: 1, vendor: 'test', validate: () => act(deed, () => ({ value: 1 })) }
  switch (kind) {
    case 'field':
      return byField('a.type', 'order')
    case 'header':
      return byHeader('x-event', 'push')
    case 'matcher':
      return { ...toMatcher(() => true), match: () => act(deed, () => ({ _tag: 'Taken', input: 1 })) }
    case 'keyed matcher':
      return { ...toMatcher(byField('type', 'order')), decided: false, match: odd }
    case 'codec':
      return t.type({ type: t.literal('refund'), n: t.refinement(t.unknown, heard) })
    case 'schema':
      return { '~standard': standard }
    case 'or':
      return or(byField('b', 1), odd)
    default:
      return odd
  }
}

const built = (plan: Plan, interrupt: () => void, breaches: Breaches): Processor => {
  const hooks = plan.hooks.map(({ acquire, release }, index): PipelineHook => ({
    name: `h${index}`,
    acquire: () => act(acquire, async () => 1),
    release: release === null ? undefined : () => act(release, async () => undefined)
  }))
  const rest = plan.routes.findIndex(({ kind }) => kind === 'otherwise')
  const routes = plan.routes.map((given, index) => {
    const handler = () => {
      if (plan.interrupted === 'by the handler') interrupt()
      return act(given.handler, async () => ackWith({ note: 'done' }))
    }
    const { around } = given
    return given.kind === 'otherwise' && index === rest
      ? otherwise(handler)
      : route(matcherOf(given), handler, around && ((inner: Processor) => wrap(inner, around, breaches)))
  })
  const format: Format<any> = (message) => act(plan.format, () => json(message))
  const pipeline = handle(...(routes as readonly Route<any, any>[]))({ format, hooks })
  const processor = plan.layers.reduce((inner, layer) => wrap(inner, layer, breaches), pipeline)
  // A bare closure is no processor of the library's before something of the library is around it.
  return plan.layers.at(-1)?.kind === 'closure'
    ? combinator('outermost', (inner) => (message) => inner(message))(processor)
    : processor
}

/** Nothing where the plan is a mistake that is refused when it is built. */
const builtUnlessRefused = (...given: Parameters<typeof built>): Processor | undefined => {
  try {
    return built(...given)
  } catch (thrown) {
    if (thrown instanceof TypeError && thrown.message.includes('remove or narrow')) return undefined
    throw thrown
  }
}

const laws = suite('a processor')

laws('never rejects, and always gives exactly one well-formed outcome', async () => {
  const unhandled: unknown[] = []
  const listen = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', listen)
  const bodies = [{ type: 'order', a: { type: 'order' } }, { type: 'refund' }, 'not JSON']
  try {
    await fc.assert(
      fc.asyncProperty(aPlan, async (plan) => {
        const breaches: Breaches = []
        const controller = new AbortController()
        const interrupt = () => controller.abort(interruption('shutdown'))
        const processor = builtUnlessRefused(plan, interrupt, breaches)
        if (processor === undefined) return
        if (plan.interrupted === 'before') interrupt()
        for (const body of bodies) {
          const delivered = message(body, {
            signal: controller.signal,
            redelivers: plan.redelivers,
            headers: { 'x-event': 'push' }
          })
          const task = processor(delivered)
          assert.is(problemOf(await task()), undefined)
        }
        assert.equal(breaches, [])
        await turn()
        assert.equal(unhandled.splice(0).length, 0, 'a rejection was left unhandled')
      }),
      { numRuns: 1_500 }
    )
  } finally {
    process.off('unhandledRejection', listen)
  }
})

laws('is Released, unless it acked or stored, once its message was interrupted', async () => {
  await fc.assert(
    fc.asyncProperty(aPlan, async (plan) => {
      const controller = new AbortController()
      controller.abort(interruption('leaseLost'))
      const library = { ...plan, layers: plan.layers.filter(({ kind }) => kind !== 'closure') }
      const processor = builtUnlessRefused(library, () => undefined, [])
      if (processor === undefined) return
      const outcome = await processor(message({ type: 'order' }, { signal: controller.signal }))()
      assert.ok(['Acked', 'DeadLettered', 'Released'].includes(outcome._tag), outcome._tag)
      if (outcome._tag === 'Released' && plan.layers.length === 0)
        assert.equal(outcome, released('leaseLost'))
    }),
    { numRuns: 500 }
  )
})

laws.run()
