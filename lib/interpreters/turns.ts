/** Turns of the event loop: timers, signals and sockets have theirs, though neither source nor handlers ever wait. */
import type { Clock } from '../core/clock.js'

// model

export interface Turns {
  /** What is to be waited for before going on: nothing, unless there was no turn for a while. */
  readonly due: () => Promise<void> | undefined
  /** The same, for who asks after each message: it seldom asks the time where messages are fast, as that costs a part of one. */
  readonly dueSparingly: () => Promise<void> | undefined
  /** There was one just now. */
  readonly had: () => void
}

// constructors

export const turns = (clock: Clock): Turns => {
  let hadAt = clock.monotonic()
  let next: Promise<void> | undefined
  let askedAt = hadAt
  let unasked = 0

  const had = (): void => {
    hadAt = clock.monotonic()
    next = undefined
  }
  const dueAt = (now: number): Promise<void> | undefined => {
    if (next === undefined && now - hadAt >= mostMs)
      next = new Promise<void>((resolve) => void clock.after(0, resolve)).then(had)
    return next
  }
  return {
    due: () => dueAt(clock.monotonic()),
    dueSparingly: () => {
      if (unasked > 0) {
        unasked -= 1
        return undefined
      }
      const now = clock.monotonic()
      const turn = dueAt(now)
      // Else a few slow ones, unasked after, would take a long time.
      unasked = turn === undefined && now - askedAt < mostMs ? mostUnasked : 0
      askedAt = now
      return turn
    },
    had
  }
}

// helpers

/** How long there may be none. */
const mostMs = 20
const mostUnasked = 15
