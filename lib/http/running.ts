/** What is in flight: runs deliveries, and has stored what their senders would lose. */
import { hanging } from '../combinators/hanging.js'
import { type Failure, rejected } from '../core/failure.js'
import { type Interruption, interruption } from '../core/message.js'
import { type Outcome, type Released, released } from '../core/outcome.js'
import { type Processor, runOf } from '../core/processor.js'
import { isCall } from '../core/run.js'
import { within } from '../ports/waiting.js'
import type { HttpDelivery } from './delivery.js'
import type { Settings } from './options.js'
import { storing } from './storing.js'

// model

export interface Running {
  /** Runs a delivery, or has it stored for this failure; it is in flight until its outcome is told. */
  readonly start: (delivery: HttpDelivery, tell: (outcome: Outcome) => void, failure?: Failure) => void
  readonly run: (delivery: HttpDelivery, failure?: Failure) => Promise<Outcome>
  /**
   * The same for a sender that waits no longer than the deadline, or `until`, where it waits for others, too; what
   * takes longer is stored first.
   */
  readonly runInTime: (delivery: HttpDelivery, until?: number) => Promise<Outcome>
  /** For what failure a delivery is stored at once, as it would be lost if it were refused. */
  readonly overload: () => Failure | undefined
  readonly isFull: () => boolean
  readonly isIdle: () => boolean
  readonly inFlight: () => readonly HttpDelivery[]
  readonly interrupt: (reason: Interruption) => void
  /** How many handlers were given up and still run. */
  readonly abandoned: () => number
}

export interface RunningNeeds {
  readonly processor: Processor
  readonly settings: Settings
  readonly maxAbandoned: number
  readonly onTooManyAbandoned: (count: number) => void
  /** Told after each outcome. */
  readonly onEnd: () => void
}

// constructors

export const running = ({
  processor,
  settings,
  maxAbandoned,
  onTooManyAbandoned,
  onEnd
}: RunningNeeds): Running => {
  const { clock, concurrency, deadlineMs, senderRetries } = settings
  const begin = runOf(processor)
  const store = storing(begin, clock)
  /** By slots, which cost less than a set. */
  const deliveries: (HttpDelivery | undefined)[] = []
  const freeSlots: number[] = []
  const givenUp = hanging(maxAbandoned, onTooManyAbandoned)

  const count = (): number => deliveries.length - freeSlots.length
  const isFull = (): boolean => count() >= concurrency

  /** Why what runs was interrupted. What comes late, as the rest of a batch does, is not even begun. */
  let stopped: Interruption | undefined
  const beginning = ({ message }: HttpDelivery) =>
    stopped === undefined ? begin(message) : released(stopped)

  const start: Running['start'] = (delivery, tell, failure) => {
    const slot = freeSlots.pop() ?? deliveries.length
    deliveries[slot] = delivery
    const end = (outcome: Outcome): void => {
      deliveries[slot] = undefined
      freeSlots.push(slot)
      givenUp.add(delivery.message.trace)
      tell(outcome)
      onEnd()
    }
    const ended = (outcome: Outcome): void => {
      if (senderRetries || outcome._tag !== 'Released') end(outcome)
      else void kept(delivery, outcome).then(end)
    }
    const told = (outcome: Outcome | Promise<Outcome>): void => {
      if (outcome instanceof Promise) void outcome.then(ended)
      else ended(outcome)
    }
    const begun = failure === undefined ? beginning(delivery) : store(delivery.message, failure)
    if (!isCall(begun)) return told(begun)
    const { verdict } = begun
    void (isPlain(verdict) ? verdict : awaited(verdict)).then(
      (given: unknown) => told(begun.conclude(given)),
      (thrown: unknown) => told(begun.fail(thrown))
    )
  }

  const run: Running['run'] = (delivery, failure) =>
    new Promise((resolve) => start(delivery, resolve, failure))

  /** What such a sender is refused is lost, so that it is stored instead. */
  const kept = async (delivery: HttpDelivery, outcome: Released): Promise<Outcome> => {
    const { message } = delivery
    const stored = await delivery.storing
    return stored?._tag === 'DeadLettered'
      ? outcome
      : store(message, rejected('interrupted', { reason: outcome.reason }))
  }

  const overload = (): Failure | undefined =>
    !senderRetries && isFull() ? rejected('overloaded', { concurrency }) : undefined

  const tooLate = rejected('deadline-passed', { deadlineMs: deadlineMs ?? null })

  const runFor = async (delivery: HttpDelivery, waitMs: number): Promise<Outcome> => {
    const outcome = run(delivery)
    const inTime = await within(clock, waitMs, outcome)
    if (inTime !== undefined) return inTime
    /** Aborts if the handler acks before the queue is asked. */
    const acking = new AbortController()
    void outcome.then(({ _tag }) => _tag === 'Acked' && acking.abort(interruption('leaseLost')))
    delivery.storing = Promise.resolve(store(delivery.message, tooLate, acking.signal))
    const stored = await delivery.storing
    return stored._tag === 'DeadLettered' ? stored : outcome
  }

  const runInTime: Running['runInTime'] = (delivery, until) => {
    if (deadlineMs === undefined) return run(delivery, overload())
    const waitMs = until === undefined ? deadlineMs : Math.max(0, until - clock.monotonic())
    // What is late waits for none of its batch, and so has to find room.
    const failure = overload() ?? (waitMs === 0 && isFull() ? tooLate : undefined)
    return failure === undefined ? runFor(delivery, waitMs) : run(delivery, failure)
  }

  return {
    start,
    run,
    runInTime,
    overload,
    isFull,
    isIdle: () => count() === 0,
    inFlight: () => deliveries.filter((delivery) => delivery !== undefined),
    interrupt: (reason) => {
      stopped = reason
      for (const delivery of deliveries) delivery?.interrupt(reason)
    },
    abandoned: givenUp.count
  }
}

// helpers

/** One whose `then` is its own may throw there, or call back twice. */
const isPlain = (verdict: PromiseLike<unknown>): verdict is Promise<unknown> =>
  verdict instanceof Promise && verdict.then === Promise.prototype.then
const awaited = async (verdict: PromiseLike<unknown>): Promise<unknown> => await verdict
