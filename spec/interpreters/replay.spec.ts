import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { malformed, rejected } from '../../lib/core/failure.js'
import { text } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import type { Attempt } from '../../lib/core/letter.js'
import { type Message, message } from '../../lib/core/message.js'
import { type Verdict, ack, ackWith, failed, nack } from '../../lib/core/outcome.js'
import { receive } from '../../lib/core/pipeline.js'
import type { Processor } from '../../lib/core/processor.js'
import { left, right, some } from '../../lib/core/result.js'
import { type MemoryDlq, memoryDlq } from '../../lib/dlq/memory.js'
import { consume } from '../../lib/interpreters/consume.js'
import { memory } from '../../lib/interpreters/memory.js'
import { type ReplayOptions, replay } from '../../lib/interpreters/replay.js'
import { otherwise } from '../../lib/matchers/route.js'
import { type Event, type Report, exitCode } from '../../lib/ports/interpreter.js'
import type { DeadLetterStore, LetterFilter } from '../../lib/ports/letters.js'
import { Resource, resourceError } from '../../lib/ports/resource.js'
import { withDlq, withRetry } from '../../lib/timed.js'
import { type VirtualClock, virtualClock } from '../support/clock.js'
import { letter } from '../support/letters.js'
import {
  advance,
  finish,
  given,
  handling,
  ids,
  lettersOf,
  onlyLetter,
  put,
  statesOf,
  stores,
  timelessDlq
} from '../support/replay-stores.js'

const late = rejected('late')
const down = async () => left({ reason: 'the disk is full' })
const bytesOf = (payload: string): Uint8Array => new TextEncoder().encode(payload)

/** A replay under way on a clock that stands still until it is moved. */
const running = (
  store: DeadLetterStore,
  processor: Processor,
  options: ReplayOptions & { readonly filter?: LetterFilter } = {},
  clock: VirtualClock = virtualClock()
) => {
  const { filter, ...rest } = options
  const stopping = new AbortController()
  const events: Event[] = []
  const ends: Event[] = []
  const running = replay(store, filter, { by: 'me', ...rest, clock })(processor)(
    stopping.signal,
    (event) => void (event._tag === 'Ended' ? ends : events).push(event)
  )()
  return {
    clock,
    tags: () => events.map(({ _tag }) => _tag).filter((tag) => tag !== 'Ready' && tag !== 'Measured'),
    abort: () => stopping.abort(),
    /** As it is told, too. */
    report: async (): Promise<Report> => {
      const report = await finish(clock, running)
      assert.equal(ends, [{ _tag: 'Ended', report }])
      return report
    }
  }
}

/** A replay to its end on the real clock. */
const replayed = (
  store: DeadLetterStore,
  processor: Processor,
  options: ReplayOptions & { readonly filter?: LetterFilter } = {}
): Promise<Report> => {
  const { filter, ...rest } = options
  return replay(store, filter, { by: 'me', ...rest })(processor)(new AbortController().signal)()
}

/** What a report says, without what is always nought here. */
const told = ({ received, acked, nacked, failed, deadLettered, released, unsettled, ended }: Report) => ({
  counts: Object.entries({ received, acked, nacked, failed, deadLettered, released, unsettled })
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(', '),
  ended: ended._tag
})

const waits = (clock: VirtualClock, delayMs: number): Promise<void> =>
  new Promise((resolve) => void clock.after(delayMs, resolve))

const abortOf = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

const defer = () => {
  let resolve = (): void => undefined
  const promise = new Promise<void>((settle) => (resolve = settle))
  return { promise, resolve }
}

/** Handlers that ack, and the ids of what they were given. */
const acking = () => {
  const seen: string[] = []
  const processor = handling(({ id }) => {
    seen.push(id)
    return ack
  })
  return { processor, seen }
}

/** Where what fails in a replay goes. */
const queues: Readonly<
  Record<string, (store: DeadLetterStore, clock?: VirtualClock) => (processor: Processor) => Processor>
> = {
  'with the same queue': (store, clock) => withDlq(store, { clock }),
  'with another queue': (_, clock) => withDlq(memoryDlq({ clock }), { clock }),
  'without a queue': () => (processor) => processor
}

const outcomes = suite('replay: outcomes')

for (const [name, withStore] of Object.entries(stores)) {
  outcomes(`resolves in ${name} what is acked, and keeps neither its bytes nor its headers`, () =>
    withStore(async (store) => {
      await put(store, {})
      const before = await onlyLetter(store)
      assert.equal(
        told(
          await replayed(
            store,
            handling(() => ackWith({ note: 'booked' }))
          )
        ),
        {
          counts: '1 received, 1 acked',
          ended: 'Drained'
        }
      )
      const after = await onlyLetter(store)
      const [{ at = 0, ...event } = {}] = after.events as readonly Partial<(typeof after.events)[number]>[]
      assert.equal(
        { ...after, events: [event], lastSeenAt: 0 },
        {
          ...before,
          state: 'resolved',
          bytes: new Uint8Array(),
          headers: {},
          events: [{ by: 'me', what: 'resolved', note: 'booked' }],
          lastSeenAt: 0
        }
      )
      assert.ok(at >= before.lastSeenAt && after.lastSeenAt >= before.lastSeenAt)
    })
  )

  for (const [how, around] of Object.entries(queues)) {
    outcomes(`brings back to the dead in ${name}, ${how}, what fails again, with one attempt more each`, () =>
      withStore(async (store) => {
        const verdicts: Readonly<Record<string, () => Verdict>> = {
          failed: () => failed(late),
          nacked: () => nack({ reason: 'busy', afterMs: 10 }),
          thrown: () => {
            throw new RangeError('boom')
          }
        }
        await put(store, ...Object.keys(verdicts).map((id) => ({ id })))
        const before = await lettersOf(store)
        const processor = handling(({ id }) => verdicts[id]?.() ?? ack)
        const from = Date.now()
        const report = await replayed(store, around(store)(processor))
        const to = Date.now()
        assert.is(report.ended._tag, 'Drained')
        const after = await lettersOf(store)
        assert.equal(
          after.map(({ id, state, times, bytes, headers, lease }) => [
            id,
            state,
            times,
            bytes,
            headers,
            lease
          ]),
          before.map(({ id, bytes, headers }) => [id, 'dead', 1, bytes, headers, undefined])
        )
        assert.equal(
          after.map(({ failure, route, events }) => [
            failure._tag === 'Defect' ? `${failure.where}: ${failure.message}` : failure,
            route,
            events.map(({ by, what, note }) => `${what} by ${by}: ${note}`)
          ]),
          [
            [late, 'otherwise', ['replayed by me: late']],
            [rejected('nacked', { reason: 'busy', afterMs: 10 }), 'otherwise', ['replayed by me: nacked']],
            [
              'the handler of otherwise: boom',
              'otherwise',
              ['replayed by me: the handler of otherwise: RangeError: boom']
            ]
          ]
        )
        for (const { attempts, attemptCount, failure } of after) {
          const [first, second, ...more] = attempts
          assert.equal([attemptCount, more, first], [2, [], letter().attempts[0]])
          assert.equal(second?.failure, failure)
          const { startedAt, durationMs } = second as Attempt
          assert.ok(startedAt >= from && durationMs >= 0 && startedAt + durationMs <= to)
        }
      })
    )
  }
}

for (const [how, around] of Object.entries(queues)) {
  outcomes(`says when an attempt began and how long it took, ${how}`, async () => {
    const clock = virtualClock()
    const store = timelessDlq(clock)
    await put(store, {})
    await advance(clock, 1_000)
    const startedAt = clock.now()
    const processor = handling(async () => {
      await waits(clock, 30)
      return failed(late)
    })
    await running(store, around(store, clock)(processor), {}, clock).report()
    assert.equal((await onlyLetter(store)).attempts, [
      ...letter().attempts,
      { startedAt, durationMs: 30, failure: late }
    ])
  })

  outcomes(`keeps each attempt of withRetry once, ${how}`, async () => {
    const clock = virtualClock()
    const store = timelessDlq(clock)
    await put(store, {})
    const startedAt = clock.now()
    const policy = ({ iterNumber }: { readonly iterNumber: number }) =>
      iterNumber < 2 ? some(100) : ({ _tag: 'None' } as const)
    const processor: Processor = handling(async () => {
      await waits(clock, 7)
      return failed(late)
    })
    await running(
      store,
      around(store, clock)(withRetry(policy, { clock, when: () => true })(processor)),
      {},
      clock
    ).report()
    const { attempts, attemptCount, events } = await onlyLetter(store)
    assert.equal(
      attempts.slice(1).map(({ startedAt: at, durationMs }) => [at - startedAt, durationMs]),
      [
        [0, 7],
        [107, 7],
        [214, 7]
      ]
    )
    assert.equal([attemptCount, events.length], [4, 1])
  })

  outcomes(`counts an attempt also on a clock that stands still, ${how}`, async () => {
    const clock = virtualClock()
    const store = timelessDlq(clock)
    const processor = around(store, clock)(handling(() => failed(late)))
    await put(store, { attempts: [{ startedAt: clock.now(), durationMs: 0, failure: late }] })
    await running(store, processor, {}, clock).report()
    const { state, attempts, attemptCount, events } = await onlyLetter(store)
    assert.equal([state, attempts.length, attemptCount, events.length], ['dead', 2, 2, 1])
  })
}

outcomes('stores in another queue what fails there, as a dead letter of its own', async () => {
  const [store, other] = [memoryDlq(), memoryDlq()]
  await put(store, {})
  const report = await replayed(store, withDlq(other)(handling(() => failed(late))))
  assert.equal([told(report).counts, report.storedIn], ['1 received, 1 deadLettered', ['memory']])
  const [stored] = other.letters()
  assert.equal([stored?.state, stored?.failure, stored?.attemptCount], ['dead', late, 1])
  assert.equal([stored?.key, stored?.lease], [store.letters()[0]?.key, undefined])
})

outcomes('replays again what failed, however often', async () => {
  const store = memoryDlq()
  await put(store, {})
  const clock = virtualClock()
  for (let times = 1; times <= 3; times += 1) {
    await advance(clock, 1_000)
    await running(store, withDlq(store, { clock })(handling(() => failed(late))), {}, clock).report()
    const { state, attemptCount, events } = await onlyLetter(store)
    assert.equal([state, attemptCount, events.length], ['dead', 1 + times, times])
  }
  await running(store, acking().processor, {}, clock).report()
  assert.is((await onlyLetter(store)).state, 'resolved')
})

outcomes('says who replays, by default the user, host and process', async () => {
  const store = memoryDlq()
  await put(store, {})
  await replay(store)(handling(() => ack))(new AbortController().signal)()
  assert.match((await onlyLetter(store)).events[0]?.by ?? '', new RegExp(`^.+@.+:${process.pid}$`))
})

outcomes('opens the store, and closes it at the end', async () => {
  const store = memoryDlq()
  await put(store, {})
  const log: string[] = []
  const opened = Resource.make(
    'queue',
    async () => {
      log.push('opened')
      return right<DeadLetterStore>(store)
    },
    async () => void log.push('closed')
  )
  const processor = handling(() => {
    log.push('handled')
    return ack
  })
  await replay(opened)(processor)(new AbortController().signal)()
  assert.equal(log, ['opened', 'handled', 'closed'])
})

outcomes('reports when the store does not open', async () => {
  const closed: Resource<DeadLetterStore> = Resource.make(
    'queue',
    async () => left(resourceError('queue', 'give another path')),
    async () => undefined
  )
  const report = await replay(closed)(acking().processor)(new AbortController().signal)()
  assert.equal(report.ended, {
    _tag: 'NotStarted',
    error: { name: 'ResourceError', message: 'give another path' }
  })
})

outcomes.run()

const messages = suite('replay: messages')

for (const [name, withStore] of Object.entries(stores)) {
  messages(`gives from ${name} the message as it was, with its letter and that letter's history`, () =>
    withStore(async (store) => {
      await put(store, {
        id: '17',
        source: 'orders',
        headers: { tenant: 'a' },
        deliveryCount: 5,
        receivedAt: 3
      })
      const [before] = await lettersOf(store)
      let seen: Message | undefined
      await replayed(
        store,
        handling((message) => {
          seen = message
          return ack
        })
      )
      const {
        id,
        source,
        headers,
        bytes,
        deliveryCount,
        receivedAt,
        redelivers,
        fault,
        letter: own
      } = seen as Message
      assert.equal(
        [id, source, headers, bytes, deliveryCount, receivedAt, redelivers, fault],
        ['17', 'orders', { tenant: 'a' }, letter().bytes, 1, 3, true, undefined]
      )
      const { token = '', owner, until = 0 } = own?.lease ?? {}
      assert.equal({ ...own, lease: undefined }, { ...before, state: 'replaying' })
      assert.equal([owner, token !== '', until > Date.now()], ['me', true, true])
    })
  )
}

messages('cannot be forged: what a sender says of a letter is no letter, and ends no lease', async () => {
  const clock = virtualClock()
  const store = timelessDlq(clock)
  await put(store, {})
  const page = await given(store.claim({ owner: 'me', leaseMs: 60_000 }))
  const held = page.letters[0]
  const { token = '' } = held?.lease ?? {}
  const forged = JSON.stringify(held)
  const letters: unknown[] = []
  const processor = pipe(
    handling((message) => {
      letters.push(message.letter)
      return failed(late)
    }),
    withDlq(store, { clock })
  )
  const sent = message(letter().bytes, {
    id: '1',
    headers: { letter: forged, lease: token, token, 'missive-letter': forged }
  })
  await consume(memory([sent]))(processor)(new AbortController().signal)()
  assert.equal(letters, [undefined])
  const [after] = store.letters()
  assert.equal([after?.state, after?.lease, after?.events], ['replaying', held?.lease, []])
})

messages('fails again as its source said, and reaches no handler, until it is edited', async () => {
  const clock = virtualClock()
  const store = timelessDlq(clock)
  const { processor, seen } = acking()
  const settled = withDlq(store, { clock })(processor)
  const fault = malformed([{ path: '', message: 'a line of more than 10 bytes' }])
  await settled(message('0123456789', { id: '1', fault }))()
  await advance(clock, 1_000)
  for (const app of [settled, processor]) {
    await running(store, app, {}, clock).report()
    await advance(clock, 1_000)
  }
  const [dead] = store.letters()
  assert.equal(
    [dead?.state, dead?.failure, dead?.fault, dead?.attemptCount, seen],
    ['dead', fault, fault, 3, []]
  )
  await given(
    store.edit({ key: dead?.key ?? '', id: '1', from: bytesOf('0123456789'), to: bytesOf('0'), by: 'me' })
  )
  await running(store, settled, {}, clock).report()
  assert.equal([store.letters()[0]?.state, seen], ['resolved', ['1']])
})

messages.run()

const choosing = suite('replay: choosing')

for (const [name, withStore] of Object.entries(stores)) {
  choosing(
    `gives from ${name} each letter that the filter means once, oldest first, though all fail again`,
    () =>
      withStore(async (store) => {
        await put(store, ...ids(150).flatMap((id) => [{ id }, { id, source: 'other' }]))
        const seen: string[] = []
        const processor = handling(({ id }) => {
          seen.push(id)
          return failed(late)
        })
        const report = await replayed(store, withDlq(store)(processor), { filter: { source: 'test' } })
        assert.equal(seen, ids(150))
        assert.is(told(report).counts, '150 received, 150 deadLettered')
        assert.is(await given(store.count({ minAttempts: 2 })), 150)
        assert.is(await given(store.count({ source: 'other', maxAttempts: 1 })), 150)
      })
  )

  choosing(`leaves alone what comes to ${name} meanwhile`, () =>
    withStore(async (store) => {
      await put(store, { id: '1' }, { id: '2' })
      const seen: string[] = []
      const processor = handling(async ({ id }) => {
        seen.push(id)
        if (seen.length < 10) await put(store, { id: `new ${seen.length}` })
        return failed(late)
      })
      await replayed(store, withDlq(store)(processor), { limit: 10, rate: 1_000 })
      assert.equal(seen, ['1', '2'])
      assert.equal(
        (await lettersOf(store)).map(({ id, state, attemptCount }) => [id, state, attemptCount]),
        [
          ['1', 'dead', 2],
          ['2', 'dead', 2],
          ['new 1', 'dead', 1],
          ['new 2', 'dead', 1]
        ]
      )
    })
  )
}

choosing('takes the newest first, and no more than the limit', async () => {
  const store = memoryDlq()
  await put(store, ...ids(10).map((id) => ({ id })))
  const { processor, seen } = acking()
  assert.is((await replayed(store, processor, { order: 'newest', limit: 3 })).received, 3)
  assert.equal(seen, ['10', '9', '8'])
  assert.equal(await statesOf(store), { dead: 7, resolved: 3 })
})

choosing('counts a limit over all that it pulls', async () => {
  const store = memoryDlq()
  await put(store, ...ids(200).map((id) => ({ id })))
  const { processor, seen } = acking()
  await replayed(store, processor, { limit: 150 })
  assert.equal(seen, ids(150))
  assert.equal(await statesOf(store), { dead: 50, resolved: 150 })
})

choosing('leaves alone what is replaying, resolved or discarded, whatever the filter says', async () => {
  const store = memoryDlq()
  await put(store, ...ids(3).map((id) => ({ id })))
  await given(store.claim({ owner: 'other', leaseMs: 60_000, filter: { id: '1' } }))
  await given(store.resolve({ ...letter(), id: '2' }))
  await given(store.discard({ filter: { id: '3' }, by: 'me', note: '' }))
  const { processor, seen } = acking()
  await replayed(store, processor, { filter: { state: ['replaying', 'resolved', 'discarded'] } })
  assert.equal(seen, [])
})

/** Notes how many letters each claim is given. */
const noting = (store: DeadLetterStore, claims: number[]): DeadLetterStore => ({
  ...store,
  claim: (claim) => async () => {
    const claimed = await store.claim(claim)()
    if (claimed._tag === 'Right') claims.push(claimed.right.letters.length)
    return claimed
  }
})

for (const [how, around] of Object.entries(queues)) {
  choosing(`stops after so many failures of any kind, and claims nothing more, ${how}`, async () => {
    const store = memoryDlq()
    const claims: number[] = []
    await put(store, ...ids(6).map((id) => ({ id })))
    const seen: string[] = []
    const processor = handling(({ id }) => {
      seen.push(id)
      if (id === '1') return nack()
      if (id === '3') throw new RangeError('boom')
      return id === '4' ? failed(late) : ack
    })
    const report = await replayed(noting(store, claims), around(store)(processor), { stopAfter: 3 })
    assert.equal(seen, ['1', '2', '3', '4'])
    assert.equal(report.ended, { _tag: 'Stopped', id: '4', failure: late })
    assert.is(exitCode(report), 1)
    assert.equal(claims, [1, 1, 1, 1])
    assert.equal(await statesOf(store), { dead: 5, resolved: 1 })
    assert.is(await given(store.count({ minAttempts: 2 })), 3)
  })
}

choosing('lets what is in flight finish when it stops after failures', async () => {
  const clock = virtualClock()
  const store = timelessDlq(clock)
  await put(store, ...ids(9).map((id) => ({ id })))
  const seen: string[] = []
  const processor = handling(async ({ id }) => {
    seen.push(id)
    await waits(clock, Number(id) * 10)
    return id === '1' ? failed(late) : ack
  })
  const report = await running(store, processor, { stopAfter: 1, concurrency: 3 }, clock).report()
  assert.equal(seen, ['1', '2', '3'])
  assert.equal([report.ended._tag, report.acked, report.failed], ['Stopped', 2, 1])
  assert.equal(await statesOf(store), { dead: 7, resolved: 2 })
})

choosing(
  'counts a letter once among the failures, however often the queue has to be asked to store it',
  async () => {
    const clock = virtualClock()
    const store = timelessDlq(clock)
    await put(store, { id: '1' }, { id: '2' })
    let refusals = 3
    const slow: MemoryDlq = {
      ...store,
      put: (dead) => (refusals-- > 0 ? down : store.put(dead))
    }
    const seen: string[] = []
    const processor = handling(({ id }) => {
      seen.push(id)
      return id === '1' ? failed(late) : ack
    })
    const run = running(store, withDlq(slow, { clock })(processor), { stopAfter: 2 }, clock)
    const report = await run.report()
    assert.equal(
      [seen, told(report)],
      [['1', '2'], { counts: '2 received, 1 acked, 1 deadLettered', ended: 'Drained' }]
    )
    assert.equal(run.tags(), ['Paused', 'Resumed'])
  }
)

/** How many letters are claimed when the first one has been handled for a second. */
const claimedAhead = async (letters: readonly object[], options: ReplayOptions = {}): Promise<unknown> => {
  const clock = virtualClock()
  const store = timelessDlq(clock)
  await put(store, ...letters)
  const processor = handling(async () => {
    await waits(clock, 2_000)
    return ack
  })
  const run = running(store, processor, options, clock)
  await clock.advance(1_000)
  const { replaying } = await statesOf(store)
  run.abort()
  await run.report()
  return replaying
}

choosing('claims few letters ahead of slow handlers, so that others who replay have theirs', async () => {
  const letters = ids(300).map((id) => ({ id }))
  assert.is(await claimedAhead(letters), 64)
  const many = Number(await claimedAhead(letters, { concurrency: 100 }))
  assert.ok(many > 100 && many <= 228, String(many))
})

choosing('claims many letters at a time where handlers are fast', async () => {
  const store = memoryDlq()
  await put(store, ...ids(3_000).map((id) => ({ id })))
  const claims: number[] = []
  const acking = handling(() => ack)
  const { acked } = await replayed(noting(store, claims), acking)
  assert.is(acked, 3_000)
  assert.ok(Math.max(...claims) > 100, String(claims))
})

choosing('holds few large letters in memory', async () => {
  const megabytes = ids(60).map((id) => ({ id, bytes: new Uint8Array(1_048_576) }))
  const claimed = Number(await claimedAhead(megabytes))
  assert.ok(claimed >= 16 && claimed <= 33, String(claimed))
})

choosing('has ended as it was told to though what was in flight then has failed too often', async () => {
  const clock = virtualClock()
  const store = timelessDlq(clock)
  await put(store, { id: '1' }, { id: '2' })
  const processor = handling(async () => {
    await waits(clock, 100)
    return failed(late)
  })
  const run = running(store, processor, { stopAfter: 1 }, clock)
  await clock.advance(50)
  run.abort()
  assert.equal(told(await run.report()), { counts: '1 received, 1 failed', ended: 'Aborted' })
})

choosing('refuses numbers that make no sense', () => {
  for (const bad of [
    { rate: 0 },
    { rate: -1 },
    { rate: NaN },
    { stopAfter: 0 },
    { stopAfter: NaN },
    { stopAfter: 1.5 },
    { limit: 0 },
    { limit: NaN },
    { limit: 1.5 },
    { leaseMs: 0 },
    { leaseMs: NaN },
    { leaseMs: Infinity },
    { concurrency: 0 },
    { concurrency: 1.5 },
    { concurrency: NaN }
  ])
    assert.throws(
      () => replay(memoryDlq(), {}, bad),
      (error: unknown) => error instanceof RangeError,
      JSON.stringify(bad)
    )
})

choosing.run()

const pacing = suite('replay: pace')

/** When handlers were started that take so long, in milliseconds from the beginning. */
const startsOf = async (options: ReplayOptions, durations: readonly number[]): Promise<readonly number[]> => {
  const clock = virtualClock()
  const store = timelessDlq(clock)
  await put(store, ...ids(durations.length).map((id) => ({ id })))
  const starts: number[] = []
  const processor = handling(async ({ id }) => {
    starts.push(clock.monotonic())
    await waits(clock, durations[Number(id) - 1] ?? 0)
    return ack
  })
  await running(store, processor, options, clock).report()
  return starts
}

pacing('starts letters at its rate', async () => {
  assert.equal(await startsOf({ rate: 2 }, [0, 0, 0, 0]), [0, 500, 1_000, 1_500])
  assert.equal(await startsOf({ rate: 0.1 }, [0, 0, 0]), [0, 10_000, 20_000])
})

pacing('starts letters at its rate beside those that still run', async () => {
  assert.equal(await startsOf({ rate: 10, concurrency: 4 }, [1_000, 0, 250, 0, 0]), [0, 100, 200, 300, 400])
})

pacing('does not make up for the time that a letter took', async () => {
  assert.equal(await startsOf({ rate: 2 }, [3_000, 0, 0, 0]), [0, 3_000, 3_500, 4_000])
})

pacing('starts no more letters in any second than its rate says', async () => {
  for (const [rate, concurrency] of [
    [2, 1],
    [4, 3],
    [50, 10],
    [100, 64],
    [500, 64]
  ] as const) {
    const starts = await startsOf({ rate, concurrency }, [700, ...ids(rate * 2).map(() => 1)])
    for (const [index, from] of starts.entries()) {
      const inSecond = starts.slice(index).filter((at) => at < from + 1_000).length
      // Starts that are exactly a second apart may come out a hair closer.
      const most = starts.some((at) => Math.abs(at - from - 1_000) < 1e-6) ? rate + 1 : rate
      assert.ok(inSecond <= most, `${inSecond} letters in the second from ${from} ms at a rate of ${rate}`)
    }
    assert.is(starts.length, rate * 2 + 1)
  }
})

pacing('stops at once while it waits for its rate', async () => {
  const clock = virtualClock()
  const store = timelessDlq(clock)
  await put(store, { id: '1' }, { id: '2' })
  const { processor, seen } = acking()
  const run = running(store, processor, { rate: 0.001 }, clock)
  await advance(clock, 100)
  run.abort()
  const report = await run.report()
  assert.equal([seen, report.ended._tag, clock.monotonic() < 200], [['1'], 'Aborted', true])
  assert.equal(await statesOf(store), { dead: 1, resolved: 1 })
})

pacing('has never more in flight than its concurrency, and as many where there is work', async () => {
  for (const concurrency of [1, 3, 8]) {
    const clock = virtualClock()
    const store = timelessDlq(clock)
    await put(store, ...ids(100).map((id) => ({ id })))
    let inFlight = 0
    let most = 0
    const processor = handling(async ({ id }) => {
      inFlight += 1
      most = Math.max(most, inFlight)
      await waits(clock, Number(id) % 5)
      inFlight -= 1
      return ack
    })
    await running(store, processor, { concurrency }, clock).report()
    assert.equal([most, await statesOf(store)], [concurrency, { resolved: 100 }])
  }
})

pacing.run()

const stopping = suite('replay: stopping')

for (const [name, withStore] of Object.entries(stores)) {
  for (const [how, around] of Object.entries(queues)) {
    stopping(`leaves dead in ${name}, as it was, what a shutdown interrupts or finds waiting, ${how}`, () =>
      withStore(async (store) => {
        await put(store, { id: '1' }, { id: '2' })
        const before = await lettersOf(store)
        const aborting = new AbortController()
        const seen: string[] = []
        const processor = handling(async ({ id, signal }) => {
          seen.push(id)
          aborting.abort()
          await abortOf(signal)
          throw new Error('interrupted')
        })
        const interpreter = replay(store, {}, { by: 'me', drainMs: 0 })
        const report = await interpreter(around(store)(processor))(aborting.signal)()
        assert.equal([seen, told(report)], [['1'], { counts: '2 received, 2 released', ended: 'Aborted' }])
        assert.is(exitCode(report), 0)
        assert.equal(await lettersOf(store), before)
      })
    )
  }
}

stopping('leaves dead what does not end in time, and does not hear what comes of it later', async () => {
  const clock = virtualClock()
  const store = timelessDlq(clock)
  await put(store, {})
  const before = await lettersOf(store)
  const late = defer()
  const run = running(
    store,
    withDlq(store, { clock })(
      handling(async () => {
        await late.promise
        return ack
      })
    ),
    { drainMs: 1_000, graceMs: 500 },
    clock
  )
  await advance(clock, 10)
  run.abort()
  const report = await run.report()
  assert.equal(told(report), { counts: '1 received, 1 released', ended: 'Aborted' })
  late.resolve()
  await advance(clock, 10_000)
  assert.equal(await lettersOf(store), before)
})

stopping('resolves what is acked after a stop was asked for', async () => {
  const clock = virtualClock()
  const store = timelessDlq(clock)
  await put(store, {})
  const run = running(
    store,
    handling(async () => {
      await waits(clock, 100)
      return ack
    }),
    {},
    clock
  )
  await advance(clock, 10)
  run.abort()
  assert.is((await run.report()).acked, 1)
  assert.equal(await statesOf(store), { resolved: 1 })
})

stopping.run()

const leases = suite('replay: leases')

leases('keeps what it holds for as long as it runs', async () => {
  const clock = virtualClock()
  const store = timelessDlq(clock)
  await put(store, { id: '1' }, { id: '2' })
  const processor = handling(async () => {
    await waits(clock, 10_000)
    return ack
  })
  const run = running(store, processor, { leaseMs: 300 }, clock)
  await advance(clock, 5_000)
  assert.equal((await given(store.claim({ owner: 'other', leaseMs: 300 }))).letters, [])
  assert.equal(told(await run.report()), { counts: '2 received, 2 acked', ended: 'Drained' })
  assert.equal(run.tags(), [])
})

/** A store that renews nothing while it is blocked, and what is asked to be settled in it. */
const blockable = (store: DeadLetterStore) => {
  const unblocked = defer()
  const settled: string[] = []
  const blocked: DeadLetterStore = {
    ...store,
    renew: (held, leaseMs) => async () => {
      await unblocked.promise
      return store.renew(held, leaseMs)()
    },
    settle: (replayed) => {
      settled.push(...replayed.map(({ id }) => id))
      return store.settle(replayed)
    }
  }
  return { blocked, settled, unblock: unblocked.resolve }
}

for (const [how, around] of Object.entries(queues)) {
  leases(`interrupts what it lost to somebody else, and settles nothing of it, ${how}`, async () => {
    const clock = virtualClock()
    const store = timelessDlq(clock)
    await put(store, { id: 'acks' }, { id: 'fails' }, { id: 'throws' })
    const { blocked, settled, unblock } = blockable(store)
    const reasons: string[] = []
    const processor = handling(async ({ id, signal }) => {
      await abortOf(signal)
      reasons.push(`${id}: ${(signal.reason as { readonly reason: string }).reason}`)
      if (id === 'throws') throw new Error('interrupted')
      return id === 'acks' ? ack : failed(late)
    })
    const run = running(blocked, around(store, clock)(processor), { leaseMs: 300, concurrency: 3 }, clock)
    await advance(clock, 1_000)
    const theirs = await given(store.claim({ owner: 'other', leaseMs: 60_000 }))
    assert.is(theirs.letters.length, 3)
    unblock()
    const report = await run.report()
    assert.equal(reasons, ['acks: leaseLost', 'fails: leaseLost', 'throws: leaseLost'])
    assert.equal([run.tags(), settled, report.ended._tag], [['Lost', 'Lost', 'Lost'], [], 'Drained'])
    assert.equal(await lettersOf(store), theirs.letters)
  })
}

leases('does not start what it read ahead once its lease is over, as it may be somebody else’s', async () => {
  const clock = virtualClock()
  const store = timelessDlq(clock)
  await put(store, { id: '1' }, { id: '2' })
  const broken: DeadLetterStore = { ...store, renew: () => down }
  const seen: string[] = []
  const processor = handling(async ({ id }) => {
    seen.push(id)
    await waits(clock, 1_000)
    return ack
  })
  const run = running(broken, processor, { leaseMs: 300 }, clock)
  await advance(clock, 500)
  const theirs = await given(store.claim({ owner: 'other', leaseMs: 60_000 }))
  assert.equal(
    theirs.letters.map(({ id }) => id),
    ['1', '2']
  )
  await run.report()
  assert.equal(seen, ['1'])
  assert.equal(await lettersOf(store), theirs.letters)
})

leases('lets two replays of one store share its letters, each letter handled once', async () => {
  const clock = virtualClock()
  const store = timelessDlq(clock)
  await put(store, ...ids(300).map((id) => ({ id })))
  const seen: string[][] = [[], []]
  const runs = seen.map((own) =>
    running(
      store,
      handling(async ({ id }) => {
        own.push(id)
        await waits(clock, 1)
        return ack
      }),
      {},
      clock
    )
  )
  await Promise.all(runs.map(({ report }) => report()))
  assert.ok(seen.every((own) => own.length > 64))
  assert.equal(
    seen.flat().toSorted((a, b) => Number(a) - Number(b)),
    ids(300)
  )
})

leases.run()

const faults = suite('replay: a store that fails')

faults('goes on once letters can be claimed again', async () => {
  const clock = virtualClock()
  const store = timelessDlq(clock)
  await put(store, ...ids(100).map((id) => ({ id })))
  let claims = 0
  const shaky: DeadLetterStore = {
    ...store,
    claim: (claim) => ((claims += 1) % 3 === 0 ? store.claim(claim) : down)
  }
  const { processor, seen } = acking()
  const run = running(shaky, processor, {}, clock)
  assert.equal(told(await run.report()), { counts: '100 received, 100 acked', ended: 'Drained' })
  assert.equal([seen, await statesOf(store)], [ids(100), { resolved: 100 }])
  assert.ok(run.tags().every((tag) => tag === 'Reconnected'))
})

faults('gives up a store of which nothing can be claimed for too long, and says why', async () => {
  const clock = virtualClock()
  const store = timelessDlq(clock)
  await put(store, { id: '1' }, { id: '2' }, { id: '3' })
  let downUntil = 900
  const shaky: DeadLetterStore = {
    ...store,
    claim: (claim) => (clock.monotonic() < downUntil ? down : store.claim(claim))
  }
  const processor = handling(() => {
    if (downUntil < 2_000) downUntil = clock.monotonic() + 900
    else downUntil = Infinity
    return ack
  })
  const report = await running(shaky, processor, { dlqDeadlineMs: 1_000, rate: 1_000 }, clock).report()
  assert.ok(report.ended._tag === 'SourceLost')
  assert.equal([report.acked, report.ended.error.message, exitCode(report)], [2, 'the disk is full', 1])
})

faults('ends at once with a filter that the store refuses', async () => {
  for (const filter of [{ tag: undefined }, { tags: 'Rejected' }, { seenFrom: NaN }] as never[]) {
    const store = memoryDlq()
    const refused = await store.claim({ filter, owner: 'me', leaseMs: 1 })()
    assert.ok(refused._tag === 'Left')
    const clock = virtualClock()
    const run = running(store, acking().processor, { filter }, clock)
    const { ended } = await run.report()
    assert.ok(ended._tag === 'SourceLost')
    assert.equal([ended.error.message, clock.monotonic()], [refused.left.reason, 0])
  }
})

faults('asks again to settle what was not answered, and handles nothing twice', async () => {
  for (const hasCommitted of [false, true]) {
    const clock = virtualClock()
    const store = timelessDlq(clock)
    await put(store, { id: '1' }, { id: '2' })
    let failures = 3
    const shaky: DeadLetterStore = {
      ...store,
      settle: (replayed) => async () => {
        if (failures === 0) return store.settle(replayed)()
        failures -= 1
        if (hasCommitted) await store.settle(replayed)()
        return down()
      }
    }
    const seen: string[] = []
    const processor = handling(async ({ id }) => {
      seen.push(id)
      await waits(clock, 10)
      return id === '1' ? ack : failed(late)
    })
    const report = await running(shaky, processor, {}, clock).report()
    assert.equal([seen, told(report).counts, failures], [['1', '2'], '2 received, 1 acked, 1 failed', 0])
    assert.equal(
      (await lettersOf(store)).map(({ state, attemptCount, events }) => [state, attemptCount, events.length]),
      [
        ['resolved', 1, 1],
        ['dead', 2, 1]
      ]
    )
  }
})

for (const [where, within] of Object.entries(queues))
  faults(`says how long a handler took, and not how long the store, ${where}`, async () => {
    const clock = virtualClock()
    const store = timelessDlq(clock)
    await put(store, { id: '1' }, { id: '2' })
    const slow: DeadLetterStore = {
      ...store,
      settle: (replayed) => async () => {
        await waits(clock, 500)
        return clock.monotonic() < 2_000 ? down() : store.settle(replayed)()
      }
    }
    const processor = handling(async ({ id }) => {
      await waits(clock, Number(id) * 10)
      return failed(late)
    })
    await running(slow, within(store, clock)(processor), {}, clock).report()
    assert.equal(
      (await lettersOf(store)).map(({ attempts }) => attempts.map(({ durationMs }) => durationMs)),
      [
        [2, 10],
        [2, 20]
      ]
    )
  })

faults('reports what could not be settled, which is dead again when its lease is over', async () => {
  const clock = virtualClock()
  const store = timelessDlq(clock)
  await put(store, { id: '1' }, { id: '2' })
  const before = await lettersOf(store)
  for (const settle of [() => down, () => async () => new Promise<never>(() => undefined)]) {
    const run = running(
      { ...store, settle },
      handling(() => ack),
      { leaseMs: 9_000 },
      clock
    )
    const report = await run.report()
    assert.equal([told(report).counts, exitCode(report)], ['2 received, 2 acked, 2 unsettled', 1])
    await advance(clock, 20_000)
    assert.is(await given(store.count({ state: 'dead' })), 2)
    assert.equal(await lettersOf(store), before)
  }
})

faults('tells what was lost when it was to be settled, and leaves it to its new owner', async () => {
  const clock = virtualClock()
  const store = timelessDlq(clock)
  await put(store, { id: '1' })
  const broken: DeadLetterStore = { ...store, renew: () => down }
  const processor = handling(async () => {
    await waits(clock, 1_000)
    return ack
  })
  const run = running(broken, processor, { leaseMs: 300 }, clock)
  await advance(clock, 500)
  const theirs = await given(store.claim({ owner: 'other', leaseMs: 60_000 }))
  await run.report()
  assert.equal([run.tags(), await lettersOf(store)], [['Lost'], theirs.letters])
})

const broken: Readonly<Record<string, () => never>> = {
  throws: () => {
    throw new Error('boom')
  },
  rejects: (() => () => Promise.reject(new Error('boom'))) as never
}

for (const [how, fails] of Object.entries(broken)) {
  faults(`reports when a store ${how} that ought not to`, async () => {
    for (const name of ['claim', 'renew', 'settle'] as const) {
      const clock = virtualClock()
      const store = timelessDlq(clock)
      await put(store, { id: '1' })
      const processor = handling(async () => {
        await waits(clock, 1_000)
        return ack
      })
      const run = running({ ...store, [name]: fails }, processor, { leaseMs: 2_000 }, clock)
      const { counts, ended } = told(await run.report())
      const expected = {
        claim: ['', 'SourceLost'],
        renew: ['1 received, 1 acked', 'Drained'],
        settle: ['1 received, 1 acked, 1 unsettled', 'Drained']
      }
      assert.equal([counts, ended], expected[name])
      assert.is(await given(store.count({ state: 'resolved' })), name === 'renew' ? 1 : 0)
    }
  })
}

faults('keeps the failure of a letter that the queue of its processor could not store', async () => {
  const clock = virtualClock()
  const store = timelessDlq(clock)
  await put(store, { id: '1' })
  const other: MemoryDlq = { ...timelessDlq(clock), put: () => down }
  const processor = withDlq(other, { clock })(handling(() => failed(late)))
  const report = await running(store, processor, { dlqDeadlineMs: 1_000 }, clock).report()
  assert.equal([exitCode(report), report.ended._tag], [1, 'Stopped'])
  const { state, attemptCount, failure } = await onlyLetter(store)
  assert.equal([state, attemptCount, failure], ['dead', 2, late])
})

faults.run()

const edits = suite('replay: edited letters')

/** Messages that are text, acked if they begin with `right`. */
const correcting = (seen: string[], until: Promise<void> = Promise.resolve()): Processor =>
  pipe(
    receive(text),
    handle(
      otherwise(async ({ body }) => {
        seen.push(body)
        await until
        return body.startsWith('right') ? ack : failed(late)
      })
    )
  )

const edited = async (store: DeadLetterStore, from: string, to: string): Promise<void> => {
  const { key, id } = await onlyLetter(store)
  assert.is(await given(store.edit({ key, id, from: bytesOf(from), to: bytesOf(to), by: 'me' })), 'edited')
}

const redelivered = (payload: string): Message => message(payload, { id: '1', deliveryCount: 2 })

for (const [name, withStore] of Object.entries(stores)) {
  edits(`runs from ${name} the bytes as edited, and then acks the original without running it`, () =>
    withStore(async (store) => {
      await put(store, { bytes: bytesOf('wrong') })
      await edited(store, 'wrong', 'right')
      const seen: string[] = []
      const processor = withDlq(store)(correcting(seen))
      assert.is((await replayed(store, processor)).acked, 1)
      const outcome = await processor(redelivered('wrong'))()
      assert.equal([outcome._tag, seen], ['Acked', ['right']])
      assert.equal(await statesOf(store), { resolved: 1 })
    })
  )

  edits(`is still one letter in ${name} when it fails again as edited`, () =>
    withStore(async (store) => {
      await put(store, { bytes: bytesOf('wrong') })
      const before = await onlyLetter(store)
      await edited(store, 'wrong', 'still wrong')
      await replayed(store, withDlq(store)(correcting([])))
      const { key, state, bytes, original, attemptCount, times } = await onlyLetter(store)
      assert.equal(
        [key, state, bytes, original, attemptCount, times],
        [before.key, 'dead', bytesOf('still wrong'), bytesOf('wrong'), 2, 1]
      )
    })
  )

  edits(`cannot run any more from ${name} once its source brought back the original and that was acked`, () =>
    withStore(async (store) => {
      await put(store, { bytes: bytesOf('right') })
      await edited(store, 'right', 'edited')
      const seen: string[] = []
      const processor = withDlq(store)(correcting(seen))
      assert.equal(await processor(redelivered('right'))(), ack)
      assert.equal(told(await replayed(store, processor)).counts, '')
      assert.equal([seen, await statesOf(store)], [['right'], { resolved: 1 }])
    })
  )

  edits(`nacks from ${name} the original that comes back while the letter is replayed`, () =>
    withStore(async (store) => {
      await put(store, { bytes: bytesOf('wrong') })
      await edited(store, 'wrong', 'right')
      const seen: string[] = []
      const isOver = defer()
      const processor = withDlq(store)(correcting(seen, isOver.promise))
      const isStarted = defer()
      const run = replayed(store, (message) => {
        isStarted.resolve()
        return processor(message)
      })
      await isStarted.promise
      assert.equal(
        await processor(redelivered('wrong'))(),
        nack({ reason: 'its dead letter is being replayed', afterMs: 5_000 })
      )
      isOver.resolve()
      assert.equal([(await run).acked, seen], [1, ['right']])
    })
  )
}

edits('is not run beside the original that its source brought back', async () => {
  const store = memoryDlq()
  await put(store, { bytes: bytesOf('right') })
  await edited(store, 'right', 'right as well')
  const seen: string[] = []
  const [isStarted, isOver] = [defer(), defer()]
  const processor = withDlq(store)(
    handling(async ({ bytes }) => {
      seen.push(new TextDecoder().decode(bytes))
      isStarted.resolve()
      await isOver.promise
      return ack
    })
  )
  const original = processor(redelivered('right'))()
  await isStarted.promise
  const { ended } = told(await replayed(store, withDlq(store)(correcting(seen))))
  isOver.resolve()
  assert.equal([(await original)._tag, ended], ['Acked', 'Drained'])
  assert.equal([seen, await statesOf(store)], [['right'], { resolved: 1 }])
})

edits.run()
