/** Handling: routes end a pipeline, and make it a processor. */
import { hush } from './captured.js'
import { type Failure, defect, isFailure } from './failure.js'
import type { Format } from './format.js'
import { gatheringOf } from './gathering.js'
import { type HookContext, type PipelineHook, withHooks } from './hook.js'
import { type Message, abandonmentOf, withBody } from './message.js'
import { refuseOverlaps } from './mistakes.js'
import { type Outcome, failed, unlessInterrupted } from './outcome.js'
import type { Context, Pipeline } from './pipeline.js'
import {
  type DescribedRoute,
  type Description,
  type Processor,
  type Selection,
  fromRun,
  runOf
} from './processor.js'
import type { Handler, Route } from './route.js'
import { type Routable, type Routed, router } from './router.js'
import { type Begun, Call, type Run, concluded, handlerOf } from './run.js'

// combinators

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
    if (typeof pipeline?.format !== 'function')
      throw new TypeError('handle: begin the pipeline with receive(format)')
    const labels = labelsOf(routes)
    const prepared = routes.map((route, index) => prepare(pipeline, route, labels[index] as string, index))
    refuseOverlaps(prepared)
    const fallback = prepared.find(({ matcher }) => matcher === undefined)
    const select = router(prepared.filter(isRoutable))
    const decode = decoder(pipeline.format)

    const take: Run = (message) => {
      const decoded = decode(message)
      if (isFailed(decoded)) return unlessInterrupted(message, failed(decoded))
      const routed = select(decoded)
      if (routed._tag === 'Claimed') return run(routed.route, decoded, routed)
      if (routed._tag === 'Unclaimed' && fallback !== undefined) return run(fallback, decoded, undefined)
      return unlessInterrupted(message, failed(routed.failure()))
    }

    const description: Description = {
      combinators: [],
      routes: prepared,
      select: (message) => {
        const decoded = decode(message)
        if (!isFailed(decoded)) return selection(select(decoded), fallback?.label)
        return { _tag: decoded._tag === 'Defect' ? 'Undecided' : 'Passed', failure: decoded }
      }
    }
    return fromRun(take, description)
  }

// helpers

/** A route as data, so that ten thousand of them are few objects each. */
interface Prepared extends DescribedRoute {
  readonly handler: Handler<any, any>
  readonly hooks: readonly PipelineHook[]
  /** The route with what is around it. */
  readonly whole: Run | undefined
}

type Claimed = Extract<Routed<unknown>, { readonly _tag: 'Claimed' }>

const isRoutable = (route: Prepared): route is Prepared & Routable => route.matcher !== undefined

const prepare = (
  { hooks }: Pipeline<any, any>,
  { matcher, given, handler: called, around }: Route<any, any>,
  label: string,
  index: number
): Prepared => {
  const place = placeOf(index)
  if (typeof called !== 'function') throw new TypeError(`${place} has no handler`)
  const { handler, batch } = gatheringOf(called)
  const bare: Prepared = { label, place, matcher, given, batch, handler, hooks, whole: undefined }
  return around === undefined ? bare : { ...bare, whole: surrounded(around, bare) }
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
const surrounded = (around: (processor: Processor) => Processor, bare: Prepared): Run => {
  const select = isRoutable(bare) ? router([bare]) : undefined
  const inner: Run = (message) => {
    const routed = select?.(message)
    return routed === undefined || routed._tag === 'Claimed'
      ? run(bare, message, routed)
      : failed(routed.failure())
  }
  const description: Description = {
    combinators: [],
    routes: [bare],
    select: () => ({ _tag: 'Taken', route: bare.label, otherwise: bare.matcher === undefined })
  }
  return runOf(around(fromRun(inner, description)))
}

/** The message with its body, or why it has none. */
const decoder =
  <B>(format: Format<B>) =>
  (message: Message): Message<B> | Failure => {
    try {
      if (message.fault !== undefined) return message.fault
      const body = format(message)
      if (body._tag === 'Right') return withBody(message, body.right)
      if (body._tag === 'Left' && isFailure(body.left)) return body.left
      hush(body)
      throw new TypeError('gave something that is no Either')
    } catch (thrown) {
      return defect('the format', thrown)
    }
  }

/** Messages have no tag. */
const isFailed = (decoded: Message | Failure): decoded is Failure =>
  (decoded as Partial<Failure>)._tag !== undefined

/** A route's way from a message that it took to the outcome. */
const run = (route: Prepared, message: Message, routed: Claimed | undefined): Begun => {
  message.trace.route = route.label
  if (route.whole !== undefined) return route.whole(message)
  if (routed?.failure !== undefined) return unlessInterrupted(message, failed(routed.failure))
  const input = routed === undefined ? message : routed.input
  const abandoned = abandonmentOf(message)
  return route.hooks.length === 0 && abandoned === undefined
    ? call(route, input, { message })
    : callWithHooks(route, input, message, abandoned)
}

const call = (route: Prepared, input: unknown, context: HookContext): Outcome | Call => {
  const { message } = context
  try {
    const result = route.handler(input, context)
    return new Call(typeof result === 'function' ? result() : result, message, route.label)
  } catch (thrown) {
    return unlessInterrupted(message, failed(defect(handlerOf(route.label), thrown)))
  }
}

/** The same between its hooks. A handler that is given up is not waited for, nor started when it was before. */
const callWithHooks = async (
  route: Prepared,
  input: unknown,
  message: Message,
  abandoned: Promise<Failure> | undefined
): Promise<Outcome> => {
  let isAbandoned = false
  let handling: Promise<Outcome> | undefined
  const given = abandoned?.then((failure) => {
    isAbandoned = true
    if (handling !== undefined) message.trace.abandoned = handling
    return failed(failure)
  })
  const use = (context: HookContext): Outcome | Promise<Outcome> => {
    if (given !== undefined && isAbandoned) return given
    const outcome = concluded(call(route, input, context))
    if (given === undefined || !(outcome instanceof Promise)) return outcome
    handling = outcome
    return Promise.race([outcome, given])
  }
  return unlessInterrupted(message, await withHooks(route.hooks, { message }, use, () => isAbandoned))
}

const selection = (routed: Routed<Routable>, fallback: string | undefined): Selection => {
  if (routed._tag === 'Claimed') {
    const { route, failure } = routed
    return { _tag: 'Taken', route: route.label, otherwise: false, ...(failure && { failure }) }
  }
  const isUnclaimed = routed._tag === 'Unclaimed'
  return isUnclaimed && fallback !== undefined
    ? { _tag: 'Taken', route: fallback, otherwise: true }
    : { _tag: isUnclaimed ? 'Passed' : 'Undecided', failure: routed.failure() }
}
