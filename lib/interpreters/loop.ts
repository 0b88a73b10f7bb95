/** The one loop: pulls from a source, runs the processor, and answers for every delivery. */
import type { Task } from 'fp-ts/lib/Task.js'
import type { OpenGate } from '../combinators/gate.js'
import { hanging } from '../combinators/hanging.js'
import type { Clock } from '../core/clock.js'
import type { Message } from '../core/message.js'
import { type Outcome, released } from '../core/outcome.js'
import { type Processor, runOf } from '../core/processor.js'
import { concluded, isCall } from '../core/run.js'
import { type Ended, type Gauges, type OnEvent, type Report, inFlightOf } from '../ports/interpreter.js'
import type { Delivery, Settlement, Source } from '../ports/source.js'
import { aborted, within } from '../ports/waiting.js'
import { actionOf, isUnstored } from './action.js'
import { answering } from './answering.js'
import { backlog } from './backlog.js'
import { gatekeeper } from './gatekeeper.js'
import { insisting } from './insisting.js'
import { intake } from './intake.js'
import { type OrderBy, ordered } from './ordered.js'
import { measuring, progressing, renewing } from './recurring.js'
import { interrupt } from './reliable.js'
import { restingPlace } from './resting.js'
import { defaultPatienceMs } from './settler.js'
import { counted } from './starting.js'
import { count, emptyTally, toReport } from './tally.js'
import { turns } from './turns.js'

// model

export interface Limits {
  readonly concurrency: number
  readonly maxUnsettled: number
  readonly onFailed: 'stop' | 'report' | 'park'
  readonly drainMs: number
  readonly graceMs: number
  readonly dlqDeadlineMs: number
  readonly orderBy: OrderBy | undefined
  readonly maxHeldPerKey: number
  readonly gates: readonly OpenGate[]
  readonly maxAbandoned: number
}

// the loop

/** Ends when the source has, or soon after the signal aborts. Rejects only where a gate cannot be opened, before it begins. */
export const loop = async (
  source: Source,
  processor: Processor,
  limits: Limits,
  clock: Clock,
  signal: AbortSignal,
  emit: OnEvent
): Promise<Report> => {
  const begin = runOf(processor)
  const run = (message: Message) => concluded(begin(message))
  const { traits } = source
  const patienceMs = traits.leaseMs ?? defaultPatienceMs
  const startedAt = clock.monotonic()
  const tally = emptyTally()

  // the end

  let ended: Ended | undefined
  /** Aborts when nothing more is to be started. */
  const stopping = new AbortController()
  /** Aborts when what still runs is to give up. */
  const interrupting = new AbortController()

  // what was pulled, and the slots in which it runs

  const order = limits.orderBy && ordered(limits.orderBy, limits.maxHeldPerKey)
  const waiting = order ?? backlog()
  const freeSlots = Array.from({ length: limits.concurrency }, (_, slot) => limits.concurrency - 1 - slot)
  /** By slot. */
  const running: (Delivery | undefined)[] = []
  /** By slot: was the start of what runs there counted? */
  const isStarted: boolean[] = []
  let active = 0
  /** Does something run beside which nothing is started? */
  let isAlone = false
  const turn = turns(clock)
  const givenUp = hanging(limits.maxAbandoned, (count) => stop({ _tag: 'TooManyAbandoned', count }))
  const isIdle = (): boolean =>
    freeSlots.length === limits.concurrency && waiting.first() === undefined && resting.isEmpty()
  let wakeWaiting = (): void => undefined

  // room for more

  /** Pulled, and not answered for. */
  let unsettled = 0
  const room = (): number => limits.maxUnsettled - unsettled
  const leastRoom = Math.max(1, Math.min(64, Math.floor(limits.maxUnsettled / 4)))
  /** One batch is read while another is handled, and up to three are being answered for. */
  const mostPulled = source.settle === undefined ? Infinity : Math.ceil(limits.maxUnsettled / 5)
  /** While there is something left to be started, pulling waits until it is worth a call. */
  const mayPull = (): boolean =>
    !queue.isPaused() && order?.isFull() !== true && (room() >= leastRoom || waiting.first() === undefined)

  // stopping

  const stop = (why: Ended): void => {
    if (ended !== undefined) return
    ended = why
    stopping.abort()
    const undone = waiting.all()
    waiting.clear()
    for (const delivery of undone) answer(delivery, released('shutdown'), false)
    for (const [delivery, outcome] of resting.giveUp()) handBack(delivery, outcome, true)
    if (active > 0) emit({ _tag: 'Draining', inFlight: active })
    settling?.flush()
    pulling.wake()
    wakeWaiting()
  }

  // answering

  const letGo = (): void => {
    unsettled -= 1
    if (room() === leastRoom || waiting.first() === undefined) pulling.wake()
  }

  const { answer, handBack, isLost, settling } = answering(source, clock, {
    patienceMs,
    onFailed: limits.onFailed,
    tally,
    emit,
    letGo,
    isStopped: () => ended !== undefined,
    stop
  })

  /** All that is neither answered for nor given up, about as it came. */
  const held = (): readonly Delivery[] => [
    ...(settling?.all() ?? []),
    ...running.filter((delivery) => delivery !== undefined),
    ...resting.all(),
    ...waiting.all()
  ]

  // pulling

  const accept = (items: readonly Delivery[]): void => {
    tally.received += items.length
    unsettled += items.length
    if (ended !== undefined) for (const delivery of items) answer(delivery, released('shutdown'), false)
    else {
      waiting.add(items)
      fillSlots()
    }
  }

  const pulling = intake(source, clock, {
    turn,
    room: () => (mayPull() ? Math.min(room(), mostPulled) : 0),
    accept,
    fail: (error) => stop({ _tag: 'SourceLost', error }),
    emit,
    signal: stopping.signal
  })

  // working

  /** The next delivery that may be started; one that is `alone` waits for the others, and they for it. */
  const take = (): Delivery | undefined => {
    const delivery = waiting.first()
    if (delivery === undefined || queue.isPaused()) return undefined
    if (isAlone || (delivery.alone === true && active > 0)) return undefined
    if (gates?.isClosed() === true) return undefined
    gates?.onStart(delivery)
    // Gates are the user's code: one that stopped the run has given it back with all others.
    if (ended !== undefined) return undefined
    waiting.dropFirst()
    if (waiting.first() === undefined) pulling.wake()
    return delivery
  }

  const fillSlots = (): void => {
    while (freeSlots.length > 0) {
      const delivery = take()
      if (delivery === undefined) return
      void working(freeSlots.pop() as number, delivery)
    }
  }

  /** The next delivery; none where others have their turn first, after which all slots go on. */
  const takeNext = (): Delivery | undefined => {
    const due = waiting.first() && turn.dueSparingly()
    if (due === undefined) return take()
    void due.then(fillSlots)
    return undefined
  }

  /** Runs one after the other in its slot, until there is none to be started. */
  const working = async (slot: number, first: Delivery): Promise<void> => {
    for (let delivery: Delivery | undefined = first; delivery !== undefined; delivery = takeNext()) {
      running[slot] = delivery
      active += 1
      isAlone = delivery.alone === true
      const start = source.start?.(delivery)
      isStarted[slot] = start === undefined
      const kept =
        start === undefined && !isLost(delivery) ? undefined : await keptBack(slot, delivery, start)
      if (running[slot] !== delivery) return // it was given up
      const begun = kept ?? begin(resting.messageOf(delivery))
      let outcome: Outcome
      if (isCall(begun)) {
        // Awaited here and not in a function of its own: this is the one frame of a message.
        try {
          const end = begun.conclude(await begun.verdict)
          outcome = end instanceof Promise ? await end : end
        } catch (thrown) {
          outcome = await begun.fail(thrown)
        }
      } else outcome = await begun
      if (isUnstored(outcome)) outcome = await queue.insist(outcome, () => run(resting.messageOf(delivery)))
      if (running[slot] !== delivery) return // it was given up
      running[slot] = undefined
      active -= 1
      givenUp.add(delivery.message.trace)
      if (!restsFor(delivery, outcome)) {
        answer(delivery, outcome, isStarted[slot] ?? false)
        free(delivery)
      }
      if (gates !== undefined) {
        gates.onOutcome(outcome, delivery)
        fillSlots()
      }
      if (delivery.alone !== true) continue
      settling?.flush()
      isAlone = false
      fillSlots()
    }
    freeSlots.push(slot)
    if (!isIdle()) return
    settling?.flush()
    wakeWaiting()
  }

  /** What becomes of a delivery that is not run: one that is lost by now, or whose start was not counted before a stop. */
  const keptBack = async (
    slot: number,
    delivery: Delivery,
    start: Task<Settlement> | undefined
  ): Promise<Outcome | undefined> => {
    const settlement = await counted(start, () => isLost(delivery), patienceMs, clock, stopping.signal)
    isStarted[slot] = settlement === 'ok'
    if (settlement !== 'lost') return ended && released('shutdown')
    interrupt(delivery, 'leaseLost')
    return released('leaseLost')
  }

  // order by key

  /** The next of its key may start, if it has one. */
  const free = (delivery: Delivery): void => {
    if (order === undefined) return
    resting.end(delivery)
    const wasFull = order.isFull()
    order.release(delivery)
    if (wasFull) pulling.wake()
    if (freeSlots.length > 0) fillSlots()
  }

  /** Does it hold its key until it is tried again, here and by itself? What is `alone` does not: others wait for it. */
  const restsFor = (delivery: Delivery, outcome: Outcome): boolean => {
    if (order === undefined || !traits.redelivers || delivery.alone === true) return false
    if (ended !== undefined || isLost(delivery)) return false
    const message = resting.messageOf(delivery)
    const action = actionOf(outcome, { message }, true, limits.onFailed)
    if (action._tag !== 'Retry') return false
    count(tally, outcome)
    if (outcome._tag === 'Failed') emit({ _tag: 'Reported', id: message.id, outcome })
    resting.rest(delivery, outcome, action.afterMs)
    return true
  }

  const resting = restingPlace(clock, (delivery) => {
    tally.received += 1
    order?.again(delivery)
    fillSlots()
  })

  // what nothing is started for

  const gates =
    limits.gates.length === 0
      ? undefined
      : gatekeeper(limits.gates, clock, fillSlots, (gate, error) => emit({ _tag: 'GateFailed', gate, error }))

  const queue = insisting({
    clock,
    deadlineMs: limits.dlqDeadlineMs,
    signal: interrupting.signal,
    isStopped: () => ended !== undefined,
    emit,
    onResumed: () => {
      fillSlots()
      pulling.wake()
    }
  })

  /** Everything that was pulled is answered for, and nothing more is pulled. */
  const drained = async (): Promise<true> => {
    await pulling.run()
    while (!isIdle()) await new Promise<void>((resolve) => (wakeWaiting = resolve))
    return true
  }

  // running

  const onAbort = () => stop({ _tag: 'Aborted' })
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort)
  const gauges = (): Gauges => {
    const isPaused = queue.isPaused()
    const pausedBy = isPaused ? 'dlq' : gates?.closedBy()
    return {
      unsettled,
      inFlight: active,
      isPaused,
      abandoned: givenUp.count(),
      ...(pausedBy !== undefined && { pausedBy }),
      ...(order !== undefined && { heldByKey: order.held() + resting.all().length })
    }
  }
  const recurring = [
    renewing(source, held, clock),
    progressing(source, tally, startedAt, clock, emit),
    measuring(source, gauges, clock, emit)
  ]
  const inFlight = () =>
    running.flatMap((delivery) => (delivery === undefined ? [] : [inFlightOf(resting.messageOf(delivery))]))
  emit({ _tag: 'Ready', inFlight })

  const finished = drained()
  await Promise.race([finished, aborted(stopping.signal)])
  if (ended !== undefined && !(await within(clock, limits.drainMs, finished))) {
    for (const delivery of running) interrupt(delivery, 'shutdown')
    interrupting.abort()
    if (!(await within(clock, limits.graceMs, finished))) {
      for (const [slot, delivery] of running.entries()) {
        running[slot] = undefined
        if (delivery !== undefined) answer(delivery, released('shutdown'), isStarted[slot] ?? false)
      }
    }
  }
  const settleMs = ended === undefined ? limits.drainMs + limits.graceMs : limits.graceMs
  if (settling !== undefined && !(await within(clock, settleMs, settling.done())))
    tally.unsettled += unsettled
  settling?.giveUp()
  gates?.stop()
  for (const stopRecurring of recurring) stopRecurring()
  signal.removeEventListener('abort', onAbort)
  const { readBytes, knownBytes } = source.input?.() ?? { readBytes: 0, knownBytes: 0 }
  return toReport(tally, knownBytes - readBytes, clock.monotonic() - startedAt, ended ?? { _tag: 'Drained' })
}
