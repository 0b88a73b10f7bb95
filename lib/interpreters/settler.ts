/** Settling in batches: one call to the source for many deliveries. */
import type { Clock } from '../core/clock.js'
import type { Settle, Settlement, Source } from '../core/source.js'

// model

export interface Settler {
  readonly add: (settle: Settle) => void
  /** Settles what is there, when nothing else is coming soon. */
  readonly flush: () => void
  /** Resolves once everything was answered for. */
  readonly done: () => Promise<void>
}

// constructors

/** `onSettled` is told once of each: `unknown` only when the source did not answer for longer than it is ours. */
export const settler = (
  source: Source,
  clock: Clock,
  onSettled: (settle: Settle, settlement: Settlement) => void
): Settler => {
  const patienceMs = source.traits.leaseMs ?? defaultPatienceMs
  const firstAsked = new Map<Settle, number>()
  let waiting: Settle[] = []
  let cancelTimer: (() => void) | undefined
  let settling: Promise<void> | undefined
  /** Was a flush asked for while another was under way? */
  let isWanted = false

  const isWorthAsking = (settle: Settle): boolean => {
    const since = firstAsked.get(settle) ?? clock.monotonic()
    firstAsked.set(settle, since)
    return clock.monotonic() - since < patienceMs
  }

  const settleAll = async (): Promise<void> => {
    for (let retryMs = firstRetryMs; waiting.length > 0; retryMs = Math.min(retryMs * 2, maxRetryMs)) {
      const batch = waiting
      waiting = []
      const answers = await source.settle(batch)()
      const unknown: Settle[] = []
      batch.forEach((settle, index) => {
        const answer = answers[index] ?? 'unknown'
        if (answer === 'unknown' && isWorthAsking(settle)) unknown.push(settle)
        else {
          if (firstAsked.size > 0) firstAsked.delete(settle)
          onSettled(settle, answer)
        }
      })
      if (unknown.length === 0) return
      waiting = [...unknown, ...waiting]
      await new Promise<void>((resolve) => void clock.after(retryMs, resolve))
    }
  }

  const flush = (): void => {
    cancelTimer?.()
    cancelTimer = undefined
    isWanted = settling !== undefined
    if (settling !== undefined || waiting.length === 0) return
    settling = settleAll().then(() => {
      settling = undefined
      if (isWanted || waiting.length >= maxBatch) flush()
      else if (waiting.length > 0) flushSoon()
    })
  }

  const flushSoon = (): void => {
    cancelTimer ??= clock.after(maxDelayMs, flush)
  }

  return {
    add: (settle) => {
      waiting.push(settle)
      if (settling !== undefined) return
      if (waiting.length >= maxBatch) flush()
      else flushSoon()
    },
    flush,
    done: async () => {
      for (flush(); settling !== undefined; flush()) await settling
    }
  }
}

// helpers

const maxBatch = 256
const maxDelayMs = 5
const firstRetryMs = 20
const maxRetryMs = 1_000
const defaultPatienceMs = 30_000
