import { left, right } from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Delivery,
  type Dlq,
  type Ended,
  type Event,
  type Interruption,
  type Message,
  type OpenSource,
  type Outcome,
  type Processor,
  type Report,
  Resource,
  type Settle,
  type Settlement,
  type Source,
  type SourceError,
  type Traits,
  ack,
  batched,
  byHeader,
  bytes,
  combine,
  deadLettered,
  dlqUnavailable,
  exitCode,
  failed,
  handle,
  interruption,
  interruptionOf,
  message,
  nack,
  otherwise,
  receive,
  rejected,
  resourceError,
  route,
  withDlq
} from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { type ConsumeOptions, consume, memory, systemClock } from 'missive-ts/node'
import { type VirtualClock, turn, virtualClock } from '../support/clock.js'

fc.configureGlobal({ includeErrorInReport: true })

// sources

/** What a source was asked, and what it answered. */
/** A source that has somebody to tell. */
type SettledSource = Source & Required<Pick<Source, 'settle'>>

interface Log {
  readonly given: Delivery[]
  /** What each pull asked for. */
  readonly pulls: number[]
  readonly batches: (readonly Settle[])[]
  closed: number
}

interface Listed {
  readonly log: Log
  readonly open: OpenSource
  readonly delivery: (id: string) => Delivery
  /** What was submitted for settling, in order, as often as it was. */
  readonly settles: () => readonly (readonly [id: string, outcome: string, action: string])[]
}

interface ListedOptions {
  readonly traits?: Partial<Traits>
  /** Waits for more once all are given, instead of ending. */
  readonly staysOpen?: boolean
  readonly alone?: readonly string[]
  /** How many it gives at most in answer to a pull. */
  readonly most?: number
  readonly deliveryCount?: number
  /** What is different from a source that answers everything at once. */
  readonly changed?: (source: SettledSource, log: Log) => Partial<Source>
}

const abortOf = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

const numbered = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => String(index + 1))

/** A source of messages with these ids. */
const listed = (ids: readonly string[], options: ListedOptions = {}): Listed => {
  const { traits, staysOpen = false, alone = [], most = 1_000, deliveryCount = 1, changed } = options
  const log: Log = { given: [], pulls: [], batches: [], closed: 0 }
  const redelivers = traits?.redelivers ?? false

  const deliveryOf = (id: string): Delivery => {
    const controller = new AbortController()
    return {
      message: message(id, { id, redelivers, deliveryCount, signal: controller.signal }),
      interrupt: (reason: Interruption) => controller.abort(interruption(reason)),
      ...(alone.includes(id) && { alone: true })
    }
  }

  const source: SettledSource = {
    traits: { redelivers, delay: 'hold', exclusive: true, ...traits },
    pull: (max, signal) => async () => {
      log.pulls.push(max)
      const from = log.given.length
      const items = ids.slice(from, from + Math.min(max, most)).map(deliveryOf)
      log.given.push(...items)
      if (items.length > 0) return right({ _tag: 'Batch', items })
      if (!staysOpen) return right({ _tag: 'End' })
      await abortOf(signal)
      return right({ _tag: 'Batch', items: [] })
    },
    settle: (batch) => async () => {
      log.batches.push(batch)
      return batch.map(() => 'ok' as const)
    }
  }

  return {
    log,
    open: () =>
      Resource.make(
        'listed',
        async () => right({ ...source, ...changed?.(source, log) }),
        async () => void (log.closed += 1)
      ),
    delivery: (id) => {
      const delivery = log.given.find(({ message }) => message.id === id)
      if (delivery === undefined) throw new Error(`${id} was not given`)
      return delivery
    },
    settles: () => log.batches.flat().map(shown)
  }
}

const shown = ({ delivery, outcome, action }: Settle): readonly [string, string, string] => {
  const details = {
    Done: () => '',
    Retry: () => ` after ${action._tag === 'Retry' ? action.afterMs : 0} ms`,
    Release: () => (action._tag === 'Release' && action.started ? ' started' : ' not started')
  }
  return [delivery.message.id, outcome._tag, `${action._tag}${details[action._tag]()}`]
}

const leased = (leaseMs: number): Partial<Traits> => ({ redelivers: true, leaseMs })

// processors

const processing =
  (work: (message: Message) => Outcome | Promise<Outcome>): Processor =>
  (message) =>
  async () =>
    work(message)

const acking = processing(() => ack)

const waits = (clock: VirtualClock, delayMs: number): Promise<void> =>
  new Promise((resolve) => void clock.after(delayMs, resolve))

const never = new Promise<never>(() => undefined)

/** A handler in a pipeline, as users write it. */
const handling = (work: (message: Message) => Promise<Outcome>): Processor =>
  pipe(receive(bytes), handle(otherwise(work as (message: Message) => Promise<typeof ack>)))

/** A queue that stores only while `isUp` says so. */
const unsteadyDlq = (isUp: () => boolean) => {
  const stored = memoryDlq()
  const puts: string[] = []
  const dlq: Dlq = {
    location: 'unsteady',
    put: (letter) => async () => {
      puts.push(letter.id)
      return isUp() ? stored.put(letter)() : left({ reason: 'disk full' })
    }
  }
  return { dlq, puts, letters: () => stored.letters().map(({ id }) => id) }
}

// runs

const running = (
  open: OpenSource,
  processor: Processor,
  options: ConsumeOptions = {},
  clock: VirtualClock = virtualClock()
) => {
  const stopping = new AbortController()
  const events: (readonly [at: number, event: Event])[] = []
  const beats: (readonly [at: number, event: Event])[] = []
  const ends: Event[] = []
  const onEvent = (event: Event): void => {
    assert.equal(ends, [], 'the end is told last')
    if (event._tag === 'Ended') ends.push(event)
    else (event._tag === 'Measured' ? beats : events).push([clock.monotonic(), event])
  }
  const running = consume(open, { ...options, clock })(processor)(stopping.signal, onEvent)()
  return {
    clock,
    events,
    beats,
    tags: () => events.map(([, { _tag }]) => _tag).filter((tag) => tag !== 'Ready'),
    abort: () => stopping.abort(),
    /** As it is told, too. */
    report: async () => {
      const report = await clock.finish(running)
      assert.equal(ends, [{ _tag: 'Ended', report }])
      return plain(report)
    }
  }
}

type PlainEnded =
  Exclude<Ended, { readonly error: unknown }> | { readonly _tag: string; readonly error: string }

interface PlainReport extends Omit<Report, 'ended'> {
  readonly ended: PlainEnded
}

/** A report without what differs from run to run. */
const plain = ({ ended, ...counts }: Report): PlainReport => ({
  ...counts,
  durationMs: 0,
  ended: 'error' in ended ? { _tag: ended._tag, error: ended.error.message } : ended
})

const reportOf = (fields: Partial<PlainReport> = {}): PlainReport => ({
  received: 0,
  acked: 0,
  nacked: 0,
  failed: 0,
  deadLettered: 0,
  released: 0,
  unsettled: 0,
  unreadBytes: 0,
  durationMs: 0,
  storedIn: [],
  ended: { _tag: 'Drained' },
  ...fields
})

/** What was rejected meanwhile without anybody to hear it. */
const unheard = async (act: () => Promise<unknown>): Promise<readonly string[]> => {
  const rejections: string[] = []
  const onRejection = (reason: unknown): void => void rejections.push(String(reason))
  process.on('unhandledRejection', onRejection)
  try {
    await act()
    await turn()
  } finally {
    process.off('unhandledRejection', onRejection)
  }
  return rejections
}

// reports

const reports = suite('consume: reports')

reports('counts what became of every delivery', async () => {
  const clock = virtualClock()
  const queue = memoryDlq()
  const verdicts: Record<string, (message: Message) => Outcome> = {
    a: () => ack,
    b: ({ deliveryCount }) => (deliveryCount === 1 ? nack({ afterMs: 100 }) : ack),
    c: () => failed(rejected('late'))
  }
  const processor = withDlq(queue)(processing((message) => verdicts[message.id]?.(message) ?? ack))
  const messages = ['a', 'b', 'c'].map((id) => message(id, { id }))
  const { report } = running(memory(messages, { clock }), processor, {}, clock)
  assert.equal(
    await report(),
    reportOf({ received: 4, acked: 2, nacked: 1, deadLettered: 1, storedIn: ['memory'] })
  )
  assert.equal(
    queue.letters().map(({ id, failure }) => [id, failure]),
    [['c', rejected('late')]]
  )
})

reports('says how long the run took', async () => {
  const clock = virtualClock()
  const processor = processing(async () => {
    await waits(clock, 1_500)
    return ack
  })
  const ran = consume(listed(['a']).open, { clock })(processor)(new AbortController().signal)()
  assert.is((await clock.finish(ran)).durationMs, 1_500)
})

reports('says how much of the input was not read', async () => {
  const { open } = listed(['a'], {
    changed: () => ({ input: () => ({ readBytes: 3, knownBytes: 10, isAll: false }) })
  })
  assert.equal(await running(open, acking).report(), reportOf({ received: 1, acked: 1, unreadBytes: 7 }))
})

reports('tells how far a source has come whose end is known', async () => {
  const clock = virtualClock()
  let readBytes = 0
  const { open } = listed(['a', 'b'], {
    changed: () => ({ input: () => ({ readBytes, knownBytes: 10, isAll: true }) })
  })
  const processor = processing(async () => {
    readBytes += 5
    await waits(clock, 250)
    return ack
  })
  const { report, events } = running(open, processor, {}, clock)
  await report()
  assert.equal(
    events.map(([, event]) => event).filter(({ _tag }) => _tag === 'Progress'),
    [
      { _tag: 'Progress', received: 2, deadLettered: 0, readBytes: 5, totalBytes: 10, elapsedMs: 200 },
      { _tag: 'Progress', received: 2, deadLettered: 0, readBytes: 10, totalBytes: 10, elapsedMs: 400 }
    ]
  )
})

reports('comes when the source cannot be opened, whatever that does', async () => {
  const because = (error: string) => reportOf({ ended: { _tag: 'NotStarted', error } })
  const closing = async () => right(undefined)
  const cases: readonly (readonly [OpenSource, string])[] = [
    [() => ({ open: async () => left(resourceError('listed', 'start the server')) }), 'start the server'],
    [
      () =>
        Resource.make(
          'listed',
          async () => {
            throw new Error('boom')
          },
          async () => undefined
        ),
      'Error: boom'
    ],
    [() => ({ open: () => Promise.reject(new Error('rejected')) }), 'rejected'],
    [
      () => {
        throw new Error('thrown')
      },
      'thrown'
    ],
    [() => ({ open: async () => right({ value: undefined as unknown as Source, close: closing }) }), '']
  ]
  for (const [open, error] of cases) {
    const report = await running(open, acking).report()
    if (error === '') assert.is(report.ended._tag, 'NotStarted')
    else assert.equal(report, because(error))
  }
})

reports('comes when the source cannot say how far it is', async () => {
  const source = listed(['a'], {
    changed: () => ({
      input: () => {
        throw new Error('input')
      }
    })
  })
  assert.equal(await running(source.open, acking).report(), reportOf({ received: 1, acked: 1 }))
  assert.is(source.log.closed, 1)
})

reports('is not disturbed by observers that throw or reject', async () => {
  const observers = [
    () => {
      throw new Error('observer')
    },
    async () => {
      throw new Error('observer')
    }
  ]
  for (const observer of observers) {
    const rejections = await unheard(async () => {
      const clock = virtualClock()
      const processor = processing(({ id }) => (id === 'b' ? failed(rejected('late')) : ack))
      const { open } = listed(['a', 'b', 'c'])
      const ran = consume(open, { onFailed: 'report', clock })(processor)(
        new AbortController().signal,
        observer
      )()
      assert.equal(plain(await clock.finish(ran)), reportOf({ received: 3, acked: 2, failed: 1 }))
    })
    assert.equal(rejections, [])
  }
})

reports('holds failures of processors that throw or reject by themselves', async () => {
  const processors: readonly Processor[] = [
    () => {
      throw new Error('thrown')
    },
    () => () => Promise.reject(new Error('rejected')),
    () => async () => undefined as unknown as Outcome
  ]
  for (const processor of processors) {
    const { report, events } = running(listed(['a', 'b']).open, processor, { onFailed: 'report' })
    assert.equal(await report(), reportOf({ received: 2, failed: 2 }))
    const failures = events.flatMap(([, event]) =>
      event._tag === 'Reported' && event.outcome._tag === 'Failed' ? [event.outcome.failure._tag] : []
    )
    assert.equal(failures, ['Defect', 'Defect'])
  }
})

reports.run()

const options = suite('consume: options')

options('that make no sense are refused when they are given', () => {
  const { open } = listed([])
  const wrong: readonly (readonly [ConsumeOptions, string])[] = [
    ...[0, -1, 1.5, Number.NaN].map(
      (concurrency) => [{ concurrency }, 'consume: concurrency is a whole number of at least 1'] as const
    ),
    ...[0, 1, 2.5, Number.NaN].map(
      (maxUnsettled) =>
        [
          { concurrency: 2, maxUnsettled },
          'consume: maxUnsettled is a whole number of at least the concurrency'
        ] as const
    ),
    ...(['drainMs', 'graceMs', 'dlqDeadlineMs'] as const).flatMap((name) =>
      [-1, Number.NaN].map(
        (ms) =>
          [
            { [name]: ms },
            'consume: drainMs, graceMs and dlqDeadlineMs are milliseconds of at least 0'
          ] as const
      )
    ),
    ...[{ drainMs: Infinity }, { graceMs: 2 ** 31 }].map(
      (given) => [given, 'consume: drainMs and graceMs are no more than 24 days'] as const
    ),
    [{ onFailed: 'parc' as never }, "consume: onFailed is 'stop', 'report' or 'park'"]
  ]
  for (const [options, message] of wrong) assert.throws(() => consume(open, options), message)
})

options('tell the source how many deliveries it may have out', async () => {
  const told: number[] = []
  const { open } = listed([])
  for (const limits of [{}, { concurrency: 2_000 }, { maxUnsettled: 7 }]) {
    await running(
      (limits) => {
        told.push(limits.maxUnsettled)
        return open(limits)
      },
      acking,
      limits
    ).report()
  }
  assert.equal(told, [1_024, 4_000, 7])
})

options('want a queue, or onFailed, where the source brings messages back', async () => {
  const source = listed(['a'], { traits: { redelivers: true } })
  const handled: string[] = []
  const processor = processing(({ id }) => {
    handled.push(id)
    return ack
  })
  const report = await running(source.open, processor).report()
  assert.equal(report, {
    ...reportOf(),
    ended: {
      _tag: 'NotStarted',
      error:
        "the processor has no dead letter queue, so what fails would come back for ever; add withDlq(...), or say onFailed: 'park' or 'stop'"
    }
  })
  assert.equal([handled, source.log.pulls, source.log.closed], [[], [], 1])
})

options('say where a queue is missing that processors have which are combined', async () => {
  const source = listed(['a'], { traits: { redelivers: true } })
  const queued = (id: string) =>
    pipe(receive(bytes), handle(route(byHeader('id', id), async () => ack)), withDlq(memoryDlq()))
  const both = combine(queued('a'), queued('b'))
  for (const processor of [both, combine(both, queued('c'))]) {
    const { ended } = await running(source.open, processor).report()
    assert.equal(ended, {
      _tag: 'NotStarted',
      error:
        "combined processors have no dead letter queue around them all, so what fails, or none of them takes, would come back for ever; put withDlq(...) after combine(...), or say onFailed: 'park' or 'stop'"
    })
  }
  const report = await running(source.open, pipe(both, withDlq(memoryDlq()))).report()
  assert.equal(report.ended._tag, 'Drained')
})

options('are refused before the source is opened, where that can be', async () => {
  const refusal = async (traits: Traits | undefined, processor: Processor, options: ConsumeOptions) => {
    let isOpened = false
    const open = (): ReturnType<OpenSource> => {
      isOpened = true
      return Resource.of({ traits: redelivering, pull: () => async () => right({ _tag: 'End' as const }) })
    }
    const { ended } = await running(
      traits ? Object.assign(open, { traits }) : open,
      processor,
      options
    ).report()
    return [isOpened, ended._tag === 'NotStarted' ? ended.error : ended._tag]
  }
  const redelivering: Traits = { redelivers: true, delay: 'hold', exclusive: false }
  assert.match(JSON.stringify(await refusal(redelivering, acking, {})), /^\[false,.*no dead letter queue/)
  const unhandled = receive(bytes) as unknown as Processor
  assert.match(JSON.stringify(await refusal(undefined, unhandled, {})), /^\[false,.*pipeline with handle/)
  assert.match(JSON.stringify(await refusal(undefined, acking, {})), /^\[true,.*no dead letter queue/)

  const ordered = { onFailed: 'stop', orderBy: ({ id }: Message) => id } as const
  assert.match(JSON.stringify(await refusal(redelivering, acking, ordered)), /^\[false,.*scope: 'process'/)
  assert.equal(await refusal(redelivering, acking, { ...ordered, scope: 'process' }), [true, 'Drained'])

  const batching = pipe(receive(bytes), handle(otherwise(batched(2, 10, async () => ack))))
  assert.match(
    JSON.stringify(await refusal(undefined, batching, {})),
    /^\[false,.*no batch would ever be full/
  )
})

options('let a source that brings messages back start with a queue, or with onFailed', async () => {
  const done = reportOf({ received: 1, acked: 1 })
  const start = (processor: Processor, options: ConsumeOptions) =>
    running(listed(['a'], { traits: { redelivers: true } }).open, processor, options).report()
  assert.equal(await start(withDlq(memoryDlq())(acking), {}), done)
  assert.equal(await start(acking, { onFailed: 'park' }), done)
  assert.equal(await start(acking, { onFailed: 'stop' }), done)
})

options.run()

// concurrency

const concurrency = suite('consume: concurrency')

concurrency('is never exceeded, is used, and starts messages in their order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 20 }),
      fc.integer({ min: 1, max: 5 }),
      async (concurrency, durations, most) => {
        const clock = virtualClock()
        const started: string[] = []
        let inFlight = 0
        let peak = 0
        const processor = processing(async ({ id }) => {
          started.push(id)
          peak = Math.max(peak, (inFlight += 1))
          await waits(clock, durations[Number(id) - 1] as number)
          inFlight -= 1
          return ack
        })
        const ids = numbered(durations.length)
        const { report } = running(listed(ids, { most }).open, processor, { concurrency }, clock)
        const count = durations.length
        assert.equal(await report(), reportOf({ received: count, acked: count }))
        assert.equal([started, peak], [ids, Math.min(concurrency, count)])
      }
    ),
    { numRuns: 60 }
  )
})

concurrency('of 1 ends each message before the next', async () => {
  const clock = virtualClock()
  const log: string[] = []
  const processor = processing(async ({ id }) => {
    log.push(`${id} begins`)
    await waits(clock, 10 - Number(id))
    log.push(`${id} ends`)
    return ack
  })
  await running(listed(numbered(4)).open, processor, {}, clock).report()
  assert.equal(
    log,
    numbered(4).flatMap((id) => [`${id} begins`, `${id} ends`])
  )
})

/** A gate that never closes: it is told, and so asks for the next start. */
const openGate = () => ({
  name: 'open',
  closedMs: () => 0,
  onStart: () => undefined,
  onOutcome: () => undefined
})

concurrency('leaves a delivery that is alone alone', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.constantFrom<ConsumeOptions>({}, { gates: [openGate] }, { orderBy: ({ id }) => id }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.boolean()), { maxLength: 15 }),
      async (concurrency, options, script) => {
        const clock = virtualClock()
        const inFlight = new Set<string>()
        const crowds: string[] = []
        const ids = numbered(script.length)
        const alone = ids.filter((_, index) => script[index]?.[1])
        const processor = processing(async ({ id }) => {
          inFlight.add(id)
          if (inFlight.size > 1 && [...inFlight].some((other) => alone.includes(other))) {
            crowds.push([...inFlight].join(' and '))
          }
          await waits(clock, script[Number(id) - 1]?.[0] ?? 0)
          inFlight.delete(id)
          return ack
        })
        const { report } = running(listed(ids, { alone }).open, processor, { ...options, concurrency }, clock)
        assert.equal(await report(), reportOf({ received: ids.length, acked: ids.length }))
        assert.equal(crowds, [])
      }
    ),
    { numRuns: 150 }
  )
})

concurrency.run()

// pulling

const pulling = suite('consume: pulling')

pulling('keeps one pull outstanding, and within maxUnsettled, read ahead included', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 6 }),
      fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 25 }),
      fc.integer({ min: 0, max: 30 }),
      fc.integer({ min: 1, max: 8 }),
      async (concurrency, ahead, durations, delayMs, most) => {
        const clock = virtualClock()
        const maxUnsettled = concurrency + ahead
        const wrong: string[] = []
        let pulls = 0
        let out = 0
        const source = listed(numbered(durations.length), {
          most,
          changed: ({ pull, settle }) => ({
            pull: (max, signal) => async () => {
              if ((pulls += 1) > 1) wrong.push(`${pulls} pulls at a time`)
              if (max < 1) wrong.push(`${max} asked for`)
              if (max > maxUnsettled - out) wrong.push(`${max} asked for, and ${out} are out`)
              await waits(clock, delayMs)
              const pulled = await pull(max, signal)()
              pulls -= 1
              if (pulled._tag === 'Right' && pulled.right._tag === 'Batch') out += pulled.right.items.length
              if (out > maxUnsettled) wrong.push(`${out} are out`)
              return pulled
            },
            settle: (batch) => async () => {
              await waits(clock, delayMs)
              out -= batch.length
              return settle(batch)()
            }
          })
        })
        const processor = processing(async ({ id }) => {
          await waits(clock, durations[Number(id) - 1] as number)
          return ack
        })
        const { report } = running(source.open, processor, { concurrency, maxUnsettled }, clock)
        const count = durations.length
        assert.equal(await report(), reportOf({ received: count, acked: count }))
        assert.equal([wrong, out], [[], 0])
      }
    ),
    { numRuns: 60 }
  )
})

pulling('reads ahead while handlers run', async () => {
  const source = listed(numbered(10), { most: 2, staysOpen: true })
  const { clock, abort, report } = running(
    source.open,
    processing(() => never),
    { maxUnsettled: 6 }
  )
  await clock.advance(10)
  assert.is(source.log.given.length, 6)
  abort()
  await report()
})

const transient = left<SourceError>({ _tag: 'Transient', cause: new Error('no route to host') })

/** A source whose pulls fail until a time; notes when they did. */
const failingUntil = (clock: VirtualClock, until: number, at: number[] = []) =>
  listed(['a'], {
    changed: ({ pull }) => ({
      pull: (max, signal) => async () => {
        if (clock.monotonic() >= until) return pull(max, signal)()
        at.push(clock.monotonic())
        return transient
      }
    })
  })

pulling('tries again after transient errors, and says so when the source answers again', async () => {
  const clock = virtualClock()
  const { report, events, tags } = running(failingUntil(clock, 10_000).open, acking, {}, clock)
  assert.equal(await report(), reportOf({ received: 1, acked: 1 }))
  assert.equal(tags(), ['Reconnected'])
  const [at, event] = events.find(([, { _tag }]) => _tag === 'Reconnected') ?? []
  assert.equal(event, { _tag: 'Reconnected', afterMs: at })
  assert.ok(at !== undefined && at >= 10_000 && at <= 15_000, String(at))
})

pulling('says once that the source does not answer, after 30 s', async () => {
  const clock = virtualClock()
  const { report, events, tags } = running(failingUntil(clock, 120_000).open, acking, {}, clock)
  await report()
  assert.equal(tags(), ['Unready', 'Reconnected'])
  const [at, event] = events.find(([, { _tag }]) => _tag === 'Unready') ?? []
  assert.is(event?._tag === 'Unready' && event.error.message, 'no route to host')
  assert.ok(at !== undefined && at >= 30_000 && at <= 40_000, String(at))
})

pulling('says so again when the source stops answering once more', async () => {
  const clock = virtualClock()
  const isDown = (): boolean => {
    const at = clock.monotonic()
    return at < 60_000 || (at > 100_000 && at < 160_000)
  }
  const source = listed(numbered(30), {
    most: 1,
    changed: ({ pull }) => ({
      pull: (max, signal) => async () => {
        await waits(clock, 5_000)
        return isDown() ? transient : pull(max, signal)()
      }
    })
  })
  const { report, tags } = running(source.open, acking, {}, clock)
  assert.equal(await report(), reportOf({ received: 30, acked: 30 }))
  assert.equal(tags(), ['Unready', 'Reconnected', 'Unready', 'Reconnected'])
})

pulling('waits longer and longer between tries, within bounds, and never in step with others', async () => {
  const gapsWith = async (random: number): Promise<readonly number[]> => {
    const clock = virtualClock({ random: () => random })
    const at: number[] = []
    await running(failingUntil(clock, 120_000, at).open, acking, {}, clock).report()
    return at.slice(1).map((time, index) => time - (at[index] as number))
  }
  const [low, high] = [await gapsWith(0), await gapsWith(0.999)]
  assert.ok(low.every((gap, index) => gap > 0 && gap < (high[index] ?? Number.POSITIVE_INFINITY)))
  for (const gaps of [low, high]) {
    assert.ok(
      gaps.slice(0, 5).every((gap, index) => index === 0 || gap > (gaps[index - 1] as number)),
      gaps.join()
    )
    assert.ok(Math.max(...gaps) <= 10_000, gaps.join())
  }
})

pulling('ends after a fatal error, once what runs has finished and the rest is released', async () => {
  const clock = virtualClock()
  let pulls = 0
  const source = listed(numbered(3), {
    traits: { redelivers: true },
    changed: ({ pull }) => ({
      pull: (max, signal) => async () =>
        (pulls += 1) === 1 ? pull(max, signal)() : left({ _tag: 'Fatal', cause: new Error('gone') })
    })
  })
  const processor = processing(async () => {
    await waits(clock, 1_000)
    return ack
  })
  const { report } = running(source.open, processor, { onFailed: 'stop' }, clock)
  assert.equal(
    await report(),
    reportOf({ received: 3, acked: 1, released: 2, ended: { _tag: 'SourceLost', error: 'gone' } })
  )
  assert.equal(source.settles(), [
    ['2', 'Released', 'Release not started'],
    ['3', 'Released', 'Release not started'],
    ['1', 'Acked', 'Done']
  ])
  assert.is(source.log.closed, 1)
})

pulling('is given up when the source throws or rejects', async () => {
  const pulls: readonly Source['pull'][] = [
    () => {
      throw new Error('gone')
    },
    () => () => Promise.reject(new Error('gone'))
  ]
  for (const pull of pulls) {
    const source = listed(['a'], { changed: () => ({ pull }) })
    assert.equal(
      await running(source.open, acking).report(),
      reportOf({ ended: { _tag: 'SourceLost', error: 'gone' } })
    )
    assert.is(source.log.closed, 1)
  }
})

pulling('is given up when the source answers nonsense, and what was handled is in the report', async () => {
  const nonsense: readonly any[] = [
    undefined,
    {},
    right(undefined),
    right({ _tag: 'Batch' }),
    right({ _tag: 'Batch', items: [undefined] }),
    right({ _tag: 'Batch', items: [{ message: message('c') }] }),
    right({ _tag: 'Batch', items: [{ message: { id: 'c' }, interrupt: () => undefined }] }),
    right({ _tag: 'Batch', items: Array(1) }),
    left(undefined)
  ]
  for (const answer of nonsense) {
    let pulls = 0
    const source = listed(['a', 'b'], {
      changed: ({ pull }) => ({
        pull: (_, signal) => async () => ((pulls += 1) === 2 ? answer : pull(1, signal)())
      })
    })
    const { received, acked, ended } = await running(source.open, acking).report()
    assert.equal([received, acked, ended._tag, source.log.closed], [1, 1, 'SourceLost', 1])
  }
})

pulling('loses nothing where the source uses its list of deliveries again', async () => {
  const items: Delivery[] = []
  const source = listed(['1', '2', '3', '4', '5'], {
    most: 2,
    changed: ({ pull }) => ({
      pull: (max, signal) => async () => {
        const pulled = await pull(max, signal)()
        if (pulled._tag === 'Left' || pulled.right._tag === 'End') return pulled
        items.splice(0, items.length, ...pulled.right.items)
        return right({ ...pulled.right, items })
      }
    })
  })
  const clock = virtualClock()
  const processor = processing(async () => {
    await waits(clock, 10)
    return ack
  })
  assert.equal(await running(source.open, processor, {}, clock).report(), reportOf({ received: 5, acked: 5 }))
})

pulling('lets others have a turn now and then, but not where the source has waited already', async () => {
  const turns = async (waited: boolean): Promise<number> => {
    let [count, time] = [0, 0]
    const clock = virtualClock()
    const source = listed(numbered(8), {
      changed: ({ pull }) => ({
        pull: (_, signal) => async () => {
          time += 30
          const pulled = await pull(1, signal)()
          return pulled._tag === 'Right' && pulled.right._tag === 'Batch'
            ? right({ ...pulled.right, waited })
            : pulled
        }
      })
    })
    const counting = {
      ...clock,
      monotonic: () => time,
      after: (delayMs: number, call: () => void) => {
        if (delayMs === 0) count += 1
        return clock.after(delayMs, call)
      }
    }
    assert.is((await running(source.open, acking, {}, counting).report()).received, 8)
    return count
  }
  assert.equal([await turns(false), await turns(true)], [9, 1])
})

pulling.run()

// watching

const watching = suite('consume: watching')

watching(
  'tells every five seconds how things stand, to whoever runs it and to the option alike',
  async () => {
    const clock = virtualClock()
    let isAnswering = true
    const source = listed(['a', 'b', 'c'], {
      changed: () => ({
        measure: () => async () => {
          if (isAnswering) return { lag: 7 }
          throw new Error('gone')
        }
      })
    })
    const slow = processing(async ({ id }) => {
      await waits(clock, id === 'a' ? 6_000 : 5_000)
      isAnswering = false
      return ack
    })
    const own: Event[] = []
    const onEvent = (event: Event): void => {
      own.push(event)
      throw new Error('an observer that throws')
    }
    const { report, events, beats } = running(source.open, slow, { onEvent }, clock)
    assert.is((await report()).acked, 3)
    const gauges = { unsettled: 3, inFlight: 1, isPaused: false, abandoned: 0 }
    assert.equal(beats, [
      [5_000, { _tag: 'Measured', gauges: { lag: 7, ...gauges } }],
      // The source does not say how things stand there, and the loop is alive all the same.
      [10_000, { _tag: 'Measured', gauges: { ...gauges, unsettled: 2 } }],
      [15_000, { _tag: 'Measured', gauges: { ...gauges, unsettled: 1 } }]
    ])
    assert.equal(
      own.filter(({ _tag }) => _tag === 'Measured'),
      beats.map(([, event]) => event)
    )
    assert.equal(
      own.filter(({ _tag }) => _tag === 'Ended').map(({ _tag }) => _tag),
      ['Ended']
    )
    assert.is(own.length, beats.length + events.length + 1)
  }
)

watching.run()

// settling

const settling = suite('consume: settling')

settling('comes in batches, of at most 512', async () => {
  const source = listed(numbered(1_000))
  const count = 1_000
  assert.equal(await running(source.open, acking).report(), reportOf({ received: count, acked: count }))
  const sizes = source.log.batches.map(({ length }) => length)
  assert.ok(Math.max(...sizes) <= 512 && sizes.length <= 20, sizes.join())
  assert.equal(
    source.settles(),
    numbered(count).map((id) => [id, 'Acked', 'Done'])
  )
})

settling(
  'catches up with what came while the source was slow to answer, in batches of at most 2,048',
  async () => {
    const clock = virtualClock()
    const source = listed(numbered(10_000), {
      changed: ({ settle }) => ({
        settle: (batch) => async () => {
          await waits(clock, 100)
          return settle(batch)()
        }
      })
    })
    const { report } = running(source.open, acking, { maxUnsettled: 8_192 }, clock)
    assert.equal(await report(), reportOf({ received: 10_000, acked: 10_000 }))
    const sizes = source.log.batches.map(({ length }) => length)
    assert.is(Math.max(...sizes), 2_048, sizes.join())
    assert.ok(sizes.length <= 10, sizes.join())
  }
)

settling('comes within a few milliseconds while a slow handler runs', async () => {
  const clock = virtualClock()
  const source = listed(['1', '2'])
  const processor = processing(async ({ id }) => {
    if (id === '2') await waits(clock, 10_000)
    return ack
  })
  const { report } = running(source.open, processor, {}, clock)
  await clock.advance(10)
  assert.equal(source.settles(), [['1', 'Acked', 'Done']])
  await report()
})

settling('comes at once when nothing else runs', async () => {
  const source = listed(['1'], { staysOpen: true })
  const { abort, report } = running(source.open, acking)
  await turn()
  assert.equal(source.settles(), [['1', 'Acked', 'Done']])
  abort()
  await report()
})

/** A source that answers for each settle as `answer` says, given the id and how often it was asked before. */
const answering = (
  ids: readonly string[],
  answer: (id: string, time: number) => Settlement,
  options: ListedOptions = {}
) => {
  const times = new Map<string, number>()
  return listed(ids, {
    ...options,
    changed: ({ settle }) => ({
      settle: (batch) => async () => {
        await settle(batch)()
        return batch.map(({ delivery: { message } }) => {
          const time = times.get(message.id) ?? 0
          times.set(message.id, time + 1)
          return answer(message.id, time)
        })
      }
    })
  })
}

settling('is submitted again until it is known, and only that which is not', async () => {
  const source = answering(['1', '2', '3'], (id, time) => (id === '2' && time < 4 ? 'unknown' : 'ok'))
  assert.equal(await running(source.open, acking).report(), reportOf({ received: 3, acked: 3 }))
  const asked = source.settles().map(([id]) => id)
  assert.equal(asked.toSorted(), ['1', '2', '2', '2', '2', '2', '3'])
})

settling('that is lost is told, and never submitted again', async () => {
  const source = answering(['1', '2'], (id) => (id === '1' ? 'lost' : 'ok'))
  const { report, events } = running(source.open, acking)
  assert.equal(await report(), reportOf({ received: 2, acked: 2 }))
  assert.equal(source.settles().length, 2)
  assert.equal(
    events.map(([, event]) => event).filter(({ _tag }) => _tag === 'Lost'),
    [{ _tag: 'Lost', id: '1' }]
  )
})

settling('is unknown when the source throws, rejects, or answers for too few or nonsense', async () => {
  const wrong: readonly NonNullable<Source['settle']>[] = [
    () => {
      throw new Error('settle')
    },
    () => () => Promise.reject(new Error('settle')),
    () => async () => [],
    () => async () => undefined as never,
    (batch) => async () => batch.map(() => 'done' as never)
  ]
  for (const first of wrong) {
    let times = 0
    const source = listed(['1', '2'], {
      changed: ({ settle }) => ({
        settle: (batch) => ((times += 1) === 1 ? first(batch) : settle(batch))
      })
    })
    assert.equal(await running(source.open, acking).report(), reportOf({ received: 2, acked: 2 }))
    assert.equal(source.settles(), [
      ['1', 'Acked', 'Done'],
      ['2', 'Acked', 'Done']
    ])
  }
})

settling('of one that stays unknown does not hold up the others', async () => {
  const clock = virtualClock()
  const late: string[] = []
  const ackedAt = new Map<string, number>()
  const source = listed(numbered(40), {
    changed: () => ({
      settle: (batch) => async () =>
        batch.map(({ delivery: { message } }) => {
          const waitedMs = clock.monotonic() - (ackedAt.get(message.id) ?? 0)
          if (message.id !== '1' && waitedMs > 20) late.push(`${message.id} after ${waitedMs} ms`)
          return message.id === '1' ? 'unknown' : 'ok'
        })
    })
  })
  const processor = processing(async ({ id }) => {
    await waits(clock, 100)
    ackedAt.set(id, clock.monotonic())
    return ack
  })
  const { report } = running(source.open, processor, {}, clock)
  assert.equal(await report(), reportOf({ received: 40, acked: 40, unsettled: 1 }))
  assert.equal(late, [])
})

settling('that never becomes known is reported as unsettled, and the run ends', async () => {
  const source = answering(['1', '2'], (id) => (id === '1' ? 'unknown' : 'ok'))
  const { clock, report } = running(source.open, acking)
  assert.equal(await report(), reportOf({ received: 2, acked: 2, unsettled: 1 }))
  assert.ok(clock.monotonic() <= 60_000, String(clock.monotonic()))
})

settling('that is never answered is reported as unsettled, and the run ends', async () => {
  const source = listed(['1', '2'], { changed: () => ({ settle: () => () => never }) })
  const { clock, report } = running(source.open, acking)
  assert.equal(await report(), reportOf({ received: 2, acked: 2, unsettled: 2 }))
  assert.ok(clock.monotonic() <= 60_000, String(clock.monotonic()))
  assert.is(source.log.closed, 1)
})

settling('that is never answered holds up none that follow', async () => {
  let times = 0
  const source = listed(['1', '2', '3'], {
    traits: leased(300),
    changed: ({ settle }) => ({
      settle: (batch) => ((times += 1) === 1 ? () => never : settle(batch)),
      renew: (held) => async () => held.map(() => 'ok')
    })
  })
  const { clock, report } = running(source.open, acking, { onFailed: 'stop' })
  assert.equal(await report(), reportOf({ received: 3, acked: 3 }))
  assert.equal(
    source.settles().map(([id]) => id),
    ['1', '2', '3']
  )
  assert.ok(clock.monotonic() <= 600, String(clock.monotonic()))
})

settling('asks nothing of a source that is closed', async () => {
  const asked: string[] = []
  const source: Listed = listed(['1', '2'], {
    traits: leased(30_000),
    changed: (_, log) => ({
      settle: (batch) => async () => {
        asked.push(log.closed === 0 ? 'settle' : 'settle after close')
        return batch.map(() => 'unknown' as const)
      },
      renew: (held) => async () => {
        asked.push(log.closed === 0 ? 'renew' : 'renew after close')
        return held.map(() => 'ok' as const)
      }
    })
  })
  const { clock, report } = running(source.open, acking, { onFailed: 'stop', drainMs: 100, graceMs: 100 })
  assert.equal(await report(), reportOf({ received: 2, acked: 2, unsettled: 2 }))
  await clock.advance(120_000)
  assert.equal([...new Set(asked)], ['settle'])
})

settling.run()

// leases

const leases = suite('consume: leases')

/** Notes what is renewed when. */
const noting =
  (clock: VirtualClock, renewed: (readonly [at: number, ...ids: readonly string[]])[]): Source['renew'] =>
  (held) =>
  async () => {
    renewed.push([clock.monotonic(), ...held.map(({ message }) => message.id)])
    return held.map(() => 'ok' as const)
  }

leases('are renewed three times each, for everything unsettled, read ahead included', async () => {
  const clock = virtualClock()
  const renewed: (readonly [number, ...string[]])[] = []
  const { open } = listed(['1', '2', '3'], {
    traits: leased(300),
    changed: () => ({ renew: noting(clock, renewed) })
  })
  const processor = processing(async () => {
    await waits(clock, 250)
    return ack
  })
  await running(open, processor, { onFailed: 'stop' }, clock).report()
  assert.equal(renewed, [
    [100, '1', '2', '3'],
    [200, '1', '2', '3'],
    [300, '2', '3'],
    [400, '2', '3'],
    [500, '2', '3'],
    [600, '3'],
    [700, '3']
  ])
})

leases('are renewed while a settle has no answer, and no longer when the run has ended', async () => {
  const clock = virtualClock()
  const renewed: (readonly [number, ...string[]])[] = []
  const { open } = listed(['1'], {
    traits: leased(300),
    changed: ({ settle }) => ({
      settle: (batch) => async () => {
        await waits(clock, 250)
        return settle(batch)()
      },
      renew: noting(clock, renewed)
    })
  })
  await running(open, acking, { onFailed: 'stop' }, clock).report()
  await clock.advance(1_000)
  assert.equal(renewed, [
    [100, '1'],
    [200, '1']
  ])
})

leases('are renewed while handlers drain', async () => {
  const clock = virtualClock()
  const renewed: (readonly [number, ...string[]])[] = []
  const { open } = listed(['1', '2'], {
    traits: leased(300),
    staysOpen: true,
    changed: () => ({ renew: noting(clock, renewed) })
  })
  const processor = processing(async () => {
    await waits(clock, 250)
    return ack
  })
  const { abort, report } = running(open, processor, { onFailed: 'stop' }, clock)
  await clock.advance(50)
  abort()
  assert.equal(await report(), reportOf({ received: 2, acked: 1, released: 1, ended: { _tag: 'Aborted' } }))
  assert.equal(renewed, [
    [100, '1'],
    [200, '1']
  ])
})

leases('are renewed again after a renewal that throws or rejects', async () => {
  const renewals: readonly NonNullable<Source['renew']>[] = [
    () => {
      throw new Error('renew')
    },
    () => () => Promise.reject(new Error('renew')),
    () => async () => undefined as never
  ]
  for (const renew of renewals) {
    const clock = virtualClock()
    let times = 0
    const { open } = listed(['1'], {
      traits: leased(300),
      changed: () => ({
        renew: (held) => {
          times += 1
          return renew(held)
        }
      })
    })
    const processor = processing(async () => {
      await waits(clock, 450)
      return ack
    })
    const rejections = await unheard(async () => {
      const { report } = running(open, processor, { onFailed: 'stop' }, clock)
      assert.equal(await report(), reportOf({ received: 1, acked: 1 }))
    })
    assert.equal([rejections, times], [[], 4])
  }
})

leases(
  'are renewed again within the same lease after a renewal that has no answer, or a late one',
  async () => {
    const lateAnswers: readonly (readonly [Settlement, readonly unknown[]])[] = [
      ['ok', []],
      ['lost', [[400, 'leaseLost']]]
    ]
    for (const [late, expected] of lateAnswers) {
      const clock = virtualClock()
      const renewedAt: number[] = []
      const interrupted: unknown[] = []
      const { open } = listed(['1'], {
        traits: leased(300),
        changed: () => ({
          renew: (held) => async () => {
            renewedAt.push(clock.monotonic())
            if (renewedAt.length > 1) return held.map(() => 'ok')
            await waits(clock, 300)
            return held.map(() => late)
          }
        })
      })
      const processor = processing(async ({ signal }) => {
        signal.addEventListener('abort', () =>
          interrupted.push([clock.monotonic(), (signal.reason as { readonly reason: unknown }).reason])
        )
        await waits(clock, 600)
        return ack
      })
      await running(open, processor, { onFailed: 'stop' }, clock).report()
      assert.equal(renewedAt.slice(0, 3), [100, 250, 350])
      assert.equal(interrupted, expected)
    }
  }
)

/** How the source says that a lease is lost: it aborts the signal by itself, or answers so to a renewal. */
const losing = (ids: readonly string[], lost: string, isTold: boolean, traits: Partial<Traits>) =>
  listed(ids, {
    traits,
    changed: () => ({
      renew: (held) => async () =>
        held.map((delivery) => {
          if (delivery.message.id !== lost) return 'ok'
          if (!isTold) delivery.interrupt('leaseLost')
          return 'lost'
        })
    })
  })

for (const isTold of [false, true]) {
  const how = isTold ? 'as the renewal answers' : 'as the source tells it'

  leases(`that are lost while the handler runs, ${how}, abort its signal and settle nothing`, async () => {
    const reasons: unknown[] = []
    const source = losing(['1', '2'], '1', isTold, leased(300))
    const processor = handling(async (message) => {
      if (message.id !== '1') return ack
      await abortOf(message.signal)
      reasons.push(interruptionOf(message))
      throw new Error('interrupted')
    })
    const { abort, clock, report, tags } = running(source.open, processor, { onFailed: 'stop', drainMs: 100 })
    await clock.advance(1_000)
    abort()
    assert.equal(await report(), reportOf({ received: 2, acked: 1, released: 1 }))
    assert.equal([reasons, source.settles(), tags()], [['leaseLost'], [['2', 'Acked', 'Done']], ['Lost']])
  })

  leases(`that are lost before the handler starts, ${how}, keep it from being started`, async () => {
    const clock = virtualClock()
    const handled: string[] = []
    const source = losing(['1', '2', '3'], '2', isTold, leased(300))
    const processor = processing(async ({ id }) => {
      handled.push(id)
      await waits(clock, 250)
      return ack
    })
    const { report } = running(source.open, processor, { onFailed: 'stop' }, clock)
    assert.equal(await report(), reportOf({ received: 3, acked: 2, released: 1 }))
    assert.equal(handled, ['1', '3'])
    assert.equal(
      source.settles().map(([id]) => id),
      ['1', '3']
    )
  })
}

for (const [verdict, counts] of [
  [ack, { acked: 1 }],
  [nack(), { released: 1 }],
  [failed(rejected('late')), { released: 1 }],
  [deadLettered(rejected('late')), { deadLettered: 1 }]
] as const) {
  leases(`that are lost settle nothing, also when the processor says ${verdict._tag}`, async () => {
    const source = listed(['1'], { traits: leased(300) })
    const processor = processing(async ({ signal }) => {
      await abortOf(signal)
      return verdict
    })
    const { clock, report, tags } = running(source.open, processor, { onFailed: 'park' })
    await clock.advance(10)
    source.delivery('1').interrupt('leaseLost')
    assert.equal(await report(), reportOf({ received: 1, ...counts }))
    assert.equal([source.settles(), tags().includes('Lost')], [[], true])
  })
}

leases('may be revoked by a source that has none to renew', async () => {
  const source = listed(['1'], { traits: { redelivers: true } })
  const processor = handling(async ({ signal }) => {
    await abortOf(signal)
    return nack()
  })
  const { clock, report } = running(source.open, processor, { onFailed: 'park' })
  await clock.advance(10)
  source.delivery('1').interrupt('leaseLost')
  assert.equal(await report(), reportOf({ received: 1, released: 1 }))
  assert.equal(source.settles(), [])
})

leases.run()

// start

const starting = suite('consume: start')

const startedBy = (
  start: NonNullable<Source['start']>,
  ids: readonly string[] = ['1', '2'],
  options: ListedOptions = {}
) => listed(ids, { traits: { redelivers: true }, ...options, changed: () => ({ start }) })

starting('is called just before the handler', async () => {
  const clock = virtualClock()
  const log: string[] = []
  const source = startedBy(({ message }) => async () => {
    log.push(`start ${message.id}`)
    return 'ok'
  })
  const processor = processing(async ({ id }) => {
    log.push(`handle ${id}`)
    await waits(clock, 100)
    log.push(`end ${id}`)
    return ack
  })
  const { report } = running(source.open, processor, { onFailed: 'stop' }, clock)
  assert.equal(await report(), reportOf({ received: 2, acked: 2 }))
  assert.equal(log, ['start 1', 'handle 1', 'end 1', 'start 2', 'handle 2', 'end 2'])
})

for (const traits of [leased(30_000), { redelivers: true }]) {
  const what = traits.leaseMs === undefined ? 'a message' : 'a message with a lease'
  starting(`that is lost keeps ${what} from being run and from being settled`, async () => {
    const handled: string[] = []
    const source = listed(['1', '2'], {
      traits,
      changed: () => ({
        start:
          ({ message }) =>
          async () =>
            message.id === '1' ? 'lost' : 'ok'
      })
    })
    const processor = processing(({ id }) => {
      handled.push(id)
      return ack
    })
    const { report } = running(source.open, processor, { onFailed: 'stop' })
    assert.equal(await report(), reportOf({ received: 2, acked: 1, released: 1 }))
    assert.equal([handled, source.settles()], [['2'], [['2', 'Acked', 'Done']]])
  })
}

starting('is asked for once where it is answered', async () => {
  let asked = 0
  const source = startedBy(() => {
    asked += 1
    return async () => 'ok'
  }, ['1', '2'])
  const report = await running(
    source.open,
    processing(() => ack),
    { onFailed: 'stop' }
  ).report()
  assert.equal([report.acked, asked], [2, 2])
})

starting('that gets no answer, throws or rejects is asked again before the handler runs', async () => {
  const starts: readonly NonNullable<Source['start']>[] = [
    () => async () => 'unknown',
    () => {
      throw new Error('start')
    },
    () => () => Promise.reject(new Error('start'))
  ]
  for (const start of starts) {
    const log: string[] = []
    const source = startedBy(
      (delivery) => {
        log.push(`start ${delivery.message.id}`)
        return log.length < 4 ? start(delivery) : async () => 'ok'
      },
      ['1']
    )
    const processor = processing(({ id }) => {
      log.push(`handle ${id}`)
      return ack
    })
    const { report } = running(source.open, processor, { onFailed: 'stop' })
    assert.equal(await report(), reportOf({ received: 1, acked: 1 }))
    assert.equal(log, ['start 1', 'start 1', 'start 1', 'start 1', 'handle 1'])
    assert.is(source.log.closed, 1)
  }
})

starting(
  'that never becomes known ends with a stop, and the message is given back as not started',
  async () => {
    const source = startedBy(() => async () => 'unknown', ['1'])
    const { clock, abort, report } = running(source.open, acking, { onFailed: 'stop' })
    await clock.advance(10_000)
    abort()
    assert.equal(await report(), reportOf({ received: 1, released: 1, ended: { _tag: 'Aborted' } }))
    assert.equal(source.settles(), [['1', 'Released', 'Release not started']])
  }
)

starting('that is never answered is asked again, after a lease, or 30 s where there are none', async () => {
  for (const [leaseMs, atMs] of [
    [undefined, 30_050],
    [9_000, 9_050]
  ] as const) {
    const clock = virtualClock()
    let asked = 0
    const source = startedBy(() => ((asked += 1) === 1 ? () => never : async () => 'ok'), ['1'])
    const handledAt: number[] = []
    const processor = processing(() => {
      handledAt.push(clock.monotonic())
      return ack
    })
    const open: OpenSource = (limits) =>
      Resource.map((opened: Source) => ({
        ...opened,
        traits: { ...opened.traits, ...(leaseMs !== undefined && { leaseMs }) }
      }))(source.open(limits))
    const { report } = running(open, processor, { onFailed: 'stop' }, clock)
    assert.equal(await report(), reportOf({ received: 1, acked: 1 }))
    assert.equal([asked, handledAt], [2, [atMs]])
  }
})

starting('that is never answered ends with a stop, within drainMs and graceMs', async () => {
  const source = startedBy(() => () => never, ['1'])
  const options = { onFailed: 'stop', drainMs: 1_000, graceMs: 500 } as const
  const { clock, abort, report } = running(source.open, acking, options)
  await clock.advance(100)
  abort()
  assert.equal(await report(), reportOf({ received: 1, released: 1, ended: { _tag: 'Aborted' } }))
  assert.equal(source.settles(), [['1', 'Released', 'Release not started']])
  assert.is(clock.monotonic(), 1_600)
})

starting('that is answered when the message was given up already runs no handler', async () => {
  const clock = virtualClock()
  const handled: string[] = []
  const source = startedBy(
    () => async () => {
      await waits(clock, 10_000)
      return 'ok'
    },
    ['1']
  )
  const processor = processing(({ id }) => {
    handled.push(id)
    return ack
  })
  const options = { onFailed: 'stop', drainMs: 1_000, graceMs: 500 } as const
  const { abort, report } = running(source.open, processor, options, clock)
  await clock.advance(100)
  abort()
  assert.equal(await report(), reportOf({ received: 1, released: 1, ended: { _tag: 'Aborted' } }))
  await clock.advance(60_000)
  assert.equal(handled, [])
  assert.is(source.settles().length, 1)
})

starting.run()

// failures

const failures = suite('consume: onFailed')

const failing = (...ids: readonly string[]): Processor =>
  processing(({ id }) => (ids.includes(id) ? failed(rejected('late')) : ack))

failures('stop leaves the message and what comes after it to the source', async () => {
  const source = listed(numbered(4))
  assert.equal(
    await running(source.open, failing('2')).report(),
    reportOf({
      received: 4,
      acked: 1,
      failed: 1,
      released: 2,
      unsettled: 3,
      ended: { _tag: 'Stopped', id: '2', failure: rejected('late') }
    })
  )
  assert.equal(source.settles(), [
    ['1', 'Acked', 'Done'],
    ['2', 'Failed', 'Release started'],
    ['3', 'Released', 'Release not started'],
    ['4', 'Released', 'Release not started']
  ])
})

failures('stop keeps nothing from a source that brings messages back', async () => {
  const source = listed(numbered(3), { traits: { redelivers: true } })
  const { unsettled, failed, released } = await running(source.open, failing('1'), {
    onFailed: 'stop'
  }).report()
  assert.equal({ unsettled, failed, released }, { unsettled: 0, failed: 1, released: 2 })
})

failures('stop lets the other handlers finish', async () => {
  const clock = virtualClock()
  const source = listed(numbered(3))
  const processor = processing(async ({ id }) => {
    await waits(clock, id === '1' ? 10 : 1_000)
    return id === '1' ? failed(rejected('late')) : ack
  })
  const { report, tags } = running(source.open, processor, { concurrency: 2 }, clock)
  assert.equal(
    await report(),
    reportOf({
      received: 3,
      acked: 1,
      failed: 1,
      released: 1,
      unsettled: 2,
      ended: { _tag: 'Stopped', id: '1', failure: rejected('late') }
    })
  )
  assert.ok(tags().includes('Draining'))
})

failures('report tells, and goes on', async () => {
  const source = listed(numbered(4))
  const { report, events } = running(source.open, failing('2', '3'), { onFailed: 'report' })
  assert.equal(await report(), reportOf({ received: 4, acked: 2, failed: 2 }))
  assert.equal(
    events.map(([, event]) => event).filter(({ _tag }) => _tag !== 'Ready'),
    ['2', '3'].map((id) => ({ _tag: 'Reported', id, outcome: failed(rejected('late')) }))
  )
})

failures('park brings the message back later and later, within bounds', async () => {
  const delayOf = async (deliveryCount: number): Promise<number> => {
    const source = listed(['1'], { traits: { redelivers: true }, deliveryCount })
    const { report } = running(source.open, failing('1'), { onFailed: 'park' })
    assert.equal(await report(), reportOf({ received: 1, failed: 1 }))
    const [settle] = source.log.batches.flat()
    return settle?.action._tag === 'Retry' ? settle.action.afterMs : Number.NaN
  }
  const delays: number[] = []
  for (const count of [1, 2, 3, 4, 50, 5_000]) delays.push(await delayOf(count))
  assert.equal(
    delays,
    delays.toSorted((a, b) => a - b)
  )
  assert.ok(new Set(delays.slice(0, 4)).size === 4, delays.join())
  assert.ok((delays[0] as number) > 0 && (delays.at(-1) as number) <= 24 * 3_600_000, delays.join())
})

failures('what is nacked goes back after its delay', async () => {
  const source = listed(['1', '2'], { traits: { redelivers: true } })
  const processor = processing(({ id }) => (id === '1' ? nack({ afterMs: 70 }) : nack()))
  const { report, tags } = running(source.open, processor, { onFailed: 'stop' })
  assert.equal(await report(), reportOf({ received: 2, nacked: 2 }))
  assert.equal(
    [source.settles().map(([, , action]) => action), tags()],
    [['Retry after 70 ms', 'Retry after 0 ms'], []]
  )
})

failures('what is nacked is reported and left undone where it cannot come back', async () => {
  const source = listed(['1', '2'])
  const processor = processing(({ id }) => (id === '1' ? nack({ reason: 'busy' }) : ack))
  const { report, events } = running(source.open, processor)
  assert.equal(await report(), reportOf({ received: 2, acked: 1, nacked: 1, unsettled: 1 }))
  assert.equal(
    events.map(([, event]) => event).filter(({ _tag }) => _tag !== 'Ready'),
    [{ _tag: 'Reported', id: '1', outcome: nack({ reason: 'busy' }) }]
  )
})

failures.run()

// the queue is unavailable

const pausing = suite('consume: a queue that is unavailable')

/** The handlers of `bad` fail; counts how often each is called. */
const failingInto = (dlq: Dlq, bad: readonly string[]) => {
  const handled: string[] = []
  const processor = withDlq(dlq)(
    processing(({ id }) => {
      handled.push(id)
      return bad.includes(id) ? failed(rejected('late')) : ack
    })
  )
  return { handled, processor }
}

pausing('pauses intake, is asked again, and intake goes on once it stores', async () => {
  const clock = virtualClock()
  const queue = unsteadyDlq(() => clock.monotonic() >= 10_000)
  const { handled, processor } = failingInto(queue.dlq, ['2'])
  const pulledAt: number[] = []
  const source = listed(numbered(6), {
    most: 1,
    changed: ({ pull }) => ({
      pull: (max, signal) => async () => {
        pulledAt.push(clock.monotonic())
        await waits(clock, 10)
        return pull(max, signal)()
      }
    })
  })
  const { report, events, tags } = running(source.open, processor, {}, clock)
  await clock.advance(9_000)
  assert.equal([handled, source.settles()], [['1', '2'], [['1', 'Acked', 'Done']]])
  assert.equal(await report(), reportOf({ received: 6, acked: 5, deadLettered: 1, storedIn: ['unsteady'] }))
  assert.equal([handled, queue.letters()], [numbered(6), ['2']])
  assert.equal(tags(), ['Paused', 'Resumed'])
  const [paused, resumed] = events.filter(([, { _tag }]) => _tag === 'Paused' || _tag === 'Resumed')
  assert.equal(paused?.[1], { _tag: 'Paused', failure: dlqUnavailable('disk full', rejected('late')) })
  assert.ok(resumed !== undefined && resumed[0] >= 10_000 && resumed[0] <= 20_000, String(resumed?.[0]))
  const pulledMeanwhile = pulledAt.filter((at) => at > (paused?.[0] ?? 0) && at < (resumed?.[0] ?? 0))
  assert.equal(pulledMeanwhile, [])
  assert.ok(queue.puts.length > 3 && queue.puts.length < 30, String(queue.puts.length))
})

pausing('keeps the leases of everything meanwhile', async () => {
  const clock = virtualClock()
  const renewed: (readonly [number, ...string[]])[] = []
  const queue = unsteadyDlq(() => clock.monotonic() >= 1_000)
  const { processor } = failingInto(queue.dlq, ['1'])
  const source = listed(['1', '2'], {
    traits: leased(900),
    changed: () => ({ renew: noting(clock, renewed) })
  })
  await running(source.open, processor, {}, clock).report()
  assert.equal(renewed.slice(0, 3), [
    [300, '1', '2'],
    [600, '1', '2'],
    [900, '1', '2']
  ])
})

pausing('starts nothing more beside the handlers that run already', async () => {
  const clock = virtualClock()
  const queue = unsteadyDlq(() => clock.monotonic() >= 5_000)
  const started: (readonly [string, number])[] = []
  const processor = withDlq(queue.dlq)(
    processing(async ({ id }) => {
      started.push([id, clock.monotonic()])
      await waits(clock, 100)
      return id === '1' ? failed(rejected('late')) : ack
    })
  )
  const { report } = running(listed(numbered(6)).open, processor, { concurrency: 3 }, clock)
  assert.equal(await report(), reportOf({ received: 6, acked: 5, deadLettered: 1, storedIn: ['unsteady'] }))
  assert.equal(
    started.filter(([, at]) => at < 5_000).map(([id]) => id),
    ['1', '2', '3']
  )
})

pausing('stops the run after dlqDeadlineMs, the message given back and not acknowledged', async () => {
  const queue = unsteadyDlq(() => false)
  const { handled, processor } = failingInto(queue.dlq, ['1'])
  const source = listed(['1', '2'], { traits: { redelivers: true } })
  const { clock, report, tags } = running(source.open, processor, { dlqDeadlineMs: 3_000 })
  assert.equal(
    await report(),
    reportOf({
      received: 2,
      failed: 1,
      released: 1,
      ended: { _tag: 'Stopped', id: '1', failure: dlqUnavailable('disk full', rejected('late')) }
    })
  )
  assert.equal(source.settles(), [
    ['1', 'Failed', 'Release started'],
    ['2', 'Released', 'Release not started']
  ])
  assert.equal([handled, tags()], [['1'], ['Paused']])
  assert.ok(clock.monotonic() >= 3_000 && clock.monotonic() <= 3_100, String(clock.monotonic()))
})

for (const onFailed of ['report', 'park'] as const) {
  pausing(`gives the message back after dlqDeadlineMs also where onFailed is ${onFailed}`, async () => {
    const { processor } = failingInto(unsteadyDlq(() => false).dlq, ['1'])
    const source = listed(['1'], { traits: { redelivers: true } })
    const { report } = running(source.open, processor, { dlqDeadlineMs: 3_000, onFailed })
    assert.is((await report()).ended._tag, 'Stopped')
    assert.equal(source.settles(), [['1', 'Failed', 'Release started']])
  })
}

pausing('tells what is lost where the source cannot bring it back', async () => {
  const { processor } = failingInto(unsteadyDlq(() => false).dlq, ['1'])
  const { report } = running(listed(['1', '2']).open, processor, { dlqDeadlineMs: 3_000 })
  assert.equal(
    await report(),
    reportOf({
      received: 2,
      failed: 1,
      released: 1,
      unsettled: 2,
      ended: { _tag: 'Stopped', id: '1', failure: dlqUnavailable('disk full', rejected('late')) }
    })
  )
})

pausing('lets a queue that throws or rejects be asked again', async () => {
  for (const put of [
    (): never => {
      throw new Error('put')
    },
    () => () => Promise.reject(new Error('put'))
  ]) {
    let times = 0
    const stored = memoryDlq()
    const dlq: Dlq = {
      location: 'here',
      put: (letter) => ((times += 1) < 3 ? put() : stored.put(letter))
    }
    const { handled, processor } = failingInto(dlq, ['1'])
    assert.equal(
      await running(listed(['1']).open, processor).report(),
      reportOf({ received: 1, deadLettered: 1, storedIn: ['here'] })
    )
    assert.equal([handled, times], [['1'], 3])
  }
})

pausing('goes on when the lease of the message that waits is lost', async () => {
  const queue = unsteadyDlq(() => false)
  const { handled, processor } = failingInto(queue.dlq, ['1'])
  const source = listed(numbered(3), { traits: leased(30_000) })
  const { clock, report, tags } = running(source.open, processor)
  await clock.advance(1_000)
  source.delivery('1').interrupt('leaseLost')
  await clock.advance(30_000)
  assert.equal(handled, ['1', '2', '3'])
  assert.equal(await report(), reportOf({ received: 3, acked: 2, released: 1 }))
  assert.equal(
    source.settles().map(([id]) => id),
    ['2', '3']
  )
  assert.equal(
    tags().filter((tag) => tag !== 'Lost'),
    ['Paused', 'Resumed']
  )
})

pausing('lasts while one message still waits, also when the lease of another is lost', async () => {
  const clock = virtualClock()
  const queue = unsteadyDlq(() => clock.monotonic() >= 5_000)
  const { handled, processor } = failingInto(queue.dlq, ['1', '2'])
  const source = listed(numbered(4), { traits: leased(30_000) })
  const { report } = running(source.open, processor, { concurrency: 2 }, clock)
  await clock.advance(1_000)
  source.delivery('1').interrupt('leaseLost')
  await clock.advance(3_500)
  assert.equal(handled, ['1', '2'])
  assert.equal(
    await report(),
    reportOf({ received: 4, acked: 2, deadLettered: 1, released: 1, storedIn: ['unsteady'] })
  )
})

pausing('ends with a stop, the message given back', async () => {
  const queue = unsteadyDlq(() => false)
  const { handled, processor } = failingInto(queue.dlq, ['1'])
  const source = listed(['1', '2'], { traits: { redelivers: true } })
  const { clock, abort, report } = running(source.open, processor, { drainMs: 2_000, graceMs: 1_000 })
  await clock.advance(500)
  abort()
  assert.equal(await report(), reportOf({ received: 2, released: 2, ended: { _tag: 'Aborted' } }))
  assert.equal(source.settles(), [
    ['2', 'Released', 'Release not started'],
    ['1', 'Released', 'Release started']
  ])
  assert.equal([handled, clock.monotonic()], [['1'], 2_500])
})

pausing('is not asked without an end where a source interrupts nothing', async () => {
  const clock = virtualClock()
  let asked = 0
  const unstored = failed(dlqUnavailable('disk full', rejected('late')))
  // It ends at some time, so that where this fails it does so soon.
  const processor = processing(() => ((asked += 1) > 1_000 ? ack : unstored))
  const deaf: Delivery = { message: message('1'), interrupt: () => undefined }
  const source = listed([], {
    staysOpen: true,
    changed: ({ pull }) => ({
      pull: (max, signal) =>
        asked === 0 ? async () => right({ _tag: 'Batch', items: [deaf] }) : pull(max, signal)
    })
  })
  const { abort, report } = running(source.open, processor, { drainMs: 100, graceMs: 100 }, clock)
  await clock.advance(1_000)
  abort()
  assert.equal(await report(), reportOf({ received: 1, failed: 1, unsettled: 1, ended: aborted }))
  assert.ok(asked < 20, `asked ${asked} times`)
})

pausing.run()

// stopping

const stopping = suite('consume: stopping')

const aborted = { _tag: 'Aborted' } as const

stopping('before the start pulls nothing, and closes the source', async () => {
  const clock = virtualClock()
  const source = listed(['1'])
  const ran = consume(source.open, { clock })(acking)(AbortSignal.abort())()
  assert.equal(plain(await clock.finish(ran)), reportOf({ ended: aborted }))
  assert.equal([source.log.pulls, source.log.closed], [[], 1])
})

stopping('while the source is opened pulls nothing', async () => {
  const clock = virtualClock()
  const source = listed(['1'])
  const slowly: OpenSource = (limits) => ({
    open: async () => {
      await waits(clock, 1_000)
      return source.open(limits).open()
    }
  })
  const { abort, report } = running(slowly, acking, {}, clock)
  await clock.advance(500)
  abort()
  assert.equal(await report(), reportOf({ ended: aborted }))
  assert.equal([source.log.pulls, source.log.closed], [[], 1])
})

stopping('while idle ends at once', async () => {
  const source = listed(['1'], { staysOpen: true })
  const { clock, abort, report, tags } = running(source.open, acking)
  await clock.advance(60_000)
  abort()
  assert.equal(await report(), reportOf({ received: 1, acked: 1, ended: aborted }))
  assert.equal([clock.monotonic(), source.log.closed, tags()], [60_000, 1, []])
})

stopping('lets handlers finish, and gives back what was not started', async () => {
  const clock = virtualClock()
  const signals: boolean[] = []
  const source = listed(numbered(5), { traits: { redelivers: true }, staysOpen: true })
  const processor = processing(async ({ signal }) => {
    await waits(clock, 1_000)
    signals.push(signal.aborted)
    return ack
  })
  const { abort, report, events } = running(
    source.open,
    processor,
    { concurrency: 2, onFailed: 'stop' },
    clock
  )
  await clock.advance(500)
  abort()
  assert.equal(await report(), reportOf({ received: 5, acked: 2, released: 3, ended: aborted }))
  assert.equal(source.settles(), [
    ['3', 'Released', 'Release not started'],
    ['4', 'Released', 'Release not started'],
    ['5', 'Released', 'Release not started'],
    ['1', 'Acked', 'Done'],
    ['2', 'Acked', 'Done']
  ])
  assert.equal([signals, clock.monotonic()], [[false, false], 1_000])
  assert.equal(events.at(-1), [500, { _tag: 'Draining', inFlight: 2 }])
})

stopping('aborts the signals of what still runs after drainMs, and gives back what they end', async () => {
  const heard: unknown[] = []
  const source = listed(['1', '2'], { traits: { redelivers: true }, staysOpen: true })
  const processor = handling(async (message) => {
    await abortOf(message.signal)
    heard.push(interruptionOf(message))
    if (message.id === '1') throw new Error('interrupted')
    return ack
  })
  const options = { concurrency: 2, onFailed: 'stop', drainMs: 2_000, graceMs: 1_000 } as const
  const { clock, abort, report } = running(source.open, processor, options)
  await clock.advance(100)
  abort()
  assert.equal(await report(), reportOf({ received: 2, acked: 1, released: 1, ended: aborted }))
  assert.equal(
    source.settles().toSorted(([id], [other]) => Number(id) - Number(other)),
    [
      ['1', 'Released', 'Release started'],
      ['2', 'Acked', 'Done']
    ]
  )
  assert.equal([heard, clock.monotonic()], [['shutdown', 'shutdown'], 2_100])
})

stopping('dead-letters nothing that was interrupted', async () => {
  const queue = memoryDlq()
  const source = listed(['1'], { traits: { redelivers: true }, staysOpen: true })
  const processor = withDlq(queue)(
    handling(async ({ signal }) => {
      await abortOf(signal)
      return failed(rejected('late'))
    })
  )
  const { clock, abort, report } = running(source.open, processor)
  await clock.advance(100)
  abort()
  assert.equal(await report(), reportOf({ received: 1, released: 1, ended: aborted }))
  assert.equal(queue.letters(), [])
})

stopping('gives up handlers that never settle, after drainMs and graceMs', async () => {
  const source = listed(['1', '2'], { staysOpen: true })
  const options = { drainMs: 2_000, graceMs: 1_000 }
  const { clock, abort, report } = running(
    source.open,
    processing(() => never),
    options
  )
  await clock.advance(100)
  abort()
  assert.equal(await report(), reportOf({ received: 2, released: 2, unsettled: 2, ended: aborted }))
  assert.equal(source.settles(), [
    ['2', 'Released', 'Release not started'],
    ['1', 'Released', 'Release started']
  ])
  assert.equal([clock.monotonic(), source.log.closed], [3_100, 1])
})

stopping('settles a message that was given up only once, whatever its handler says later', async () => {
  const clock = virtualClock()
  const source = listed(['1', '2'], {
    traits: { redelivers: true },
    staysOpen: true,
    changed: ({ settle }) => ({
      settle: (batch) => async () => {
        const answers = await settle(batch)()
        await waits(clock, 500)
        return answers
      }
    })
  })
  const processor = processing(async ({ id }) => {
    await waits(clock, id === '1' ? 3_200 : 10_000)
    return ack
  })
  const options = { concurrency: 2, onFailed: 'stop', drainMs: 2_000, graceMs: 1_000 } as const
  const { abort, report } = running(source.open, processor, options, clock)
  await clock.advance(100)
  abort()
  assert.equal(await report(), reportOf({ received: 2, released: 2, ended: aborted }))
  assert.is(clock.monotonic(), 3_600)
  await clock.advance(60_000)
  assert.equal(
    source.settles().toSorted(([id], [other]) => Number(id) - Number(other)),
    [
      ['1', 'Released', 'Release started'],
      ['2', 'Released', 'Release started']
    ]
  )
})

stopping('is heard although neither the source nor the handlers ever wait', async () => {
  const endless = function* () {
    for (;;) yield message('')
  }
  const stop = new AbortController()
  const running = consume(memory(endless()), { onFailed: 'stop' })(acking)(stop.signal)()
  setTimeout(() => stop.abort(), 50)
  const { received, acked, released, ended } = await running
  assert.equal([acked + released, ended], [received, aborted])
})

stopping('is heard before what was read ahead is handled, although its handlers never wait', async () => {
  let time = 0
  const clock = { ...systemClock, monotonic: () => time }
  const computing = processing(() => {
    time += 10
    return ack
  })
  const stop = new AbortController()
  setImmediate(() => stop.abort())
  const run = consume(listed(numbered(500)).open, { clock })
  const { received, acked, released, ended } = await run(computing)(stop.signal)()
  assert.equal([acked + released, ended], [received, aborted])
  assert.ok(acked < 100, `${acked} were handled before others had a turn`)
})

stopping('twice is stopping once', async () => {
  const clock = virtualClock()
  const source = listed(['1'], { staysOpen: true })
  const processor = processing(async () => {
    await waits(clock, 1_000)
    return ack
  })
  const { abort, report, tags } = running(source.open, processor, {}, clock)
  await clock.advance(100)
  abort()
  abort()
  assert.equal(await report(), reportOf({ received: 1, acked: 1, ended: aborted }))
  assert.equal([tags(), source.log.closed], [['Draining'], 1])
})

stopping('ends although a pull does not hear that it is aborted', async () => {
  const source = listed(['1'], {
    changed: ({ pull }, log) => ({
      pull: (max, signal) => (log.given.length === 0 ? pull(max, signal) : () => never)
    })
  })
  const { clock, abort, report } = running(source.open, acking, { drainMs: 2_000, graceMs: 1_000 })
  await clock.advance(100)
  abort()
  assert.equal(await report(), reportOf({ received: 1, acked: 1, ended: aborted }))
  assert.equal([clock.monotonic() <= 3_100, source.log.closed], [true, 1])
})

stopping('gives back what an aborted pull still answers with', async () => {
  const source = listed(['1', '2'], {
    traits: { redelivers: true },
    changed: ({ pull }) => ({
      pull: (max, signal) => async () => {
        await abortOf(signal)
        return pull(max, signal)()
      }
    })
  })
  const { clock, abort, report } = running(source.open, acking, { onFailed: 'stop' })
  await clock.advance(100)
  abort()
  assert.equal(await report(), reportOf({ received: 2, released: 2, ended: aborted }))
  assert.equal(source.settles(), [
    ['1', 'Released', 'Release not started'],
    ['2', 'Released', 'Release not started']
  ])
})

const closedBy =
  (
    source: Listed,
    close: () => Promise<ReturnType<typeof left<ReturnType<typeof resourceError>>>>
  ): OpenSource =>
  (limits) => ({
    open: async () => {
      const opened = await source.open(limits).open()
      return opened._tag === 'Left' ? opened : right({ value: opened.right.value, close })
    }
  })

stopping('says that the source did not close: it fails, throws, or takes longer than graceMs', async () => {
  const closes = [
    [async () => left(resourceError('listed', 'not flushed')), 'not flushed'],
    [() => Promise.reject(new Error('broken')), 'broken'],
    [() => never, 'closing the source took too long']
  ] as const
  for (const [close, error] of closes) {
    const { clock, report } = running(closedBy(listed(['1']), close), acking, { graceMs: 1_000 })
    assert.equal(await report(), reportOf({ received: 1, acked: 1, ended: { _tag: 'SourceLost', error } }))
    assert.ok(clock.monotonic() <= 1_000, String(clock.monotonic()))
  }
})

stopping('keeps the reason of the end when the source does not close either', async () => {
  const open = closedBy(listed(['1']), () => never)
  const stopped = { _tag: 'Stopped', id: '1', failure: rejected('late') } as const
  assert.equal(
    await running(open, failing('1')).report(),
    reportOf({ received: 1, failed: 1, unsettled: 1, ended: stopped })
  )
})

stopping(
  'and losing a lease end as ever where a delivery throws or rejects when it is interrupted',
  async () => {
    const lost = async () => 'lost' as const
    const ends: readonly (readonly [Partial<Source>, Partial<PlainReport>])[] = [
      [{}, { received: 2, released: 2, ended: aborted }],
      [{ start: () => lost }, { received: 2, released: 2 }],
      [
        { renew: (held) => async () => held.map(() => 'lost' as const) },
        { received: 2, released: 2, ended: aborted }
      ],
      [{ settle: () => () => never }, { received: 2, released: 2, unsettled: 2, ended: aborted }]
    ]
    const thrown = (): never => {
      throw new Error('gone')
    }
    for (const interrupt of [thrown, async () => thrown()])
      for (const [part, expected] of ends) {
        const source = listed(['1', '2'], {
          traits: leased(9_000),
          changed: ({ pull }) => ({
            pull: (max, signal) => async () => {
              const pulled = await pull(max, signal)()
              if (pulled._tag === 'Left' || pulled.right._tag === 'End') return pulled
              const items = pulled.right.items.map((delivery) => ({ ...delivery, interrupt }))
              return right({ ...pulled.right, items })
            },
            ...part
          })
        })
        const { clock, abort, report } = running(
          source.open,
          processing(() => never),
          { onFailed: 'stop', concurrency: 2 }
        )
        const rejections = await unheard(async () => {
          await clock.advance(10_000)
          abort()
          assert.equal(await report(), reportOf(expected))
        })
        assert.equal(rejections, [])
      }
  }
)

stopping.run()

// everything at once

const laws = suite('consume: laws')

type Step = 'ack' | 'nack' | 'fail' | 'throw' | 'reject' | 'misuse' | 'interrupted' | 'never'

interface Script {
  readonly steps: readonly (readonly [step: Step, delayMs: number])[]
  readonly settlements: readonly Settlement[]
  readonly settleMs: number
  /** Whether the queue stores, put by put; without one there is no queue. */
  readonly stores: readonly boolean[] | undefined
  readonly redelivers: boolean
  readonly staysOpen: boolean
  readonly most: number
  readonly stopAt: number
  readonly concurrency: number
  readonly maxUnsettled: number
  readonly onFailed: 'stop' | 'report' | 'park'
}

const steps = fc.constantFrom<Step>(
  'ack',
  'ack',
  'nack',
  'fail',
  'throw',
  'reject',
  'misuse',
  'interrupted',
  'never'
)

const scripts: fc.Arbitrary<Script> = fc.record({
  steps: fc.array(fc.tuple(steps, fc.integer({ min: 0, max: 40 })), { maxLength: 25 }),
  settlements: fc.array(fc.constantFrom<Settlement>('ok', 'ok', 'ok', 'unknown', 'lost'), { minLength: 1 }),
  settleMs: fc.integer({ min: 0, max: 20 }),
  stores: fc.option(fc.array(fc.boolean(), { minLength: 1, maxLength: 10 }), { nil: undefined }),
  redelivers: fc.boolean(),
  staysOpen: fc.boolean(),
  most: fc.integer({ min: 1, max: 10 }),
  stopAt: fc.integer({ min: 0, max: 1_500 }),
  concurrency: fc.integer({ min: 1, max: 5 }),
  maxUnsettled: fc.integer({ min: 5, max: 20 }),
  onFailed: fc.constantFrom('stop', 'report', 'park')
})

const played = async (script: Script) => {
  const clock = virtualClock()
  const handled: string[] = []
  const answers: (readonly [settle: Settle, answer: Settlement])[] = []
  let isOver = false
  const after: string[] = []

  const source = listed(numbered(script.steps.length), {
    traits: { redelivers: script.redelivers },
    staysOpen: script.staysOpen,
    most: script.most,
    changed: () => ({
      settle: (batch) => async () => {
        if (isOver) after.push(...batch.map(({ delivery }) => delivery.message.id))
        await waits(clock, script.settleMs)
        return batch.map((settle) => {
          const answer = script.settlements[answers.length % script.settlements.length] as Settlement
          if (!isOver) answers.push([settle, answer])
          return answer
        })
      }
    })
  })

  const handler = (message: Message): Promise<typeof ack> => {
    handled.push(message.id)
    const [step, delayMs] = script.steps[Number(message.id) - 1] as Script['steps'][number]
    const ends: Record<Step, () => typeof ack | Promise<typeof ack>> = {
      ack: () => ack,
      nack: () => nack({ afterMs: delayMs }),
      fail: () => failed(rejected('late')),
      throw: () => {
        throw new Error('late')
      },
      reject: () => Promise.reject(new Error('late')),
      misuse: () => undefined as unknown as typeof ack,
      interrupted: async () => {
        await abortOf(message.signal)
        throw new Error('interrupted')
      },
      never: () => never
    }
    if (delayMs === 0) return ends[step]() as Promise<typeof ack>
    return waits(clock, delayMs).then(ends[step])
  }
  const pipeline = pipe(receive(bytes), handle(otherwise(handler)))
  let puts = 0
  const queue = unsteadyDlq(() => script.stores?.[(puts += 1) % script.stores.length] ?? false)
  const processor = script.stores === undefined ? pipeline : withDlq(queue.dlq)(pipeline)

  const { concurrency, maxUnsettled, onFailed } = script
  const options = { concurrency, maxUnsettled, onFailed, drainMs: 200, graceMs: 100, dlqDeadlineMs: 300 }
  const { abort, report } = running(source.open, processor, options, clock)
  clock.after(script.stopAt, abort)
  const ran = await report()
  const endedAt = clock.monotonic()
  isOver = true
  await clock.advance(60_000)
  return { report: ran, endedAt, source, answers, handled, letters: queue.letters(), after }
}

const tally = (outcomes: readonly Outcome[]): Record<Outcome['_tag'], number> => {
  const counts = { Acked: 0, Nacked: 0, Failed: 0, DeadLettered: 0, Released: 0 }
  for (const { _tag } of outcomes) counts[_tag] += 1
  return counts
}

laws('no message is both unacknowledged and unreported', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, async (script) => {
      const { report, endedAt, source, answers, handled, letters } = await played(script)
      const { received, acked, nacked, failed, deadLettered, released, unsettled } = report
      assert.is(received, source.log.given.length, 'everything that was pulled is received')
      assert.is(acked + nacked + failed + deadLettered + released, received, 'the counts add up')
      assert.equal(handled.length, new Set(handled).size, 'no handler is started twice')

      let known = 0
      let undone = 0
      const settled: Outcome[] = []
      for (const delivery of source.log.given) {
        const { id } = delivery.message
        const mine = answers.filter(([settle]) => settle.delivery === delivery)
        const [first] = mine
        if (first !== undefined) settled.push(first[0].outcome)
        assert.is(new Set(mine.map(([settle]) => settle)).size <= 1, true, `${id} is settled in one way`)
        const answeredAt = mine.findIndex(([, answer]) => answer !== 'unknown')
        assert.ok(answeredAt === -1 || answeredAt === mine.length - 1, `${id} is not settled twice`)
        if (answeredAt !== -1) known += 1
        const isDone = first?.[0].action._tag === 'Done'
        if (answeredAt === -1 || (!isDone && !script.redelivers && mine[answeredAt]?.[1] === 'ok'))
          undone += 1
        if (isDone && first[0].outcome._tag !== 'Acked') {
          const isKept =
            letters.includes(id) || (script.onFailed === 'report' && first[0].outcome._tag === 'Failed')
          assert.ok(isKept, `${id} is done, and lies nowhere`)
        }
      }
      assert.is(unsettled, undone, 'what is not settled is reported')
      if (settled.length === received) {
        assert.equal(tally(settled), {
          Acked: acked,
          Nacked: nacked,
          Failed: failed,
          DeadLettered: deadLettered,
          Released: released
        })
      }
      assert.ok(known <= received)
      const isClean = exitCode({ ...report, ended: { _tag: 'Drained' } }) === 0
      if (isClean) assert.is(undone, 0, 'exit code 0 says that everything was settled')
      assert.ok(endedAt <= script.stopAt + 200 + 100 + 300, `the run ended at ${endedAt}`)
      assert.is(source.log.closed, 1, 'the source is closed once')
    }),
    { numRuns: 150 }
  )
})

laws('nothing is settled after the run has ended', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, fc.boolean(), async (script, answers) => {
      const { after } = await played(answers ? script : { ...script, settlements: ['unknown'] })
      assert.equal(after, [])
    }),
    { numRuns: 50 }
  )
})

laws.run()
