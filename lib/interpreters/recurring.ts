/** What is done again and again beside the loop, until the answer is called. */
import type { Clock } from '../core/clock.js'
import type { Gauges, OnEvent } from '../ports/interpreter.js'
import type { Delivery, Source } from '../ports/source.js'
import { every, within } from '../ports/waiting.js'
import { interrupt } from './reliable.js'
import type { Tally } from './tally.js'

/**
 * Renews the leases of all that is held, three times in each lease, and interrupts what is lost. After a call that does
 * not answer there is time for another in the same lease.
 */
export const renewing = (
  { traits, renew }: Source,
  held: () => readonly Delivery[],
  clock: Clock
): (() => void) => {
  const { leaseMs } = traits
  if (leaseMs === undefined || renew === undefined) return () => undefined
  return every(clock, leaseMs / 3, async () => {
    const deliveries = held()
    if (deliveries.length === 0) return
    const renewed = renew(deliveries)().then((answers) => {
      for (const [index, delivery] of deliveries.entries())
        if (answers[index] === 'lost') interrupt(delivery, 'leaseLost')
    })
    await within(clock, leaseMs / 6, renewed)
  })
}

/** Tells how far a run has come over a source whose end is known. */
export const progressing = (
  { input }: Source,
  tally: Tally,
  startedAt: number,
  clock: Clock,
  emit: OnEvent
): (() => void) => {
  if (input === undefined || !input().isAll) return () => undefined
  return every(clock, progressMs, async () => {
    const { received, deadLettered } = tally
    const { readBytes, knownBytes: totalBytes } = input()
    const elapsedMs = clock.monotonic() - startedAt
    emit({ _tag: 'Progress', received, deadLettered, readBytes, totalBytes, elapsedMs })
  })
}

/**
 * Asks a source how things stand there, and tells it with how they stand here. Of a source that cannot say it is told
 * all the same, so that whoever listens knows that the loop is alive.
 */
export const measuring = (
  { measure }: Source,
  gauges: () => Gauges,
  clock: Clock,
  emit: OnEvent
): (() => void) =>
  every(clock, measureMs, async () => {
    // A source that does not answer is no reason to say nothing.
    const atSource = measure && (await within(clock, measureMs, measure()()))
    emit({ _tag: 'Measured', gauges: { ...atSource, ...gauges() } })
  })

/** How long before the first time that something is asked again which had no answer, and at most before each later one. */
export const firstRetryMs = 50
export const maxRetryMs = 5_000

// helpers

const progressMs = 200
const measureMs = 5_000
