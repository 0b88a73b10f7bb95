/** A limit to how often a message is started: what keeps killing its process must not do so for ever. */
import { tooManyDeliveries } from '../core/failure.js'
import { failed } from '../core/outcome.js'
import { type Processor, type Unsettled, described, fromRun, runOf } from '../core/processor.js'
import type { Run } from '../core/run.js'

/**
 * Fails a message with `TooManyDeliveries`, before anything of it runs, when it was started `max` times already and
 * never done: because its process died of it, or because it was nacked each time. Other messages pass through. A
 * source counts starts across processes as far as it can bring messages back; a forced kill counts one start for
 * each message that was in flight, with Redis Streams for each that was read ahead, so `max` is best at least 5.
 *
 * @example
 * const limited = pipe(receive(text), handle(otherwise(async () => ack)), withMaxDeliveries(5))
 * const outcomes = [await limited(message('Hello', { deliveryCount: 5 }))()]
 * outcomes.push(await limited(message('Hello', { deliveryCount: 6 }))())
 * assert.equal(outcomes, [ack, failed(tooManyDeliveries(5))])
 *
 * @throws RangeError if `max` is no whole number of at least 1
 * @since 0.1.0
 */
export const withMaxDeliveries = (max: number): ((processor: Unsettled) => Processor) => {
  if (!(Number.isInteger(max) && max >= 1))
    throw new RangeError('withMaxDeliveries: max is a whole number of at least 1')
  return (processor) => {
    const inner = runOf(processor)
    const run: Run = (message) =>
      message.deliveryCount > max ? failed(tooManyDeliveries(message.deliveryCount - 1)) : inner(message)
    return fromRun(run, described(processor, 'withMaxDeliveries'))
  }
}
