/** Health: whether a run is alive, and whether it takes messages, by what it tells. */
import type { Clock } from '../core/clock.js'
import type { Event, Gauges, InFlight, OnEvent } from '../ports/interpreter.js'

// model

/** How a run stands, as a probe asks it. */
export interface HealthStatus {
  /** Does the loop still go round? An idle one does. */
  readonly isLive: boolean
  /** Are messages taken? */
  readonly isReady: boolean
  /** Why it is not live or not ready. */
  readonly reason: string | undefined
  /** As it was told last. */
  readonly gauges: Gauges | undefined
  readonly inFlight: readonly InFlight[]
}

/** Hears what a run tells, and says how it stands. */
export interface Health {
  /** To be told what happens: the option `onEvent` of interpreters, or what `replay(…)(processor)` is run with. */
  readonly onEvent: OnEvent
  /** How the run stands at this moment. */
  readonly status: () => HealthStatus
}

// constructors

/** Not live once nothing was told for `staleMs`, as every run tells something every 5 s, or once it has ended. */
export const health = (staleMs: number, clock: Clock): Health => {
  if (!(staleMs > 0)) throw new RangeError('health: staleMs is a number of milliseconds above 0')
  let heardAt = clock.monotonic()
  let gauges: Gauges | undefined
  let inFlight = (): readonly InFlight[] => []
  /** Why nothing is heard any more. */
  let over: string | undefined
  /** Why messages are not taken, by what would say that they are again. */
  const reasons = new Map<'start' | 'source' | 'queue' | 'stop', string>([['start', 'it has not started']])

  const hear = (event: Event): void => {
    heardAt = clock.monotonic()
    switch (event._tag) {
      case 'Ready':
        ;({ inFlight } = event)
        over = undefined
        reasons.clear()
        break
      case 'Unready':
        reasons.set('source', 'the source does not answer')
        break
      case 'Reconnected':
        reasons.delete('source')
        break
      case 'Paused':
        reasons.set('queue', 'the dead letter queue cannot store')
        break
      case 'Resumed':
        reasons.delete('queue')
        break
      case 'Draining':
        reasons.set('stop', 'it stops')
        break
      case 'Measured':
        ;({ gauges } = event)
        break
      case 'Ended':
        over = `it has ended (${event.report.ended._tag})`
    }
  }

  return {
    onEvent: hear,
    status: () => {
      const silentMs = clock.monotonic() - heardAt
      const silence = silentMs > staleMs ? `nothing was heard for ${Math.round(silentMs)} ms` : undefined
      const dead = over ?? silence
      const isLive = dead === undefined
      const [reason] = isLive ? reasons.values() : [dead]
      return { isLive, isReady: isLive && reasons.size === 0, reason, gauges, inFlight: inFlight() }
    }
  }
}
