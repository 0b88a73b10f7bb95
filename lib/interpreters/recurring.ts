/** What is done again and again beside the loop. */
import type { Clock } from '../core/clock.js'
import type { Delivery, Input, Source, SourceGauges } from '../core/source.js'

/** Renews the leases of all that is held, three times in each lease, and interrupts what is lost. */
export const renewing = (
  { traits, renew }: Source,
  held: () => readonly Delivery[],
  clock: Clock
): (() => void) => {
  const { leaseMs } = traits
  if (leaseMs === undefined || renew === undefined) return () => undefined
  return every(leaseMs / 3, clock, async () => {
    const deliveries = held()
    if (deliveries.length === 0) return
    const answers = await renew(deliveries)()
    deliveries.forEach((delivery, index) => {
      if (answers[index] === 'lost') delivery.interrupt('leaseLost')
    })
  })
}

/** Tells how far a source has come whose end is known, until it is stopped. */
export const telling = ({ input }: Source, clock: Clock, tell: (input: Input) => void): (() => void) => {
  if (input === undefined || !input().isAll) return () => undefined
  return every(progressMs, clock, async () => tell(input()))
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
  return every(measureMs, clock, async () => tell((await measure?.()()) ?? {}))
}

// helpers

const progressMs = 200
const measureMs = 5_000

/** Waits between the end of one and the beginning of the next. */
const every = (delayMs: number, clock: Clock, call: () => Promise<void>): (() => void) => {
  let isStopped = false
  const again = (): void => {
    if (!isStopped) cancel = clock.after(delayMs, () => void call().then(again))
  }
  let cancel: () => void = () => undefined
  again()
  return () => {
    isStopped = true
    cancel()
  }
}
