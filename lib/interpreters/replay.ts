/** Replay: an interpreter whose source is a dead letter store. */
import { hostname, userInfo } from 'node:os'
import type { Clock } from '../core/clock.js'
import { nacked } from '../core/dlq.js'
import type { Failure } from '../core/failure.js'
import type { StoredLetter } from '../core/letter.js'
import { type Trace, interruption } from '../core/message.js'
import type { Outcome } from '../core/outcome.js'
import { combinator } from '../core/processor.js'
import { left, right } from '../core/result.js'
import type { Interpreter, Report } from '../ports/interpreter.js'
import { toMessage } from '../ports/letter-message.js'
import type { DeadLetterStore, Held, LetterFilter, LetterQuery, Replayed } from '../ports/letters.js'
import { Resource, isResource } from '../ports/resource.js'
import type { Delivery, OpenSource, Settle, Settlement, Source } from '../ports/source.js'
import { sleep } from '../ports/waiting.js'
import { systemClock } from '../system.js'
import { consume } from './consume.js'
import { claims, mostAhead } from './replay-claims.js'

// model

/** How fast letters are replayed, how many, and when to stop. */
export interface ReplayOptions {
  /** How many handlers run at a time. 1 by default. */
  readonly concurrency?: number
  /** At most so many letters are started in a second. */
  readonly rate?: number
  /** Stops once so many letters have failed; with a concurrency, those in flight beside the last may fail as well. */
  readonly stopAfter?: number
  /** At most so many letters are replayed. */
  readonly limit?: number
  /** By first arrival: `oldest` first, which is the default, or `newest`. */
  readonly order?: LetterQuery['order']
  /** Who replays, for the letters' history. By default user, host and process. */
  readonly by?: string
  /** How long letters stay with this replay should it die. They are renewed while it lives. 60 s by default. */
  readonly leaseMs?: number
  /** How long running handlers may take to finish after a stop, before their signals abort. 25 s by default. */
  readonly drainMs?: number
  /** How long they may take after that, before they are given up. 5 s by default. */
  readonly graceMs?: number
  /** How long a queue may be unavailable, that which is replayed as well, before the run stops. 60 s by default. */
  readonly dlqDeadlineMs?: number
  readonly clock?: Clock
}

// constructors

/**
 * Runs a processor over the dead letters that the filter means, each once. Acked letters are resolved; any other
 * is dead again with one attempt more, and what a shutdown interrupts is dead again as it was. Letters are leased,
 * so that no two replays run the same one, and nothing is deleted before it was handled: should the process die,
 * its letters are dead again when their leases end. Letters that arrive meanwhile are left alone.
 *
 * @example
 * const queue = memoryDlq()
 * const app = (isFixed: boolean) =>
 *   pipe(receive(text), handle(otherwise(async () => (isFixed ? ack : failed(rejected('late'))))), withDlq(queue))
 * await app(false)(message('Hello', { id: '17' }))()
 * const report = await replay(queue, { tag: 'Rejected' })(app(true))(new AbortController().signal)()
 * assert.equal([report.acked, queue.letters().map(({ id, state }) => [id, state])], [1, [['17', 'resolved']]])
 *
 * @throws RangeError if a number makes no sense
 * @since 0.1.0
 */
export const replay = (
  store: DeadLetterStore | Resource<DeadLetterStore>,
  filter: LetterFilter = {},
  options: ReplayOptions = {}
): Interpreter => {
  refuseNumbers(options)
  const { concurrency = 1, rate, stopAfter = Infinity, clock = systemClock } = options
  /** When handlers failed; what they failed with is told later, and more than once where the store does not answer. */
  const failedAt: FailedAt = new WeakMap()
  const opened = isResource(store) ? store : Resource.of(store)
  const open: OpenSource = () =>
    Resource.map((value: DeadLetterStore) => sourceOf(value, filter, options, clock, failedAt))(opened)
  const isExact = rate !== undefined || stopAfter < Infinity
  const interpreter = consume(open, {
    ...options,
    // What is read ahead is started as soon as there is a slot, and so cannot be held back any more.
    maxUnsettled: isExact ? concurrency : Math.max(mostAhead, concurrency * 2),
    onFailed: 'park'
  })
  return (processor) =>
    (signal, onEvent = () => undefined) =>
    async () => {
      const stopping = new AbortController()
      const failed = new Set<string>()
      let last: Report['ended'] | undefined
      const watched = combinator('replay', (inner) => (message) => async () => {
        const outcome = await inner(message)()
        const failure = failureOf(outcome)
        if (failure === undefined) return outcome
        // One that could not be stored failed when it was run, and not when it was to be stored again.
        if (!failedAt.has(message.trace)) failedAt.set(message.trace, clock.now())
        failed.add(message.letter?.key ?? message.id)
        if (failed.size >= stopAfter && last === undefined && !signal.aborted) {
          last = { _tag: 'Stopped', id: message.id, failure }
          stopping.abort()
        }
        return outcome
      })
      /** What stopped it is why it has ended. */
      const told = (report: Report): Report => (last === undefined ? report : { ...report, ended: last })
      const report = await interpreter(watched(processor))(
        AbortSignal.any([signal, stopping.signal]),
        (event) => onEvent(event._tag === 'Ended' ? { ...event, report: told(event.report) } : event)
      )()
      return told(report)
    }
}

// helpers

type FailedAt = WeakMap<Trace, number>

const refuseNumbers = ({ rate, stopAfter, limit, leaseMs }: ReplayOptions): void => {
  if (rate !== undefined && !(rate > 0))
    throw new RangeError('replay: rate is letters per second, more than 0')
  for (const [name, value = 1] of Object.entries({ stopAfter, limit }))
    if (!(value >= 1 && (Number.isInteger(value) || value === Infinity)))
      throw new RangeError(`replay: ${name} is a whole number of at least 1`)
  if (leaseMs !== undefined && !(leaseMs >= 1 && leaseMs < 2 ** 31))
    throw new RangeError('replay: leaseMs is at least 1, and no more than 24 days')
}

/** Why a letter stays dead; `undefined` for one that was handled, or given back unfinished. */
const failureOf = (outcome: Outcome): Failure | undefined => {
  switch (outcome._tag) {
    case 'Acked':
    case 'Released':
      return undefined
    case 'Nacked':
      return nacked(outcome)
    default:
      return outcome.failure._tag === 'DlqUnavailable' ? outcome.failure.failure : outcome.failure
  }
}

const sourceOf = (
  store: DeadLetterStore,
  filter: LetterFilter,
  {
    rate = Infinity,
    limit = Infinity,
    order = 'oldest',
    by,
    leaseMs = 60_000,
    dlqDeadlineMs = 60_000
  }: ReplayOptions,
  clock: Clock,
  failedAt: FailedAt
): Source => {
  const owner = by ?? `${userName()}@${hostname()}:${process.pid}`
  const ours = claims(clock)
  const pace = paceOf(rate, clock)
  let after: string | undefined
  let rest = limit
  let isExhausted = false
  /** Since when no letters can be claimed. */
  let failingSince: number | undefined

  const replayed = ({ delivery: { message }, outcome }: Settle): Replayed => {
    const { route, startedAt = clock.now(), attempts } = message.trace
    const endedAt = failedAt.get(message.trace) ?? clock.now()
    const failure = failureOf(outcome)
    if (outcome._tag === 'Acked')
      return {
        ...heldOf(message.letter),
        result: { _tag: 'Resolved', ...(outcome.note !== undefined && { note: outcome.note }) }
      }
    if (failure === undefined) return { ...heldOf(message.letter), result: { _tag: 'Released' } }
    const attempt = { startedAt, durationMs: Math.max(0, endedAt - startedAt), failure }
    return {
      ...heldOf(message.letter),
      result: { _tag: 'Failed', failure, route, attempts: [...attempts, attempt] }
    }
  }

  return {
    traits: { redelivers: true, delay: 'hold', exclusive: true, leaseMs },
    pull: (max, signal) => async () => {
      if (isExhausted || rest <= 0) return right({ _tag: 'End' })
      const wanted = Math.min(max, rest, await ours.room(signal))
      const most = wanted === 0 ? 0 : await pace(wanted, signal)
      if (most === 0) return right({ _tag: 'Batch', items: [] })
      const claimed = await store.claim({ filter, order, owner, leaseMs, after, limit: most })()
      if (claimed._tag === 'Left') {
        const { reason, isRefused = false } = claimed.left
        failingSince ??= clock.monotonic()
        const isFatal = isRefused || clock.monotonic() - failingSince >= dlqDeadlineMs
        return left({ _tag: isFatal ? 'Fatal' : 'Transient', cause: new Error(reason) })
      }
      failingSince = undefined
      const { letters, next } = claimed.right
      after = next
      isExhausted = next === undefined
      rest -= letters.length
      ours.add(letters)
      return right({ _tag: 'Batch', items: letters.map(deliveryOf) })
    },
    start:
      ({ message }) =>
      async () => {
        if (!ours.start(heldOf(message.letter).token)) return 'lost'
        message.trace.startedAt = clock.now()
        return 'ok'
      },
    renew: (held) => async () => {
      const until = clock.now() + leaseMs
      const names = held.map(({ message }) => heldOf(message.letter))
      const renewed = await answers(held, store.renew(names, leaseMs))
      for (const [index, { token }] of names.entries()) {
        if (renewed[index] === 'ok') ours.renew(token, until)
        else if (renewed[index] === 'lost') ours.drop(token)
      }
      return renewed
    },
    settle: (batch) => async () => {
      const settled = await answers(batch, store.settle(batch.map(replayed)))
      batch.forEach(({ delivery: { message } }, index) => {
        if (settled[index] !== 'unknown') ours.drop(heldOf(message.letter).token)
      })
      return settled
    }
  }
}

const answers = async (
  asked: readonly unknown[],
  task: ReturnType<DeadLetterStore['settle']>
): Promise<readonly Settlement[]> => {
  const answered = await task()
  return answered._tag === 'Right' ? answered.right : asked.map(() => 'unknown')
}

const deliveryOf = (letter: StoredLetter): Delivery => {
  const controller = new AbortController()
  return {
    message: toMessage(letter, controller.signal),
    interrupt: (reason) => controller.abort(interruption(reason))
  }
}

const heldOf = (letter: StoredLetter | undefined): Held => ({
  key: letter?.key ?? '',
  id: letter?.id ?? '',
  token: letter?.lease?.token ?? ''
})

/** A container may run us as a user without a name. */
const userName = (): string => {
  try {
    return userInfo().username
  } catch {
    return `user ${process.getuid?.() ?? ''}`.trim()
  }
}

/** How many may be started now, waiting for the first; what was not used for a while is not made up for. */
const paceOf = (rate: number, clock: Clock) => {
  const gapMs = 1_000 / rate
  let nextAt = -Infinity
  return async (most: number, signal: AbortSignal): Promise<number> => {
    if (gapMs === 0) return most
    await sleep(clock, Math.max(0, nextAt - clock.monotonic()), signal)
    if (signal.aborted) return 0
    const now = clock.monotonic()
    const from = now - nextAt > slackMs ? now : nextAt
    const count = Math.max(1, Math.min(most, Math.floor((now - from) / gapMs) + 1))
    nextAt = from + count * gapMs
    return count
  }
}

/** Timers are late by some milliseconds. */
const slackMs = 20
