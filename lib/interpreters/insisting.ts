/** A queue that cannot store: asked again and again, while nothing else is started. */
import type { Clock } from '../core/clock.js'
import type { Failed, Outcome } from '../core/outcome.js'
import type { OnEvent } from '../ports/interpreter.js'
import { sleep } from '../ports/waiting.js'
import { isUnstored } from './action.js'
import { firstRetryMs, maxRetryMs } from './recurring.js'

// model

export interface Insisting {
  /** Is nothing to be started, as what fails could not be stored? */
  readonly isPaused: () => boolean
  /** Has a letter stored that the queue did not take, or says what it said last where that takes too long. */
  readonly insist: (first: Failed, again: () => Outcome | Promise<Outcome>) => Promise<Outcome>
}

export interface InsistingNeeds {
  readonly clock: Clock
  readonly deadlineMs: number
  /** Aborts when nobody is to wait any more. */
  readonly signal: AbortSignal
  readonly isStopped: () => boolean
  readonly emit: OnEvent
  readonly onResumed: () => void
}

// constructors

export const insisting = ({
  clock,
  deadlineMs,
  signal,
  isStopped,
  emit,
  onResumed
}: InsistingNeeds): Insisting => {
  let pausedAt: number | undefined
  let waiting = 0
  return {
    isPaused: () => pausedAt !== undefined,
    insist: async (first, again) => {
      let outcome: Outcome = first
      waiting += 1
      for (let retryMs = firstRetryMs; isUnstored(outcome); retryMs = Math.min(retryMs * 2, maxRetryMs)) {
        if (pausedAt === undefined) emit({ _tag: 'Paused', failure: outcome.failure })
        pausedAt ??= clock.monotonic()
        const leftMs = deadlineMs - (clock.monotonic() - pausedAt)
        if (leftMs <= 0 || signal.aborted) break
        await sleep(clock, Math.min(retryMs, leftMs), signal)
        outcome = await again()
      }
      waiting -= 1
      // One that was stored says that the queue is back; one whose lease was lost says nothing while others wait.
      const isOver = outcome._tag !== 'Released' || waiting === 0
      if (pausedAt !== undefined && !isStopped() && isOver && !isUnstored(outcome)) {
        emit({ _tag: 'Resumed', afterMs: clock.monotonic() - pausedAt })
        pausedAt = undefined
        onResumed()
      }
      return outcome
    }
  }
}
