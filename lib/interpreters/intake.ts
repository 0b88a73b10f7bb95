/** Intake: pulls from a source while there is room, and tries again while it does not answer. */
import { type Captured, capture } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import type { OnEvent } from '../ports/interpreter.js'
import type { Delivery, Source } from '../ports/source.js'
import { sleep } from '../ports/waiting.js'
import { firstRetryMs, maxRetryMs } from './recurring.js'
import type { Turns } from './turns.js'

// model

export interface IntakeNeeds {
  /** How many deliveries there is room for; none while paused. */
  readonly room: () => number
  readonly accept: (items: readonly Delivery[]) => void
  /** The source has failed for good. */
  readonly fail: (error: Captured) => void
  readonly emit: OnEvent
  readonly turn: Turns
  /** Aborts when nothing more is to be pulled. */
  readonly signal: AbortSignal
}

export interface Intake {
  /** Resolves when the source has ended, has failed, or is no longer to be pulled from. */
  readonly run: () => Promise<void>
  /** Says that there may be room again. */
  readonly wake: () => void
}

// constructors

export const intake = (
  source: Source,
  clock: Clock,
  { room, accept, fail, emit, turn, signal }: IntakeNeeds
): Intake => {
  let hasEnded = false
  let wake = asleepNoMore
  let failedAt: number | undefined
  let isUnready = false
  let retryMs = firstRetryMs

  const answered = (): void => {
    if (failedAt !== undefined) emit({ _tag: 'Reconnected', afterMs: clock.monotonic() - failedAt })
    failedAt = undefined
    isUnready = false
    retryMs = firstRetryMs
  }

  const retried = async (cause: unknown): Promise<void> => {
    failedAt ??= clock.monotonic()
    if (!isUnready && clock.monotonic() - failedAt >= unreadyAfterMs) {
      isUnready = true
      emit({ _tag: 'Unready', error: capture(cause) })
    }
    await sleep(clock, retryMs * (0.5 + clock.random() / 2), signal)
    retryMs = Math.min(retryMs * 2, maxRetryMs)
  }

  const run = async (): Promise<void> => {
    while (!signal.aborted && !hasEnded) {
      const max = Math.min(room(), maxPull)
      if (max <= 0) {
        await new Promise<void>((resolve) => (wake = resolve))
        wake = asleepNoMore
        continue
      }
      const pulled = await source.pull(max, signal)()
      if (pulled._tag === 'Left') {
        if (pulled.left._tag === 'Fatal') return fail(capture(pulled.left.cause))
        await retried(pulled.left.cause)
        continue
      }
      answered()
      if (pulled.right._tag === 'End') hasEnded = true
      else {
        accept(pulled.right.items)
        if (pulled.right.waited === true) turn.had()
      }
      const due = turn.due()
      if (due !== undefined) await due
    }
  }

  return { run, wake: () => wake() }
}

// helpers

const asleepNoMore = (): void => undefined
const maxPull = 512
const unreadyAfterMs = 30_000
