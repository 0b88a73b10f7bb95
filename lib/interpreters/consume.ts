/** The interpreter of any source: opens it, runs the loop, closes it, and always reports. */
import { batchProblem } from '../combinators/batch.js'
import { isCombined } from '../combinators/combine.js'
import type { OpenGate } from '../combinators/gate.js'
import { telling } from '../combinators/observers.js'
import { type Captured, capture } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import { type Processor, isSettled, runOf } from '../core/processor.js'
import type { Ended, Interpreter, OnEvent, Report } from '../ports/interpreter.js'
import { closeProblem } from '../ports/resource.js'
import type { OpenSource, Traits } from '../ports/source.js'
import { systemClock } from '../system.js'
import { type Limits, loop } from './loop.js'
import type { OrderBy } from './ordered.js'
import { reliable } from './reliable.js'
import { emptyTally, toReport } from './tally.js'

// model

/** How a source is consumed: how much at a time, in which order, and what ends the run. */
export interface ConsumeOptions {
  /** How many handlers run at a time. 1, in order, by default. */
  readonly concurrency?: number
  /** How many deliveries may be unsettled, read ahead included. By default 1,024, or twice the concurrency. */
  readonly maxUnsettled?: number
  /**
   * What to do with a `Failed` that no queue took: `stop` the run, the message unsettled; `report` it and go on; `park`
   * it, to come back after 1 s, 2 s, 4 s and so on by its delivery count, an hour at most, for ever. `stop` by default;
   * a source that brings messages back wants a `withDlq`, or this said.
   */
  readonly onFailed?: 'stop' | 'report' | 'park'
  /** How long running handlers may take to finish after a stop, before their signals abort. 25 s by default. */
  readonly drainMs?: number
  /** How long they may take after that, before they are given up. 5 s by default. */
  readonly graceMs?: number
  /** How long a queue may be unavailable before the run stops. 60 s by default. */
  readonly dlqDeadlineMs?: number
  /**
   * The key of a message: messages of a key are handled one at a time and in the order in which they came, those of
   * different keys side by side. What is nacked is tried again here, after its delay, and its key waits for it. It is
   * asked before the format, so it reads headers or bytes. `undefined` is in no order.
   */
  readonly orderBy?: OrderBy
  /**
   * How far the order goes. A source that gives messages of one key to several processes keeps it in none of them
   * alone, and is refused unless this says that within the process is enough.
   */
  readonly scope?: 'process'
  /** How many may wait for a message of their own key before nothing more is pulled. 100 by default. */
  readonly maxHeldPerKey?: number
  /** What slows or pauses the run: `rateLimit`, `circuitBreaker`. */
  readonly gates?: readonly OpenGate[]
  /** How many handlers may be given up and still run before the run stops. 100 by default. */
  readonly maxAbandoned?: number
  /** Told what happens in the run, besides whoever runs it. */
  readonly onEvent?: OnEvent
  readonly clock?: Clock
}

// constructors

/**
 * Runs a processor over a source: pulls ahead within `maxUnsettled`, runs at most `concurrency` handlers, settles
 * in batches, and pauses while the queue is unavailable. When the signal aborts, what was not started is released
 * and the rest may finish.
 *
 * @example
 * const processor = pipe(receive(text), handle(otherwise(async () => ack)), withDlq(memoryDlq()))
 * const run = consume(memory([message('Hello'), message('Goodbye')]), { concurrency: 2 })
 * const report = await run(processor)(new AbortController().signal)()
 * assert.equal([report.acked, report.ended], [2, { _tag: 'Drained' }])
 *
 * @throws RangeError if a number makes no sense
 * @since 0.1.0
 */
export const consume = (open: OpenSource, options: ConsumeOptions = {}): Interpreter => {
  const limits = limitsOf(options)
  const { onEvent: onOwnEvent = () => undefined, clock = systemClock } = options
  return (processor) =>
    (signal, onEvent = () => undefined) =>
    async () => {
      const startedAt = clock.monotonic()
      const emit = telling(onEvent, onOwnEvent)
      const endedEarly = (ended: Ended): Report =>
        toReport(emptyTally(), 0, clock.monotonic() - startedAt, ended)
      const notStarted = (error: Captured): Report => endedEarly({ _tag: 'NotStarted', error })
      const unopened = (thrown: unknown): Report => notStarted(capture(thrown))
      const run = async (): Promise<Report> => {
        runOf(processor) // throws where it is none
        // What is refused has changed nothing at the source.
        const refused = refusalOf(open.traits, processor, options)
        if (refused !== undefined) return notStarted({ name: 'TypeError', message: refused })
        const opened = await open({ maxUnsettled: limits.maxUnsettled, emit, signal }).open()
        if (opened._tag === 'Left')
          return signal.aborted
            ? endedEarly({ _tag: 'Aborted' })
            : notStarted({ name: 'ResourceError', message: opened.left.message })
        const { value: source, close } = opened.right
        const refusal = refusalOf(source.traits, processor, options)
        const report =
          refusal === undefined
            ? await loop(reliable(source), processor, limits, clock, signal, emit).catch(unopened)
            : notStarted({ name: 'TypeError', message: refusal })
        const late = 'closing the source took too long'
        const problem = await closeProblem(close, limits.graceMs, clock, late)
        if (problem === undefined || report.ended._tag !== 'Drained') return report
        const error = { name: 'ResourceError', message: problem }
        return { ...report, ended: { _tag: 'SourceLost', error } }
      }
      const report = await run().catch(unopened)
      emit({ _tag: 'Ended', report })
      return report
    }
}

// helpers

const limitsOf = ({
  concurrency = 1,
  maxUnsettled = Math.max(1_024, concurrency * 2),
  onFailed = 'stop',
  drainMs = 25_000,
  graceMs = 5_000,
  dlqDeadlineMs = 60_000,
  orderBy,
  maxHeldPerKey = 100,
  gates = [],
  maxAbandoned = 100
}: ConsumeOptions): Limits => {
  if (!(Number.isInteger(concurrency) && concurrency >= 1)) {
    throw new RangeError('consume: concurrency is a whole number of at least 1')
  }
  if (!(Number.isInteger(maxUnsettled) && maxUnsettled >= concurrency)) {
    throw new RangeError('consume: maxUnsettled is a whole number of at least the concurrency')
  }
  if (!['stop', 'report', 'park'].includes(onFailed))
    throw new RangeError("consume: onFailed is 'stop', 'report' or 'park'")
  if (![drainMs, graceMs, dlqDeadlineMs].every((ms) => ms >= 0)) {
    throw new RangeError('consume: drainMs, graceMs and dlqDeadlineMs are milliseconds of at least 0')
  }
  // No timer waits longer; one that is told to calls at once.
  if (![drainMs, graceMs].every((ms) => ms < 2 ** 31)) {
    throw new RangeError('consume: drainMs and graceMs are no more than 24 days')
  }
  if (![maxHeldPerKey, maxAbandoned].every((count) => Number.isInteger(count) && count >= 1)) {
    throw new RangeError('consume: maxHeldPerKey and maxAbandoned are whole numbers of at least 1')
  }
  return {
    concurrency,
    maxUnsettled,
    onFailed,
    drainMs,
    graceMs,
    dlqDeadlineMs,
    orderBy,
    maxHeldPerKey,
    gates,
    maxAbandoned
  }
}

const refusalOf = (
  traits: Traits | undefined,
  processor: Processor,
  { concurrency = 1, onFailed, orderBy, scope }: ConsumeOptions
): string | undefined => {
  if (traits?.redelivers && !isSettled(processor) && onFailed === undefined)
    return isCombined(processor)
      ? "combined processors have no dead letter queue around them all, so what fails, or none of them takes, would come back for ever; put withDlq(...) after combine(...), or say onFailed: 'park' or 'stop'"
      : "the processor has no dead letter queue, so what fails would come back for ever; add withDlq(...), or say onFailed: 'park' or 'stop'"
  if (orderBy !== undefined && traits !== undefined && !traits.exclusive && scope !== 'process')
    return "this source gives messages of one key to several processes, so orderBy holds within each alone; if that is enough, say scope: 'process'"
  return batchProblem(processor, concurrency)
}
