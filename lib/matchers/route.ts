/** Making routes, of whatever can say what a route takes. */
import type { Matcher } from '../core/matcher.js'
import type { Message } from '../core/message.js'
import type { Context } from '../core/pipeline.js'
import type { Processor } from '../core/processor.js'
import type { Handler, Route } from '../core/route.js'
import { type InputOf, type Matching, toMatcher } from './matching.js'

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
