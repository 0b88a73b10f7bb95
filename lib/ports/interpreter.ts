/** Interpreters: what runs a processor, and what it reports. */
import type { Task } from 'fp-ts/lib/Task.js'
import type { Captured } from '../core/captured.js'
import type { Failure } from '../core/failure.js'
import type { Message } from '../core/message.js'
import type { Outcome } from '../core/outcome.js'
import type { Processor } from '../core/processor.js'
import type { SourceGauges } from './source.js'

// model

/**
 * How a run ended. `NotStarted`: what it needs could not be opened. `Drained`: the source has ended. `Aborted`: the
 * signal asked for it. `Stopped`: by the failure of this message. `SourceLost`: the source failed for good.
 * `TooManyAbandoned`: so many handlers were given up and still ran.
 */
export type Ended =
  | { readonly _tag: 'NotStarted'; readonly error: Captured }
  | { readonly _tag: 'Drained' }
  | { readonly _tag: 'Aborted' }
  | { readonly _tag: 'Stopped'; readonly id: string; readonly failure: Failure }
  | { readonly _tag: 'SourceLost'; readonly error: Captured }
  | { readonly _tag: 'TooManyAbandoned'; readonly count: number }

/** What became of all messages of a run, and how the run ended. */
export interface Report {
  readonly received: number
  readonly acked: number
  readonly nacked: number
  readonly failed: number
  readonly deadLettered: number
  /** Given back unfinished. */
  readonly released: number
  /** Received, and for good neither done nor kept by the source or a queue. */
  readonly unsettled: number
  /** Bytes of input that no message was made of, as far as the source knows. */
  readonly unreadBytes: number
  readonly durationMs: number
  /** Where dead letters lie. */
  readonly storedIn: readonly string[]
  readonly ended: Ended
}

/**
 * What an interpreter tells while it runs; `renderEvent` puts it into words.
 *
 * - `Ready`: messages are taken from now on. `Listening`: at this address.
 * - `Unready`: the source does not answer. `Reconnected`: it does again, after so long.
 * - `Paused`: the queue cannot store, and nothing is started. `Resumed`: it can again, after so long.
 * - `Reported`: a message failed or was nacked, and nobody keeps it. `Lost`: its lease ended, and it is somebody else's.
 * - `Gap`: what was published in so long was missed. `Dropped`: so many messages came and were not taken.
 * - `GroupCreated`: the stream had no such group. `GroupLost`: it had one, and it was made again, without what was
 *   parked. `Trimmed`: so many entries were gone before they were done.
 * - `GateFailed`: a gate threw, which holds up nothing; told once of each.
 * - `Refused`: a request was no message, and was answered with this status.
 * - `Measured`: how things stand, every 5 s. `Progress`: how far input has come whose end is known, five times a second.
 * - `Draining`: it stops, and so many handlers still run. `Ended`: it is over; after all others.
 */
export type Event =
  | {
      readonly _tag: 'Ready'
      /** What is in flight whenever it is asked. */
      readonly inFlight: () => readonly InFlight[]
    }
  | { readonly _tag: 'Listening'; readonly address: string }
  | { readonly _tag: 'Unready'; readonly error: Captured }
  | { readonly _tag: 'Reconnected'; readonly afterMs: number }
  | { readonly _tag: 'Gap'; readonly durationMs: number }
  | { readonly _tag: 'Paused'; readonly failure: Failure }
  | { readonly _tag: 'Resumed'; readonly afterMs: number }
  | { readonly _tag: 'Reported'; readonly id: string; readonly outcome: Outcome }
  | { readonly _tag: 'Lost'; readonly id: string }
  | { readonly _tag: 'Draining'; readonly inFlight: number }
  | { readonly _tag: 'GroupCreated'; readonly stream: string; readonly group: string; readonly from: string }
  | { readonly _tag: 'GroupLost'; readonly stream: string; readonly group: string; readonly from: string }
  | { readonly _tag: 'Trimmed'; readonly stream: string; readonly count: number }
  | { readonly _tag: 'Refused'; readonly status: number; readonly path: string; readonly reason: string }
  | { readonly _tag: 'Dropped'; readonly count: number }
  | { readonly _tag: 'GateFailed'; readonly gate: string; readonly error: Captured }
  | { readonly _tag: 'Measured'; readonly gauges: Gauges }
  | { readonly _tag: 'Ended'; readonly report: Report }
  | Progress

/** How things stand in a run and at its source. */
export interface Gauges extends SourceGauges {
  /** Received and not settled yet, read ahead included. */
  readonly unsettled: number
  /** Handlers that run. */
  readonly inFlight: number
  /** Is nothing started as the queue cannot store? Of gates `pausedBy` tells. */
  readonly isPaused: boolean
  /** Why nothing is started: `dlq`, or a gate's name. */
  readonly pausedBy?: string
  /** Handlers that were given up and have not ended. */
  readonly abandoned: number
  /** Messages that wait for another one of their key. */
  readonly heldByKey?: number
}

/** A message whose handler runs. */
export interface InFlight {
  readonly id: string
  readonly source: string
  readonly deliveryCount: number
  readonly route: string | undefined
  /** Milliseconds since the epoch, where something asked for it. */
  readonly startedAt: number | undefined
}

/** How far a run has come, told five times a second by interpreters of input whose end is known. */
export interface Progress {
  readonly _tag: 'Progress'
  readonly received: number
  readonly deadLettered: number
  readonly readBytes: number
  readonly totalBytes: number
  readonly elapsedMs: number
}

/** Told of each event as it happens; what it throws changes nothing. */
export type OnEvent = (event: Event) => void

/**
 * Runs a processor until its source ends, fails for good, or the signal aborts. The report always comes; the
 * Task never rejects.
 */
export type Interpreter = (processor: Processor) => (signal: AbortSignal, onEvent?: OnEvent) => Task<Report>

// readers

/** 0 if nothing failed or was left undone, and the run was `Drained` or `Aborted`; else 1. */
export const exitCode = ({ failed, unsettled, unreadBytes, ended }: Report): 0 | 1 =>
  failed === 0 &&
  unsettled === 0 &&
  unreadBytes === 0 &&
  (ended._tag === 'Drained' || ended._tag === 'Aborted')
    ? 0
    : 1

/** What there is to know of a message whose handler runs. */
export const inFlightOf = ({ id, source, deliveryCount, trace }: Message): InFlight => {
  const { route, startedAt } = trace
  return { id, source, deliveryCount, route, startedAt }
}
