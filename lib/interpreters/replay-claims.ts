/** What a replay has claimed: until when it is its own, and how much of it waits to be started. */
import type { Clock } from '../core/clock.js'
import type { StoredLetter } from '../core/letter.js'
import { sleep } from '../ports/waiting.js'

// model

/** Letters are named by the tokens of their leases. */
export interface Claims {
  /** How many letters there is room for, once there is room for many; 0 when the signal aborts. */
  readonly room: (signal: AbortSignal) => Promise<number>
  readonly add: (letters: readonly StoredLetter[]) => void
  /** Is it still ours, now that it is started? */
  readonly start: (token: string) => boolean
  readonly renew: (token: string, until: number) => void
  /** Says of one that it is over, or somebody else's. */
  readonly drop: (token: string) => void
}

interface Claim {
  until: number
  isStarted: boolean
  /** Of its payload, in bytes. */
  readonly size: number
}

/** So many letters may wait at a time where handlers are fast. */
export const mostAhead = 512

// constructors

/** Claims few ahead where handlers are slow, so that others who replay have theirs. */
export const claims = (clock: Clock): Claims => {
  const all = new Map<string, Claim>()
  let window = leastAhead / 2

  /** What is lost is not told of here, and counts no longer than its lease. */
  const waiting = (): { readonly count: number; readonly bytes: number } => {
    const now = clock.now()
    let [count, bytes] = [0, 0]
    for (const { until, isStarted, size } of all.values()) {
      if (isStarted || until <= now) continue
      count += 1
      bytes += size
    }
    return { count, bytes }
  }

  return {
    room: async (signal) => {
      for (; !signal.aborted; await sleep(clock, pauseMs, signal)) {
        const { count, bytes } = waiting()
        // None were left to be started: more than before are claimed.
        if (count === 0) window = Math.min(window * 2, mostAhead)
        if (count <= window / 2 && bytes < mostAheadBytes) return window - count
      }
      return 0
    },
    add: (letters) => {
      for (const { lease, bytes } of letters)
        if (lease !== undefined)
          all.set(lease.token, { until: lease.until, size: bytes.length, isStarted: false })
    },
    start: (token) => {
      const claim = all.get(token)
      if (claim === undefined || clock.now() >= claim.until) return false
      claim.isStarted = true
      return true
    },
    renew: (token, until) => {
      const claim = all.get(token)
      if (claim !== undefined) claim.until = until
    },
    drop: (token) => void all.delete(token)
  }
}

// helpers

const leastAhead = 64
const mostAheadBytes = 16 * 1024 * 1024
const pauseMs = 5
