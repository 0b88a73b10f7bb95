/** Routes: a matcher with the handler of what it takes. */
import type { Task } from 'fp-ts/lib/Task.js'
import { type InputOf, type Matcher, type Matching, toMatcher } from './matcher.js'
import type { Message } from './message.js'
import type { Verdict } from './outcome.js'
import type { Context } from './pipeline.js'
import type { Processor } from './processor.js'

// model

/** The user's work. Called only when the processor's Task runs, so an `async` function is as lazy as a Task. */
export type Handler<A, C> = (input: A, context: C) => Task<Verdict> | Promise<Verdict>

/** A matcher with its handler; what `route` and `otherwise` make. */
export interface Route<B, C> {
  /** `undefined`: takes what no route takes. */
  readonly matcher: Matcher<B, any> | undefined
  /** What was given as the matcher. */
  readonly given: unknown
  readonly handler: Handler<any, C>
  /** Laid around this route alone; `undefined`: nothing is. */
  readonly around: ((processor: Processor) => Processor) | undefined
}

// constructors

/**
 * A handler with the matcher that says what it is for. `around` is laid around this route alone: its decoding,
 * the pipeline's hooks and its handler.
 *
 * @example
 * const Order = t.type({ type: t.literal('order.placed'), total: t.number })
 * const processor = pipe(
 *   receive(json),
 *   handle(route(Order, async (order) => ackWith({ note: `${order.total} to pay` })))
 * )
 * assert.equal(await processor(message({ type: 'order.placed', total: 3 }))(), ackWith({ note: '3 to pay' }))
 *
 * @throws TypeError if the matcher is nothing that can match
 * @since 0.1.0
 */
export const route = <B, M extends Matching<B>, C = Context<unknown>>(
  matcher: M | Matcher<NoInfer<B>, any>,
  handler: Handler<InputOf<M, NoInfer<B>>, C>,
  around?: (processor: Processor) => Processor
): Route<B, C> => ({ matcher: toMatcher(matcher), given: matcher, handler, around })

/**
 * Takes what no route took; at most one in a pipeline. What did not decode is not offered to it.
 *
 * @example
 * const processor = pipe(receive(text), handle(otherwise(async ({ body }) => ackWith({ note: body }))))
 * assert.equal(await processor(message('Hello'))(), ackWith({ note: 'Hello' }))
 *
 * @since 0.1.0
 */
export const otherwise = <B, C = Context<B>>(handler: Handler<Message<B>, C>): Route<B, C> => ({
  matcher: undefined,
  given: undefined,
  handler,
  around: undefined
})
