/** The time in Redis, by which leases are given and end: machines that share a queue need not agree on theirs. */
import type { Clock } from '../core/clock.js'
import { type Connection, script } from '../redis/connection.js'
import type { Keys } from './redis-keys.js'

/** How many milliseconds the clock of Redis is ahead of a machine's. */
export type AheadMs = () => Promise<number>

/** Asked once a minute, and anew when the machine's clock was set or stood still while it slept. */
export const aheadOf = (connection: Connection, { all }: Keys, clock: Clock): AheadMs => {
  let known: Measured | undefined
  return async () => {
    if (known !== undefined && isFresh(known, clock)) return known.aheadMs
    const sentAt = clock.now()
    const [seconds, micros] = (await connection.run(timeScript, all, [])) as readonly [string, string]
    const at = clock.now()
    const aheadMs = Math.round(Number(seconds) * 1_000 + Number(micros) / 1_000 - (sentAt + at) / 2)
    known = { at, monotonic: clock.monotonic(), aheadMs }
    return aheadMs
  }
}

/** What is asked of an engine, with its time moved: a number that is last is one. */
export const moved = (parts: readonly unknown[], ms: number): readonly unknown[] => {
  const at = parts.at(-1)
  return typeof at === 'number' ? [...parts.slice(0, -1), at + ms] : parts
}

// helpers

interface Measured {
  readonly at: number
  readonly monotonic: number
  readonly aheadMs: number
}

const freshMs = 60_000
const stepMs = 100

const isFresh = ({ at, monotonic }: Measured, clock: Clock): boolean => {
  const passedMs = clock.monotonic() - monotonic
  return passedMs < freshMs && Math.abs(clock.now() - at - passedMs) < stepMs
}

const timeScript = script("return redis.call('TIME')")
