/** A trial: a broker, runs over its source, and waiting for what must happen with a deadline. */
import { Buffer } from 'node:buffer'
import { pipe } from 'fp-ts/lib/function.js'
import { withMaxDeliveries } from '../combinators/deliveries.js'
import { sleep, within } from '../core/clock.js'
import { withDlq } from '../core/dlq.js'
import { bytes } from '../core/format.js'
import { handle } from '../core/handle.js'
import type { Event, Report } from '../core/interpreter.js'
import type { DeadLetter, Dlq } from '../core/letter.js'
import type { Message } from '../core/message.js'
import { type Verdict, ack, released } from '../core/outcome.js'
import { receive } from '../core/pipeline.js'
import type { Processor } from '../core/processor.js'
import { right } from '../core/result.js'
import { otherwise } from '../core/route.js'
import type { Action, Delivery, OpenSource, Settlement, Source } from '../core/source.js'
import { type ConsumeOptions, consume } from '../interpreters/consume.js'
import { systemClock as clock } from '../system.js'
import { broken, expect, shown } from './comparing.js'
import type { Broker, Sent, SourceBench, SourcePromise, SourcePromises } from './source-bench.js'
import { mortal } from './source-mortal.js'
import { type Watch, emptyWatch, watched } from './source-watch.js'

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
  /** For so long that what is held without being renewed would come back, where that is known. */
  readonly quietPastLease: () => Promise<void>
  /** Opens when it is told to, or when the trial is over. */
  readonly gate: () => Gate
}

export type Payload = string | Sent

export type Handle = (message: Message<Uint8Array>, start: Start) => Verdict | Promise<Verdict>

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
  readonly report: Promise<Report>
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
  readonly close: () => Promise<void>
}

export interface Gate {
  readonly wait: () => Promise<void>
  readonly open: () => void
}

export interface TrialOptions {
  readonly size: 'short' | 'full'
  readonly deadlineMs: number
  readonly recoverMs: number
}

// constructors

export const law = (name: string, needs: readonly SourcePromise[], check: Law['check']): Law => ({
  name,
  needs,
  check
})

/** Runs a law on a broker of its own; closes whatever it opened. */
export const tried = async (
  { fresh, promises }: SourceBench,
  { check }: Law,
  { size, deadlineMs, recoverMs }: TrialOptions
): Promise<void> => {
  const broker = await fresh()
  const watch = emptyWatch()
  const endings: (() => Promise<void>)[] = []
  const gates: Gate[] = []
  const done = new Set<string>()

  const until: Trial['until'] = async (what, holds, found = () => 'nothing') => {
    const startedAt = clock.monotonic()
    for (;;) {
      if (watch.problems.length > 0) broken(watch.problems[0] as string)
      if (await holds()) return
      if (clock.monotonic() - startedAt > deadlineMs)
        broken(`expected ${what} within ${deadlineMs} ms, found ${shown(found())}${reasons(watch)}`)
      await sleep(clock, pollMs, never)
    }
  }

  const soon = async <A>(what: string, promise: Promise<A>): Promise<A> => {
    const given = await within(
      clock,
      deadlineMs,
      promise.then((value) => ({ value }))
    )
    return given === undefined
      ? broken(`expected ${what} within ${deadlineMs} ms${reasons(watch)}`)
      : given.value
  }

  const send: Trial['send'] = async (sent) => {
    const messages = sent.map(toSent).map(({ headers, ...rest }) => ({
      ...rest,
      ...(headers !== undefined && promises.headers === true && { headers })
    }))
    await soon(`${sent.length} messages to be sent`, broker.send(messages))
  }

  /** What is done for one of several sources is done for all, unless each begins anew. */
  const watchedOf = (open: OpenSource): OpenSource =>
    watched(open, watch, promises.keeps === true && open === broker.open ? done : new Set(), clock)

  const run: Trial['run'] = async (how = {}) => {
    const { sent = [], open = broker.open, options = {} } = how
    if (promises.live !== true && sent.length > 0) await send(sent)
    const { open: openMortal, kill, dead, bury } = mortal(watchedOf(open))
    const [starts, letters, events]: [Start[], DeadLetter[], Event[]] = [[], [], []]
    const controller = new AbortController()
    if (how.isStopped === true) controller.abort()
    const times = new Map<string, number>()
    let [inFlight, maxInFlight] = [0, 0]
    let report: Report | undefined
    const dying = new Promise<never>((_, reject) =>
      dead.addEventListener('abort', () => reject(new Error('the process was killed')))
    )
    dying.catch(() => undefined)

    const dlq: Dlq = {
      location: 'the laws',
      put: (letter, raw) => async () => {
        if (dead.aborted) return right(undefined)
        const put = await how.put?.(letter, raw)()
        if (put?._tag !== 'Left') letters.push(letter)
        return put ?? right(undefined)
      }
    }
    const handler: Handle = how.handler ?? (() => ack)
    const recorded = async (message: Message<Uint8Array>): Promise<Verdict> => {
      const text = textOf(message)
      const time = (times.get(text) ?? 0) + 1
      times.set(text, time)
      const start = { text, message, time, at: clock.monotonic() }
      starts.push(start)
      inFlight += 1
      maxInFlight = Math.max(maxInFlight, inFlight)
      try {
        return await Promise.race([handler(message, start), dying])
      } finally {
        inFlight -= 1
      }
    }
    const processor =
      how.processor === undefined
        ? pipe(
            receive(bytes),
            handle(otherwise(recorded)),
            withMaxDeliveries(how.maxDeliveries ?? Number.MAX_SAFE_INTEGER),
            withDlq(dlq, clock)
          )
        : how.processor(dlq)
    const interpreter = consume(openMortal, { drainMs, graceMs, ...options })
    const reporting = interpreter(processor)(controller.signal, (event) => events.push(event))()
    void reporting.then((given) => (report = given))
    endings.push(async () => {
      controller.abort()
      await soon('the run to end after it was stopped', reporting)
      if (dead.aborted) await soon('what was killed to be closed', bury())
    })

    const untilOrEnd: Running['until'] = (what, holds, found = () => starts.map(({ text }) => text)) =>
      until(
        what,
        async () => {
          const hasEnded = report !== undefined && !controller.signal.aborted
          if (await holds()) return true
          if (hasEnded) broken(`expected ${what}, but the run ended: ${shown(report)}${reasons(watch)}`)
          return false
        },
        found
      )
    // One that was stopped before need not be opened.
    const isOver = (): boolean => controller.signal.aborted && report !== undefined
    await untilOrEnd('the source to be opened', () => isOver() || events.some(({ _tag }) => _tag === 'Ready'))
    if (promises.live === true && sent.length > 0) await send(sent)

    return {
      starts,
      texts: () => starts.map(({ text }) => text),
      letters,
      events,
      inFlight: () => inFlight,
      maxInFlight: () => maxInFlight,
      until: untilOrEnd,
      abort: () => controller.abort(),
      stop: () => {
        controller.abort()
        return soon('a report after the run was stopped', reporting)
      },
      report: reporting,
      ended: () => soon('a report', reporting),
      kill: () => {
        kill()
        controller.abort()
      }
    }
  }

  const open: Trial['open'] = async (how = {}) => {
    const { sent = [], doesRenew = true, maxUnsettled = 1_024 } = how
    if (promises.live !== true && sent.length > 0) await send(sent)
    const opened = await soon(
      'the source to be opened',
      watchedOf(how.open ?? broker.open)({ maxUnsettled, emit: () => undefined }).open()
    )
    if (opened._tag === 'Left') return broken(`the source cannot be opened: ${opened.left.message}`)
    const { value: source, close } = opened.right
    const held = new Set<Delivery>()
    const started = new WeakSet<Delivery>()
    const closing = new AbortController()
    const { leaseMs } = source.traits
    const renewing = async (): Promise<void> => {
      while (!closing.signal.aborted) {
        await sleep(clock, (leaseMs ?? 3_000) / 3, closing.signal)
        if (!closing.signal.aborted && held.size > 0) await source.renew?.([...held])()
      }
    }
    if (doesRenew) void renewing()
    const closed = async (): Promise<void> => {
      closing.abort()
      const answer = await soon('the source to be closed', close())
      if (answer._tag === 'Left') broken(`the source cannot be closed: ${answer.left.message}`)
    }
    endings.push(closed)
    if (promises.live === true && sent.length > 0) await send(sent)

    const takeUntil = async (max: number, ms: number): Promise<readonly Delivery[]> => {
      const taken: Delivery[] = []
      const timeout = new AbortController()
      const cancel = clock.after(ms, () => timeout.abort())
      while (taken.length < max && !timeout.signal.aborted) {
        const pulled = await source.pull(max - taken.length, timeout.signal)()
        if (pulled._tag === 'Left') {
          if (pulled.left._tag === 'Fatal') break
          await sleep(clock, pollMs, timeout.signal)
        } else if (pulled.right._tag === 'End') break
        else taken.push(...pulled.right.items)
      }
      cancel()
      for (const delivery of taken) held.add(delivery)
      return taken
    }

    const start: Hand['start'] = async (delivery) => {
      started.add(delivery)
      const task = source.start?.(delivery)
      return task === undefined ? 'ok' : soon('the source to count a start', task())
    }

    return {
      source,
      take: async (count) => {
        const taken = await takeUntil(count, deadlineMs)
        const { problems } = watch
        if (problems.length > 0) broken(problems[0] as string)
        expect(
          `${count} deliveries within ${deadlineMs} ms${reasons(watch)}`,
          taken.length === count,
          taken.map(({ message }) => textOf(message))
        )
        return taken
      },
      takeFor: (ms, max = 1) => takeUntil(max, ms),
      start,
      settle: async (deliveries, action) => {
        for (const delivery of deliveries) {
          if (isOfStarted(action) && !started.has(delivery)) await start(delivery)
          held.delete(delivery)
        }
        if (source.settle === undefined) return deliveries.map(() => 'ok' as const)
        const batch = deliveries.map((delivery) => ({ delivery, action, outcome: outcomeFor(action) }))
        return soon('the source to answer for what is settled', source.settle(batch)())
      },
      close: closed
    }
  }

  const trial: Trial = {
    broker,
    promises,
    watch,
    count: (short, full) => (size === 'short' ? short : full),
    quietMs: size === 'short' ? 150 : 2_000,
    recoverMs,
    send,
    run,
    open,
    until,
    quiet: (ms = trial.quietMs) => sleep(clock, ms, never),
    quietPastLease: () =>
      trial.quiet(trial.quietMs + (promises.leases === true ? (watch.leaseMs ?? 0) * 1.5 : 0)),
    gate: () => {
      let openGate = (): void => undefined
      const opened = new Promise<void>((resolve) => (openGate = resolve))
      const gate = { wait: () => opened, open: () => openGate() }
      gates.push(gate)
      return gate
    }
  }

  const failures: unknown[] = []
  const attempt = (work: () => Promise<void>): Promise<void> =>
    work().catch((thrown: unknown) => void failures.push(thrown))
  await attempt(() => check(trial))
  for (const gate of gates) gate.open()
  for (const ending of endings.toReversed()) await attempt(ending)
  await attempt(async () => soon('the broker to be closed', broker.close()))
  if (failures.length === 0 && watch.problems.length > 0) broken(watch.problems[0] as string)
  if (failures.length > 0) throw failures[0]
}

// payloads

export const texts = (count: number, name = 'm'): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${name}${index}`)

export const textOf = ({ bytes }: Message): string => Buffer.from(bytes).toString()

export const sorted = (all: readonly string[]): readonly string[] => all.toSorted()

// actions

export const done: Action = { _tag: 'Done' }

export const retry = (afterMs = 0): Action => ({ _tag: 'Retry', afterMs })

export const release = (started: boolean): Action => ({ _tag: 'Release', started })

// helpers

const pollMs = 5
const drainMs = 3_000
const graceMs = 1_000
const { signal: never } = new AbortController()

const toSent = (payload: Payload): Sent =>
  typeof payload === 'string' ? { bytes: new TextEncoder().encode(payload) } : payload

const reasons = ({ errors }: Watch): string =>
  errors.length === 0 ? '' : `; the source's last error was ${shown(errors.at(-1))}`

const isOfStarted = (action: Action): boolean => action._tag !== 'Release' || action.started

const outcomeFor = (action: Action) =>
  action._tag === 'Done'
    ? ack
    : action._tag === 'Release'
      ? released('shutdown')
      : { _tag: 'Nacked' as const, afterMs: action.afterMs }
