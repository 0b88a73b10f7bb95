/** What is done again and again beside the loop. */
import type { Clock } from '../core/clock.js'
import type { Delivery, Input, Source, SourceGauges } from '../ports/source.js'
import { every, within } from '../ports/waiting.js'
import { interrupt } from './reliable.js'

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

/** Tells how far a source has come whose end is known, until it is stopped. */
export const telling = ({ input }: Source, clock: Clock, tell: (input: Input) => void): (() => void) => {
  if (input === undefined || !input().isAll) return () => undefined
  return every(clock, progressMs, async () => tell(input()))
}

/**
 * Asks a source how things stand there, until it is stopped; of one that cannot say it is told all the same, so that
 * whoever listens knows that the loop is alive.
 */
export const measuring = (
  { measure }: Source,
  clock: Clock,
  tell: (gauges: SourceGauges) => void
): (() => void) => {
  return every(clock, measureMs, async () => {
    // A source that does not answer is no reason to say nothing.
    tell((measure && (await within(clock, measureMs, measure()()))) ?? {})
  })
}

/** How long before the first time that something is asked again which had no answer, and at most before each later one. */
export const firstRetryMs = 50
export const maxRetryMs = 5_000

// helpers

const progressMs = 200
const measureMs = 5_000
