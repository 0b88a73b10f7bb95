/** Explanations: what a processor would do with a message, said without doing anything. */
import { type Failure, defect } from '../core/failure.js'
import { type Message, restored } from '../core/message.js'
import type { Processor, Selection } from '../core/processor.js'
import { printable, renderFailure } from '../failures/render.js'

// model

/**
 * `Taken`: this route takes the message, and it decodes. `Refused`: no handler would be run, and why; with a
 * route if one takes the message that does not decode. `Opaque`: the processor does not tell its routes.
 */
export type Explanation =
  | { readonly _tag: 'Taken'; readonly route: string; readonly otherwise: boolean }
  | { readonly _tag: 'Refused'; readonly route: string | undefined; readonly failure: Failure }
  | { readonly _tag: 'Opaque' }

// readers

/**
 * Says which route takes a message or why none does, and whether it decodes. Runs formats and matchers, and no
 * hook, no handler and no queue; works through every combinator that was made with `combinator`.
 *
 * @example
 * const Order = t.type({ type: t.literal('order'), total: t.number })
 * const processor = pipe(receive(json), handle(route(Order, async () => ack)), withDlq(memoryDlq()))
 * const explained = ['{"type":"order","total":3}', '{"type":"order"}', '{}'].map((text) =>
 *   renderExplanation(explain(processor)(message(text)))
 * )
 * assert.equal(explained, [
 *   'taken by order',
 *   'refused by order: malformed: .total expected number',
 *   'refused: no route matches (order: .type is absent, not "order")'
 * ])
 *
 * @since 0.1.0
 */
export const explain =
  ({ description }: Processor) =>
  (message: Message): Explanation => {
    if (description === undefined) return { _tag: 'Opaque' }
    try {
      return explanationOf(description.select(restored(message)))
    } catch (thrown) {
      return { _tag: 'Refused', route: undefined, failure: defect('the description', thrown) }
    }
  }

/**
 * One line for people.
 *
 * @since 0.1.0
 */
export const renderExplanation = (explanation: Explanation): string => {
  switch (explanation._tag) {
    case 'Taken':
      return printable(`taken by ${explanation.route}`)
    case 'Refused': {
      const { route, failure } = explanation
      const [summary = ''] = renderFailure(failure).split('\n')
      return `refused${route === undefined ? '' : ` by ${printable(route)}`}: ${summary}`
    }
    case 'Opaque':
      return 'the processor does not tell its routes; make what wraps it with combinator(name, wrap)'
  }
}

// helpers

const explanationOf = (selection: Selection): Explanation => {
  if (selection._tag !== 'Taken') return { _tag: 'Refused', route: undefined, failure: selection.failure }
  const { route, otherwise, failure } = selection
  return failure === undefined ? { _tag: 'Taken', route, otherwise } : { _tag: 'Refused', route, failure }
}
