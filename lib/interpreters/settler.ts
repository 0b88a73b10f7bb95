/** Settling in batches: one call to the source for many deliveries. */
import type { Clock } from '../core/clock.js'
import type { Action, Delivery, Settle, Settlement, Source } from '../ports/source.js'
import { within } from '../ports/waiting.js'

// model

export interface Settler {
  readonly add: (settle: Settle) => void
  /** Settles what is there, when nothing else is coming soon. */
  readonly flush: () => void
  /** Resolves once everything was answered for. */
  readonly done: () => Promise<true>
  /** What is not answered for. */
  readonly all: () => readonly Delivery[]
  /** Asks nothing more. */
  readonly giveUp: () => void
}

/** How long a source is waited for that has no leases, before it is asked again. */
export const defaultPatienceMs = 30_000

// constructors

/** `onSettled` is told once of each: `unknown` only when the source did not answer for `patienceMs`. */
export const settler = (
  ask: NonNullable<Source['settle']>,
  patienceMs: number,
  clock: Clock,
  onSettled: (delivery: Delivery, action: Action, settlement: Settlement) => void
): Settler => {
  const unanswered = new Map<Settle, { readonly since: number; readonly retryMs: number }>()
  let waiting: Settle[] = []
  let cancelTimer: (() => void) | undefined
  let asking: readonly Settle[] | undefined
  /** Was a flush asked for while another was under way? */
  let isWanted = false
  let hasGivenUp = false
  let wakeDone = (): void => undefined

  const isDone = (): boolean => waiting.length === 0 && asking === undefined && unanswered.size === 0

  /** What the source did not answer for is asked again by itself, so that it holds up nothing else. */
  const askAgain = (settle: Settle): void => {
    const { since, retryMs } = unanswered.get(settle) ?? { since: clock.monotonic(), retryMs: firstRetryMs }
    if (clock.monotonic() - since >= patienceMs) return conclude(settle, 'unknown')
    unanswered.set(settle, { since, retryMs: Math.min(retryMs * 2, maxRetryMs) })
    clock.after(retryMs, () => {
      if (!hasGivenUp) add(settle)
    })
  }

  const conclude = (settle: Settle, settlement: Settlement): void => {
    if (unanswered.size > 0) unanswered.delete(settle)
    onSettled(settle.delivery, settle.action, settlement)
  }

  const settleBatch = async (): Promise<void> => {
    const batch = waiting.length > most ? waiting.splice(0, most) : waiting
    if (batch === waiting) waiting = []
    asking = batch
    const answers = (await within(clock, patienceMs, ask(batch)())) ?? []
    asking = undefined
    if (hasGivenUp) return
    batch.forEach((settle, index) => {
      const answer = answers[index]
      if (answer === 'ok' || answer === 'lost') conclude(settle, answer)
      else askAgain(settle)
    })
    if (isDone()) wakeDone()
    else if (isWanted || waiting.length >= enough) flush()
    else if (waiting.length > 0) flushSoon()
  }

  const flush = (): void => {
    cancelTimer?.()
    cancelTimer = undefined
    isWanted = asking !== undefined && waiting.length > 0
    if (asking === undefined && waiting.length > 0 && !hasGivenUp) void settleBatch()
  }

  const flushSoon = (): void => {
    cancelTimer ??= clock.after(maxDelayMs, flush)
  }

  const add = (settle: Settle): void => {
    waiting.push(settle)
    if (asking !== undefined) return
    if (waiting.length >= enough) flush()
    else flushSoon()
  }

  return {
    add,
    flush,
    done: async () => {
      for (flush(); !isDone(); flush()) await new Promise<void>((resolve) => (wakeDone = resolve))
      return true
    },
    all: () => {
      const again = new Set([...unanswered.keys(), ...waiting, ...(asking ?? [])])
      return Array.from(again, ({ delivery }) => delivery)
    },
    giveUp: () => {
      hasGivenUp = true
      cancelTimer?.()
    }
  }
}

// helpers

/** So many are not to wait for more. */
const enough = 512
/** More than `enough`, so that what piles up behind a slow call is caught up with. */
const most = 2_048
const maxDelayMs = 5
const firstRetryMs = 20
const maxRetryMs = 1_000
