/** What a law of sources has at hand: a trial, with a broker, runs over its source, and sources in the hand. */
import { Buffer } from 'node:buffer'
import type { DeadLetter, Dlq } from '../core/letter.js'
import type { Message } from '../core/message.js'
import type { Verdict } from '../core/outcome.js'
import type { Processor } from '../core/processor.js'
import type { ConsumeOptions } from '../interpreters/consume.js'
import type { Event, Report } from '../ports/interpreter.js'
import type { Action, Delivery, OpenSource, Settlement, Source } from '../ports/source.js'
import type { Broker, Sent, SourcePromise, SourcePromises } from './source-bench.js'
import type { Watch } from './source-watch.js'

// model

export interface Law {
  /** A sentence that begins with what a source does. */
  readonly name: string
  readonly needs: readonly SourcePromise[]
  readonly check: (trial: Trial) => Promise<void>
}

export interface Trial {
  readonly broker: Broker
  readonly promises: SourcePromises
  readonly watch: Watch
  /** One of the two, as the suite is short or full. */
  readonly count: (short: number, full: number) => number
  /** For how long nothing may happen where nothing may. */
  readonly quietMs: number
  readonly recoverMs: number
  readonly send: (sent: readonly Payload[]) => Promise<void>
  /** Runs `consume` over the source, and sends; before it is opened if it gives nothing that is sent later. */
  readonly run: (how?: How) => Promise<Running>
  /** Opens the source without running anything, and sends. */
  readonly open: (how?: Pick<How, 'sent' | 'open' | 'doesRenew' | 'maxUnsettled'>) => Promise<Hand>
  /** Waits until something holds. */
  readonly until: (
    what: string,
    holds: () => boolean | Promise<boolean>,
    found?: () => unknown
  ) => Promise<void>
  readonly quiet: (ms?: number) => Promise<void>
  /** What a promise gives, which may not take longer than anything else. */
  readonly soon: <A>(what: string, promise: Promise<A>) => Promise<A>
  /** For so long that what is held without being renewed would come back, where that is known. */
  readonly quietPastLease: () => Promise<void>
  /** Opens when it is told to, or when the trial is over. */
  readonly gate: () => Gate
}

export type Payload = string | Sent

type Handle = (message: Message<Uint8Array>, start: Start) => Verdict | Promise<Verdict>

export interface How {
  readonly sent?: readonly Payload[]
  readonly open?: OpenSource
  readonly handler?: Handle
  readonly options?: ConsumeOptions
  readonly put?: Dlq['put']
  readonly maxDeliveries?: number
  /** Instead of the handler; what it records must be recorded by itself. */
  readonly processor?: (dlq: Dlq) => Processor
  /** Is the run stopped before it begins? */
  readonly isStopped?: boolean
  readonly doesRenew?: boolean
  readonly maxUnsettled?: number
}

/** A handler's start. */
export interface Start {
  readonly text: string
  readonly message: Message<Uint8Array>
  /** How often one was started for this payload by this run, this time included. */
  readonly time: number
  readonly at: number
}

export interface Running {
  readonly starts: readonly Start[]
  readonly texts: () => readonly string[]
  readonly letters: readonly DeadLetter[]
  readonly events: readonly Event[]
  readonly inFlight: () => number
  readonly maxInFlight: () => number
  /** As the trial's, and gives up where the run has ended by itself. */
  readonly until: Trial['until']
  /** Aborts the run, and waits for its report. */
  readonly stop: () => Promise<Report>
  /** Aborts the run. */
  readonly abort: () => void
  /** Waits for the report of a run that ends by itself. */
  readonly ended: () => Promise<Report>
  /** What its process being killed would do. */
  readonly kill: () => void
}

/** A source in the hand. */
export interface Hand {
  readonly source: Source
  /** Pulls until there are so many. */
  readonly take: (count: number) => Promise<readonly Delivery[]>
  /** Pulls for a time. */
  readonly takeFor: (ms: number, max?: number) => Promise<readonly Delivery[]>
  /** As the loop does before the handler. */
  readonly start: (delivery: Delivery) => Promise<Settlement>
  /** Starts them before, unless they were started or the action says that they were not. */
  readonly settle: (deliveries: readonly Delivery[], action: Action) => Promise<readonly Settlement[]>
  /** The same in one batch, each in its own way. */
  readonly settleEach: (batch: readonly (readonly [Delivery, Action])[]) => Promise<readonly Settlement[]>
  /** When it was given, by the clock of this machine. */
  readonly givenAt: (delivery: Delivery) => number
  readonly close: () => Promise<void>
}

export interface Gate {
  readonly wait: () => Promise<void>
  readonly open: () => void
}

// constructors

export const law = (name: string, needs: readonly SourcePromise[], check: Law['check']): Law => ({
  name,
  needs,
  check
})

// payloads

export const texts = (count: number, name = 'm'): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${name}${index}`)

export const textOf = ({ bytes }: Message): string => Buffer.from(bytes).toString()

export const sorted = (all: readonly string[]): readonly string[] => all.toSorted()

/** For when a run is waited for. */
export const countOf = (running: Running) => (): string => `${running.starts.length} starts`

// actions

export const done: Action = { _tag: 'Done' }

export const retry = (afterMs = 0): Action => ({ _tag: 'Retry', afterMs })

export const release = (started: boolean): Action => ({ _tag: 'Release', started })
