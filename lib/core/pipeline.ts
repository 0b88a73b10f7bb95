/** Pipelines: a format, hooks and routes, put together to a processor. */
import type { Either } from 'fp-ts/lib/Either.js'
import { type Failure, defect } from './failure.js'
import type { Format } from './format.js'
import { type Acquire, type Hook, type HookContext, type Release, refuseNamesake, withHooks } from './hook.js'
import type { Matcher } from './matcher.js'
import { type Message, abandonmentOf, withBody } from './message.js'
import { refuseOverlaps } from './mistakes.js'
import { type Outcome, failed, isVerdict, unlessInterrupted } from './outcome.js'
import {
  type Description,
  type Processor,
  type Run,
  type Selection,
  type Step,
  fromRun,
  runOf,
  stepped
} from './processor.js'
import type { Route } from './route.js'
import { type Routable, type Routed, router } from './router.js'
import { left } from './result.js'

// model

export interface Context<B> {
  readonly message: Message<B>
}

/** Carries, in types alone, what the hooks so far provide. */
export interface Provides<out R> {
  readonly _provides?: R
}

/** A context in which no hook has taken this name. */
export type Unused<N extends string> = { readonly message: unknown } & { readonly [K in N]?: never }

/** A format and hooks, waiting for routes. */
export interface Pipeline<B, C extends Context<B>> extends Provides<C> {
  readonly format: Format<B>
  readonly hooks: readonly Hook[]
  readonly _needs?: (context: C) => C
}

// constructors

/**
 * Begins a pipeline: messages are decoded by this format.
 *
 * @example
 * const processor = pipe(receive(json), handle(otherwise(async () => ack)))
 * const outcome = await processor(message('not JSON'))()
 * assert.equal(outcome, failed(malformed([{ path: '', message: 'not JSON' }])))
 *
 * @since 0.1.0
 */
export const receive = <B>(format: Format<B>): Pipeline<B, Context<B>> => ({ format, hooks: [] })

// combinators

/**
 * Adds something that lives for one message: acquired once a route has taken the message, found by `name` in the
 * context of later hooks and handlers, and released when the outcome is known. A `Left` of acquire becomes the
 * failure and the handler is not run; what throws or rejects becomes `HookFailed`. A release that fails replaces
 * `Acked` alone. Without a pipeline in front it is a value of its own that can be used in many.
 *
 * @example
 * const log: string[] = []
 * const logged = hook('log', async () => log, async (lines, outcome) => void lines.push(outcome._tag))
 * const processor = pipe(receive(text), logged, handle(otherwise(async (_, { log }) => {
 *   log.push('handled')
 *   return ack
 * })))
 * await processor(message('Hello'))()
 * assert.equal(log, ['handled', 'Acked'])
 *
 * @since 0.1.0
 */
export const hook =
  <N extends string, R, A>(name: N, acquire: Acquire<R, A>, release?: Release<A>) =>
  <B, C extends Context<B>>(
    pipeline: Pipeline<B, C> & Provides<R & Unused<N>>
  ): Pipeline<B, C & { readonly [K in N]: A }> => {
    refuseNamesake(pipeline.hooks, name)
    return { format: pipeline.format, hooks: [...pipeline.hooks, { name, acquire, release }] }
  }

/**
 * Ends a pipeline with its routes: a message goes to the one route that takes it. None, or several, are a
 * failure, and then no handler and no hook is run.
 *
 * @example
 * const processor = pipe(
 *   receive(text),
 *   handle(
 *     route(named('greeting', ({ body }) => body.startsWith('H')), async () => ack),
 *     route(named('shout', ({ body }) => body.endsWith('!')), async () => ack)
 *   )
 * )
 * assert.equal(await processor(message('Hello'))(), ack)
 * assert.equal(await processor(message('Hello!'))(), failed(multipleMatches(['greeting', 'shout'])))
 *
 * @throws TypeError that names both, if two routes must take the same messages
 * @since 0.1.0
 */
export const handle =
  <B, C extends Context<B>>(...routes: readonly Route<NoInfer<B>, NoInfer<C>>[]) =>
  (pipeline: Pipeline<B, C>): Processor => {
    const labels = labelsOf(routes)
    const described = routes.map(({ matcher, given }, index) => ({
      label: labels[index] as string,
      place: placeOf(index),
      matcher,
      given
    }))
    refuseOverlaps(described)
    const decode = decoder(pipeline.format)

    const finished = (step: Step): Run => {
      const prepared = routes.map((route, index) => prepare(pipeline, route, labels[index] as string, step))
      const select = router(prepared.filter(isRoutable))
      const fallback = prepared.find(({ matcher }) => matcher === undefined)
      return (message) => {
        const body = decode(message)
        if (body._tag === 'Left') return step(message, unlessInterrupted(message, failed(body.left)))
        const decoded = withBody(message, body.right)
        const routed = select(decoded)
        if (routed._tag === 'Claimed') return routed.route.run(decoded, routed)
        if (routed._tag === 'Unclaimed' && fallback !== undefined) return fallback.run(decoded, undefined)
        return step(message, unlessInterrupted(message, failed(routed.failure)))
      }
    }

    const select = router(described.filter(isRoutable))
    const fallback = described.find(({ matcher }) => matcher === undefined)
    const description: Description = {
      combinators: [],
      routes: described,
      select: (message) => {
        const body = decode(message)
        if (body._tag === 'Left') {
          return { _tag: body.left._tag === 'Defect' ? 'Undecided' : 'Passed', failure: body.left }
        }
        return selection(select(withBody(message, body.right)), fallback?.label)
      }
    }
    return fromRun(finished(unchanged), description, finished)
  }

// helpers

interface Prepared {
  readonly label: string
  readonly matcher: Matcher<any, any> | undefined
  readonly run: (message: Message, routed: Claimed | undefined) => Outcome | Promise<Outcome>
}

type Claimed = Extract<Routed<unknown>, { readonly _tag: 'Claimed' }>

const unchanged: Step = (_, outcome) => outcome

const isRoutable = <R extends { readonly label: string; readonly matcher: Matcher<any, any> | undefined }>(
  route: R
): route is R & Routable => route.matcher !== undefined

/** A route's way from a message that it took to the outcome, and on through the step. */
const prepare = (
  { hooks }: Pipeline<any, any>,
  { matcher, handler, around }: Route<any, any>,
  label: string,
  step: Step
): Prepared => {
  const last = around === undefined ? step : unchanged
  const work = worker(hooks, handler, label, last)
  const run: Prepared['run'] = (message, routed) =>
    routed?.failure === undefined
      ? work(message, routed === undefined ? message : routed.input)
      : last(message, unlessInterrupted(message, failed(routed.failure)))
  const whole = around === undefined ? undefined : surrounded(around, label, matcher, run)
  return {
    label,
    matcher,
    run: (message, routed) => {
      message.trace.route = label
      return whole === undefined ? run(message, routed) : stepped(whole(message), message, step)
    }
  }
}

const placeOf = (index: number): string => `route ${index + 1}`

/** A route is called by its matcher's label, and by its place too where that says nothing or is not its alone. */
const labelsOf = (routes: readonly Route<any, any>[]): readonly string[] => {
  const labels = routes.map(({ matcher }) => (matcher === undefined ? 'otherwise' : matcher.label))
  const seen = new Map<string, number>()
  for (const label of labels) seen.set(label, (seen.get(label) ?? 0) + 1)
  return labels.map((label, index) => {
    if (label === '') return placeOf(index)
    return seen.get(label) === 1 ? label : `${label} (${placeOf(index)})`
  })
}

/** What surrounds a route may hand on a message that it changed, so the route's matcher is asked about that one. */
const surrounded = (
  around: (processor: Processor) => Processor,
  label: string,
  matcher: Prepared['matcher'],
  run: Prepared['run']
): Run => {
  const select = matcher === undefined ? undefined : router([{ label, matcher }])
  const inner: Run = (message) => {
    const routed = select?.(message)
    return routed === undefined || routed._tag === 'Claimed' ? run(message, routed) : failed(routed.failure)
  }
  return runOf(around(fromRun(inner, undefined)))
}

const decoder =
  <B>(format: Format<B>) =>
  (message: Message): Either<Failure, B> => {
    if (message.fault !== undefined) return left(message.fault)
    try {
      const body = format(message)
      if (body._tag === 'Left' || body._tag === 'Right') return body
      return left(defect('the format', new TypeError('gave something that is no Either')))
    } catch (thrown) {
      return left(defect('the format', thrown))
    }
  }

/** Acquires the hooks, calls the handler, and hands the outcome of it all on to the step. */
const worker = (hooks: readonly Hook[], handler: Route<any, any>['handler'], label: string, step: Step) => {
  const where = `the handler of ${label}`
  const call = async (input: unknown, context: HookContext, then: Step): Promise<Outcome> => {
    const { message } = context
    try {
      const result = handler(input, context)
      const verdict: unknown = await (typeof result === 'function' ? result() : result)
      if (isVerdict(verdict)) return then(message, unlessInterrupted(message, verdict))
      const misuse = new TypeError('gave something that is no verdict; give ack, nack() or failed(...)')
      return then(message, failed(defect(where, misuse)))
    } catch (thrown) {
      return then(message, unlessInterrupted(message, failed(defect(where, thrown))))
    }
  }
  return (message: Message, input: unknown): Promise<Outcome> => {
    const abandoned = abandonmentOf(message)
    if (hooks.length === 0 && abandoned === undefined) return call(input, { message }, step)
    let isAbandoned = false
    const given = abandoned?.then((failure) => {
      isAbandoned = true
      return failed(failure)
    })
    const use = (context: HookContext): Promise<Outcome> => {
      if (given === undefined) return call(input, context, unchanged)
      return isAbandoned ? given : Promise.race([call(input, context, unchanged), given])
    }
    return withHooks(hooks, { message }, use, () => isAbandoned).then((outcome) =>
      step(message, unlessInterrupted(message, outcome))
    )
  }
}

const selection = (routed: Routed<Routable>, fallback: string | undefined): Selection => {
  if (routed._tag === 'Undecided') return routed
  if (routed._tag === 'Claimed') {
    const { label } = routed.route
    return {
      _tag: 'Taken',
      route: label,
      otherwise: false,
      ...(routed.failure && { failure: routed.failure })
    }
  }
  return fallback === undefined
    ? { _tag: 'Passed', failure: routed.failure }
    : { _tag: 'Taken', route: fallback, otherwise: true }
}
