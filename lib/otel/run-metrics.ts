/** Metrics of runs: how things stand at the source and in the loop, and what happens there. */
import type { Attributes, BatchObservableCallback, Meter } from '@opentelemetry/api'
import type { Event, Gauges } from '../ports/interpreter.js'
import { loadApi, quietlyFor, scope } from './api.js'
import * as names from './semconv.js'
import { told } from './told.js'

// model

/** To be told what happens: the option `onEvent` of interpreters, or what `replay(…)(processor)` is run with. */
export interface RunMetrics {
  (event: Event): void
  /** Ends it: nothing is observed or counted any more. */
  readonly unregister: () => void
}

/** Which meter observes, and by which attributes. */
export interface RunMetricsOptions {
  /** The global one as it is now, unless it is said. */
  readonly meter?: Meter
  /** Stand in all its series, to tell one run from another. */
  readonly attributes?: Attributes
}

// constructors

/**
 * Shows how a run stands, as it was told last, every few seconds: `missive.source.lag`, `.pending`, `.parked`,
 * `.oldest_pending` in seconds, `.lost` and `.reconnects`, as far as the source knows; `missive.run.unsettled`,
 * `.in_flight`, `.abandoned`, `.held_by_key`, and `.paused`, which is 1 while nothing is started. Counts what happens as
 * `missive.run.events` by `missive.event`: `Reported` with its outcome, `Refused` with its status, `Lost`, `Trimmed`,
 * `Dropped`, `Gap`, `GroupLost`, `Reconnected`; and sums up gaps as `missive.run.gap` in seconds.
 *
 * Make one for each run, and `unregister` it when the run is over. The global meter does nothing until an SDK is
 * registered: do that first. Once made it never throws, whatever the meter does. Where values are cumulative, as for
 * Prometheus, JavaScript's SDK goes on showing the last one of what is known no more.
 *
 * @example
 * const watched = metricsOf({ attributes: { 'missive.run': 'greetings' } })
 * const processor = pipe(receive(text), handle(otherwise(async () => ack)), withDlq(memoryDlq()))
 * const run = consume(memory([message('Hello')]), { onEvent: watched })
 * assert.is((await run(processor)(new AbortController().signal)()).acked, 1)
 * watched.unregister()
 *
 * @throws Error if @opentelemetry/api is not installed
 * @since 0.1.0
 */
export const metricsOf = (options: RunMetricsOptions = {}): RunMetrics => {
  const api = loadApi('metricsOf')
  const quietly = quietlyFor('metricsOf', api)
  const { meter = api.metrics.getMeter(scope), attributes = {} } = options
  let gauges: Gauges | undefined
  let isOver = false

  const observed = observables.flatMap(({ make, name, unit, description, valueOf }) => {
    const instrument = quietly(() => meter[make](name, { unit, description }))
    return instrument === undefined ? [] : [{ instrument, valueOf }]
  })
  const instruments = observed.map(({ instrument }) => instrument)
  const observe: BatchObservableCallback = (result) => {
    if (gauges === undefined) return
    for (const { instrument, valueOf } of observed) {
      const value = valueOf(gauges)
      if (value !== undefined) quietly(() => result.observe(instrument, value, attributes))
    }
  }
  quietly(() => meter.addBatchObservableCallback(observe, instruments))

  const events = quietly(() =>
    meter.createCounter('missive.run.events', { description: 'What happened in the run.', unit: '{event}' })
  )
  const gap = quietly(() =>
    meter.createCounter('missive.run.gap', { description: 'Time whose messages were missed.', unit: 's' })
  )

  const hear = (event: Event): void => {
    if (isOver) return
    if (event._tag === 'Measured') ({ gauges } = event)
    if (event._tag === 'Gap') quietly(() => gap?.add(event.durationMs / 1_000, attributes))
    const counted = countedOf(event)
    if (counted !== undefined) quietly(() => events?.add(1, { ...attributes, ...counted }))
  }
  const unregister = (): void => {
    isOver = true
    quietly(() => meter.removeBatchObservableCallback(observe, instruments))
  }
  return Object.assign(hear, { unregister })
}

// helpers

interface Observed {
  readonly name: string
  readonly make: 'createObservableGauge' | 'createObservableCounter'
  readonly unit: string
  readonly description: string
  readonly valueOf: (gauges: Gauges) => number | undefined
}

const gauge = (name: string, unit: string, description: string, valueOf: Observed['valueOf']): Observed => ({
  name,
  make: 'createObservableGauge',
  unit,
  description,
  valueOf
})

/** What only grows while the source is open. */
const sum = (name: string, unit: string, description: string, valueOf: Observed['valueOf']): Observed => ({
  ...gauge(name, unit, description, valueOf),
  make: 'createObservableCounter'
})

const observables: readonly Observed[] = [
  gauge('missive.source.lag', '{message}', 'Messages that nobody was given yet.', ({ lag }) => lag),
  gauge(
    'missive.source.pending',
    '{message}',
    'Messages that were given and not settled, parked ones included.',
    ({ pending }) => pending
  ),
  gauge('missive.source.parked', '{message}', 'Messages that wait for their delay.', ({ parked }) => parked),
  gauge(
    'missive.source.oldest_pending',
    's',
    'How long ago the oldest pending message was added.',
    ({ oldestPendingMs }) => (oldestPendingMs === undefined ? undefined : oldestPendingMs / 1_000)
  ),
  sum(
    'missive.source.lost',
    '{message}',
    'Messages that were lost before anybody had settled them.',
    ({ lost }) => lost
  ),
  sum(
    'missive.source.reconnects',
    '{reconnect}',
    'How often the connection was made anew.',
    ({ reconnects }) => reconnects
  ),
  gauge(
    'missive.run.unsettled',
    '{message}',
    'Messages that were received and not settled yet.',
    ({ unsettled }) => unsettled
  ),
  gauge('missive.run.in_flight', '{message}', 'Messages whose handlers run.', ({ inFlight }) => inFlight),
  gauge(
    'missive.run.abandoned',
    '{handler}',
    'Handlers that were given up and have not ended.',
    ({ abandoned }) => abandoned
  ),
  gauge(
    'missive.run.held_by_key',
    '{message}',
    'Messages that wait for another one of their key.',
    ({ heldByKey }) => heldByKey
  ),
  gauge('missive.run.paused', '', 'Whether nothing is started.', ({ isPaused, pausedBy }) =>
    isPaused || pausedBy !== undefined ? 1 : 0
  )
]

/** What is counted of an event: its tag, and what else has few values. */
const countedOf = (event: Event): Attributes | undefined => {
  switch (event._tag) {
    case 'Reported':
      return { [names.event]: event._tag, ...told(event.outcome) }
    case 'Refused':
      return { [names.event]: event._tag, [names.statusCode]: event.status }
    case 'Lost':
    case 'Trimmed':
    case 'Dropped':
    case 'Gap':
    case 'GroupLost':
    case 'Reconnected':
      return { [names.event]: event._tag }
    default:
      return undefined
  }
}
