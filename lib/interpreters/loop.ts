/** The one loop: pulls from a source, runs the processor, and answers for every delivery. */
import type { Either } from 'fp-ts/lib/Either.js'
import { capture } from '../core/captured.js'
import { type Clock, sleep, within } from '../core/clock.js'
import type { Ended, OnEvent, Report } from '../core/interpreter.js'
import { type Outcome, released } from '../core/outcome.js'
import { type Processor, runOf } from '../core/processor.js'
import type {
  Action,
  Delivery,
  Input,
  Pulled,
  Settle,
  Settlement,
  Source,
  SourceError
} from '../core/source.js'
import { backlog } from './backlog.js'
import { settler } from './settler.js'
import { emptyTally, toReport } from './tally.js'
import { left } from '../core/result.js'

// model

export interface Limits {
  readonly concurrency: number
  readonly maxUnsettled: number
  readonly onFailed: 'stop' | 'report' | 'park'
  readonly drainMs: number
  readonly graceMs: number
  readonly dlqDeadlineMs: number
}

// the loop

/** Never rejects. Ends when the source has, or soon after the signal aborts. */
export const loop = async (
  source: Source,
  processor: Processor,
  limits: Limits,
  clock: Clock,
  signal: AbortSignal,
  emit: OnEvent
): Promise<Report> => {
  const run = runOf(processor)
  const { traits } = source
  const startedAt = clock.monotonic()
  const tally = emptyTally()
  /** Aborts when nothing more is to be started. */
  const stopping = new AbortController()
  /** Aborts when what still runs is to give up. */
  const interrupting = new AbortController()
  const changes = changing()
  const waiting = backlog()
  const running: (Delivery | undefined)[] = []
  let inFlight = 0
  let unsettled = 0
  const held = new Set<Delivery>()
  let pausedAt: number | undefined
  let sourceHasEnded = false
  let isClosed = false
  let ended: Ended | undefined

  const stop = (why: Ended): void => {
    if (ended !== undefined) return
    ended = why
    stopping.abort()
    for (let delivery = waiting.first(); delivery !== undefined; delivery = waiting.first()) {
      waiting.dropFirst()
      answer(delivery, released('shutdown'), false)
    }
    if (inFlight > 0) emit({ _tag: 'Draining', inFlight })
    settling.flush()
    changes.notify()
  }

  // settling

  const settled = ({ delivery, outcome, action }: Settle, settlement: Settlement): void => {
    unsettled -= 1
    if (traits.leaseMs !== undefined) held.delete(delivery)
    if (settlement === 'lost') emit({ _tag: 'Lost', id: delivery.message.id })
    if (settlement === 'unknown' || (action._tag !== 'Done' && !traits.redelivers)) tally.unsettled += 1
    if (unsettled === limits.maxUnsettled - 1) changes.notify()
  }
  const settling = settler(source, clock, settled)

  /** Answers the source for a delivery, as its outcome says. */
  const answer = (delivery: Delivery, outcome: Outcome, started: boolean): void => {
    tally.outcomes[outcome._tag] += 1
    if (outcome._tag === 'Acked') return settling.add({ delivery, outcome, action: done })
    const { message } = delivery
    if (outcome._tag === 'DeadLettered' && message.trace.storedIn !== undefined) {
      tally.storedIn.add(message.trace.storedIn)
    }
    const isUnhandled = outcome._tag === 'Failed'
    if (isUnhandled || (outcome._tag === 'Nacked' && !traits.redelivers)) {
      emit({ _tag: 'Reported', id: message.id, outcome })
    }
    if (outcome._tag === 'Released' && outcome.reason === 'leaseLost') {
      unsettled -= 1
      held.delete(delivery)
      return changes.notify()
    }
    settling.add({
      delivery,
      outcome,
      action: actionOf(outcome, message.deliveryCount, started, limits.onFailed)
    })
    if (isUnhandled && (limits.onFailed === 'stop' || outcome.failure._tag === 'DlqUnavailable')) {
      stop({ _tag: 'Stopped', id: message.id, failure: outcome.failure })
    }
  }

  // pulling

  const pulling = async (): Promise<void> => {
    let failedSince: number | undefined
    let retryMs = firstRetryMs
    let isUnready = false
    let yieldedAt = clock.monotonic()
    while (ended === undefined && !sourceHasEnded) {
      const room = Math.min(limits.maxUnsettled - unsettled, maxPull)
      if (room <= 0 || pausedAt !== undefined) {
        await changes.next()
        continue
      }
      const pulled = await pullFrom(source, room, stopping.signal)
      if (pulled._tag === 'Right') {
        if (failedSince !== undefined) emit({ _tag: 'Reconnected', afterMs: clock.monotonic() - failedSince })
        failedSince = undefined
        retryMs = firstRetryMs
        isUnready = false
        accept(pulled.right)
        if (clock.monotonic() - yieldedAt < yieldAfterMs) continue
        await sleep(clock, 0, neverAborted)
        yieldedAt = clock.monotonic()
      } else if (pulled.left._tag === 'Fatal') {
        stop({ _tag: 'SourceLost', error: capture(pulled.left.cause) })
      } else {
        failedSince ??= clock.monotonic()
        if (!isUnready && clock.monotonic() - failedSince >= unreadyAfterMs) {
          isUnready = true
          emit({ _tag: 'Unready', error: capture(pulled.left.cause) })
        }
        await sleep(clock, retryMs * (0.5 + clock.random() / 2), stopping.signal)
        retryMs = Math.min(retryMs * 2, maxRetryMs)
      }
    }
  }

  const accept = (pulled: Pulled): void => {
    if (pulled._tag === 'End') sourceHasEnded = true
    else {
      tally.received += pulled.items.length
      unsettled += pulled.items.length
      if (traits.leaseMs !== undefined) for (const delivery of pulled.items) held.add(delivery)
      if (ended === undefined) waiting.add(pulled.items)
      else for (const delivery of pulled.items) answer(delivery, released('shutdown'), false)
    }
    changes.notify()
  }

  // working

  const take = (): Delivery | undefined => {
    const delivery = waiting.first()
    if (delivery === undefined || pausedAt !== undefined) return undefined
    if (inFlight > 0 && (delivery.alone === true || running.some((other) => other?.alone))) return undefined
    waiting.dropFirst()
    return delivery
  }

  const working = async (slot: number): Promise<void> => {
    for (;;) {
      const delivery = take()
      if (delivery === undefined) {
        if (waiting.first() === undefined && (ended !== undefined || sourceHasEnded)) return
        if (inFlight === 0) settling.flush()
        await changes.next()
        continue
      }
      running[slot] = delivery
      inFlight += 1
      let outcome =
        source.start === undefined ? await run(delivery.message) : await startedFirst(source.start, delivery)
      if (isUnstored(outcome)) outcome = await insisted(delivery, outcome)
      running[slot] = undefined
      inFlight -= 1
      if (isClosed) return
      answer(delivery, outcome, true)
      if (inFlight === 0 && waiting.first() === undefined) settling.flush()
      if (limits.concurrency > 1) changes.notify()
    }
  }

  /** Runs it once the source has counted the start; a lease that is lost by then is not started. */
  const startedFirst = async (start: NonNullable<Source['start']>, delivery: Delivery): Promise<Outcome> => {
    for (let retryMs = firstRetryMs; ended === undefined; retryMs = Math.min(retryMs * 2, maxRetryMs)) {
      const settlement = await start(delivery)().catch(() => 'unknown' as const)
      if (settlement === 'ok') return run(delivery.message)
      if (settlement === 'lost') return released('leaseLost')
      await sleep(clock, retryMs, stopping.signal)
    }
    return released('shutdown')
  }

  /** Asks the queue again, everything else paused, until it stores the letter or takes too long. */
  const insisted = async (delivery: Delivery, first: Outcome): Promise<Outcome> => {
    let outcome = first
    for (let retryMs = firstRetryMs; isUnstored(outcome); retryMs = Math.min(retryMs * 2, maxRetryMs)) {
      if (pausedAt === undefined) emit({ _tag: 'Paused', failure: outcome.failure })
      const since = (pausedAt ??= clock.monotonic())
      if (clock.monotonic() - since >= limits.dlqDeadlineMs) return outcome
      await sleep(clock, Math.min(retryMs, limits.dlqDeadlineMs), interrupting.signal)
      outcome = await run(delivery.message)
    }
    if (pausedAt !== undefined && outcome._tag !== 'Released') {
      emit({ _tag: 'Resumed', afterMs: clock.monotonic() - pausedAt })
      pausedAt = undefined
      changes.notify()
    }
    return outcome
  }

  // running

  const onAbort = () => stop({ _tag: 'Aborted' })
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort)
  const stopRenewing = renewing(source, held, clock)
  const stopTelling = telling(source, clock, ({ readBytes, knownBytes }) => {
    const { received, outcomes } = tally
    const elapsedMs = clock.monotonic() - startedAt
    const deadLettered = outcomes.DeadLettered
    emit({ _tag: 'Progress', received, deadLettered, readBytes, totalBytes: knownBytes, elapsedMs })
  })
  emit({ _tag: 'Ready' })

  const workers = Array.from({ length: limits.concurrency }, (_, slot) => working(slot))
  const finished = Promise.all([pulling(), ...workers])
  await Promise.race([finished, aborted(stopping.signal)])
  if (ended !== undefined && (await within(clock, limits.drainMs, finished)) === undefined) {
    for (const delivery of running) delivery?.interrupt('shutdown')
    interrupting.abort()
    if ((await within(clock, limits.graceMs, finished)) === undefined) {
      for (const delivery of running) if (delivery !== undefined) answer(delivery, released('shutdown'), true)
    }
  }
  isClosed = true
  if (
    (await within(
      clock,
      limits.drainMs + limits.graceMs,
      settling.done().then(() => true)
    )) === undefined
  ) {
    tally.unsettled += unsettled
  }
  stopRenewing()
  signal.removeEventListener('abort', onAbort)
  stopTelling()
  const { readBytes, knownBytes } = source.input?.() ?? { readBytes: 0, knownBytes: 0 }
  return toReport(tally, knownBytes - readBytes, clock.monotonic() - startedAt, ended ?? { _tag: 'Drained' })
}

// helpers

const maxPull = 256
const firstRetryMs = 50
const maxRetryMs = 5_000
const unreadyAfterMs = 30_000
/** How long pulling may go on without letting timers and signals in. */
const yieldAfterMs = 20
const maxParkMs = 3_600_000
const progressMs = 200

const done: Action = { _tag: 'Done' }
const neverAborted = new AbortController().signal

const actionOf = (
  outcome: Outcome,
  deliveryCount: number,
  started: boolean,
  onFailed: Limits['onFailed']
): Action => {
  switch (outcome._tag) {
    case 'Acked':
    case 'DeadLettered':
      return done
    case 'Nacked':
      return { _tag: 'Retry', afterMs: outcome.afterMs ?? 0 }
    case 'Released':
      return { _tag: 'Release', started }
    case 'Failed':
      if (outcome.failure._tag === 'DlqUnavailable' || onFailed === 'stop')
        return { _tag: 'Release', started }
      return onFailed === 'report'
        ? done
        : { _tag: 'Retry', afterMs: Math.min(1_000 * 2 ** (deliveryCount - 1), maxParkMs) }
  }
}

type Unstored = Extract<Outcome, { readonly _tag: 'Failed' }>

const isUnstored = (outcome: Outcome): outcome is Unstored =>
  outcome._tag === 'Failed' && outcome.failure._tag === 'DlqUnavailable'

/** Sources promise not to reject; one that does is broken for good. */
const pullFrom = async (
  source: Source,
  max: number,
  signal: AbortSignal
): Promise<Either<SourceError, Pulled>> => {
  try {
    return await source.pull(max, signal)()
  } catch (cause) {
    return left({ _tag: 'Fatal', cause })
  }
}

/** Lets several wait for whatever changes next. */
const changing = () => {
  let waiting: (() => void)[] = []
  return {
    next: () => new Promise<void>((resolve) => void waiting.push(resolve)),
    notify: () => {
      const woken = waiting
      waiting = []
      for (const wake of woken) wake()
    }
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** Renews the leases of all that is held, three times in each lease. */
const renewing = ({ traits, renew }: Source, held: ReadonlySet<Delivery>, clock: Clock): (() => void) => {
  const { leaseMs } = traits
  if (leaseMs === undefined || renew === undefined) return () => undefined
  let isStopped = false
  const again = async (): Promise<void> => {
    if (held.size > 0) await renew([...held])().catch(() => [])
    if (!isStopped) cancel = clock.after(leaseMs / 3, () => void again())
  }
  let cancel = clock.after(leaseMs / 3, () => void again())
  return () => {
    isStopped = true
    cancel()
  }
}

/** Tells how far a source has come whose end is known. */
const telling = ({ input }: Source, clock: Clock, tell: (input: Input) => void): (() => void) => {
  if (input === undefined || !input().isAll) return () => undefined
  let cancel: () => void
  const again = () => {
    cancel = clock.after(progressMs, () => {
      tell(input())
      again()
    })
  }
  again()
  return () => cancel()
}
