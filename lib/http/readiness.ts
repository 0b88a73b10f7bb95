/** Whether the queue can store what fails, as far as is known. */
import type { Clock } from '../core/clock.js'
import type { Failure } from '../core/failure.js'
import type { OnEvent } from '../ports/interpreter.js'

export interface Readiness {
  /** Also some seconds after it could not store: who is not ready may be sent nothing, and would never learn that it can. */
  readonly isReady: () => boolean
  /** It could not. */
  readonly pause: (failure: Failure) => void
  /** It could. */
  readonly resume: () => void
}

export const readiness = (clock: Clock, emit: OnEvent): Readiness => {
  let isPaused = false
  let pausedAt = 0
  let refusedAt = 0
  const resume = (): void => {
    if (!isPaused) return
    isPaused = false
    emit({ _tag: 'Resumed', afterMs: clock.monotonic() - pausedAt })
  }
  return {
    isReady: () => {
      if (isPaused && clock.monotonic() - refusedAt >= pauseMs) resume()
      return !isPaused
    },
    pause: (failure) => {
      refusedAt = clock.monotonic()
      if (isPaused) return
      isPaused = true
      pausedAt = refusedAt
      emit({ _tag: 'Paused', failure })
    },
    resume
  }
}

// helpers

/** How long what could not be stored once is not tried anew. */
const pauseMs = 5_000
