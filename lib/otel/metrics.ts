/** Metrics of messages: how many, how long, and how many at a time. */
import type { Attributes, Meter } from '@opentelemetry/api'
import type { Clock } from '../core/clock.js'
import type { Message } from '../core/message.js'
import { type Processor, combinator } from '../core/processor.js'
import { systemClock } from '../system.js'
import { loadApi, quietlyFor, scope } from './api.js'
import { placeOf } from './place.js'
import * as names from './semconv.js'
import { routeOf, told } from './told.js'

// model

/** Which meter counts, and by which attributes. */
export interface MetricsOptions {
  /** The global one as it is when the pipeline is built, unless it is said. */
  readonly meter?: Meter
  /** Says more of where a message comes from. Each value makes further series, so there are to be few. */
  readonly attributes?: (message: Message) => Attributes
  readonly clock?: Clock
}

// combinators

/**
 * Counts messages, `messaging.client.consumed.messages`, and measures in seconds how long they take,
 * `messaging.process.duration`: both by where they come from, route, outcome and `error.type`, the failure's tag.
 * `missive.process.active` is how many are under way. The outcome passes through unchanged, also where the meter throws.
 *
 * The meter is asked for when the pipeline is built, and the global one does nothing until an SDK is registered: do that
 * first. Outside `withDlq` a failure is `DeadLettered`, inside `Failed`; outside `withRetry` all attempts are one.
 *
 * @example
 * const processor = pipe(receive(text), handle(otherwise(async () => ack)), withMetrics())
 * assert.equal(await processor(message('Hello'))(), ack)
 *
 * @throws Error if @opentelemetry/api is not installed
 * @since 0.1.0
 */
export const withMetrics = (options: MetricsOptions = {}): (<P extends Processor>(processor: P) => P) => {
  const api = loadApi('withMetrics')
  const quietly = quietlyFor('withMetrics', api)
  const { meter = api.metrics.getMeter(scope), attributes, clock = systemClock } = options
  const consumed = quietly(() =>
    meter.createCounter(names.consumedMessages, {
      description: 'Messages that were processed, whatever became of them.',
      unit: '{message}'
    })
  )
  const duration = quietly(() =>
    meter.createHistogram(names.processDuration, {
      description: 'Duration of processing operation.',
      unit: 's',
      advice: { explicitBucketBoundaries: names.durationBuckets }
    })
  )
  const active = quietly(() =>
    meter.createUpDownCounter('missive.process.active', {
      description: 'Messages that are being processed.',
      unit: '{message}'
    })
  )
  return combinator('withMetrics', (processor) => (message) => async () => {
    const said = attributes === undefined ? undefined : quietly(() => attributes(message))
    const place = quietly(() => placeOf(message, said)) ?? {}
    const startedAt = quietly(() => clock.monotonic())
    quietly(() => active?.add(1, place))
    const outcome = await processor(message)()
    quietly(() => active?.add(-1, place))
    const series = { ...place, ...routeOf(message), ...told(outcome) }
    quietly(() => consumed?.add(1, series))
    if (startedAt !== undefined)
      quietly(() => duration?.record((clock.monotonic() - startedAt) / 1_000, series))
    return outcome
  })
}
