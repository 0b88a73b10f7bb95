import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Clock } from '../../lib/core/clock.js'
import type { DeadLetterStore } from '../../lib/ports/letters.js'
import { systemClock } from '../../lib/system.js'
import { inFolder } from '../support/letters.js'
import type { ReplayMainOptions } from '../support/replay-main.js'
import { given, ids, lettersOf, put, putAll, statesOf, withQueue } from '../support/replay-stores.js'
import { type Child, killAll, program } from '../support/run-main-child.js'

const leaseMs = 60_000

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A queue of letters that are acked, and the programs that replay them. */
interface Place {
  readonly file: string
  readonly replaying: (options?: ReplayMainOptions) => Child
  /** What handlers did so far: `start 1`, `done 1`. */
  readonly ledger: () => readonly string[]
  /** Uses the queue when all leases are over. */
  readonly later: (use: (store: DeadLetterStore) => Promise<void>) => Promise<void>
  readonly now: (use: (store: DeadLetterStore) => Promise<void>) => Promise<void>
}

const inPlace = (use: (place: Place) => Promise<void>): Promise<void> =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const ledger = join(folder, 'ledger')
    const ahead: Clock = { ...systemClock, now: () => systemClock.now() + 2 * leaseMs }
    await use({
      file,
      replaying: (options = {}) =>
        program('replay-main', [file, ledger, JSON.stringify({ leaseMs, by: 'somebody', ...options })]),
      ledger: () => linesOf(readFileSync(ledger, { encoding: 'utf8', flag: 'a+' })),
      later: (look) => withQueue(file, look, { clock: ahead }),
      now: (look) => withQueue(file, look)
    })
  })

const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '')

const filled = (place: Place, count: number): Promise<void> =>
  place.now((store) =>
    putAll(
      store,
      ids(count).map((id) => ({ id, bytes: bytesOf('good') }))
    )
  )

/** How often each id is said to be started, or done. */
const countsOf = (lines: readonly string[], what: 'start' | 'done'): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const line of lines) {
    const [said, id = ''] = line.split(' ')
    if (said === what) counts[id] = (counts[id] ?? 0) + 1
  }
  return counts
}

const once = (names: readonly string[]): Readonly<Record<string, number>> =>
  Object.fromEntries(names.map((id) => [id, 1]))

/** Kills a program as soon as it has told so many lines, or ends. */
const killedAfter = async (child: Child, lines: number): Promise<void> => {
  let told = 0
  child.process.stdout?.on('data', (text) => {
    told += String(text).split('\n').length - 1
    if (told >= lines) child.process.kill('SIGKILL')
  })
  await child.ended
}

const resolvedIn = async (store: DeadLetterStore): Promise<ReadonlySet<string>> =>
  new Set((await lettersOf(store)).flatMap(({ id, state }) => (state === 'resolved' ? [id] : [])))

const leases = suite('replay: leases')

leases.after(killAll)

leases('lets two processes share the letters of a file, each letter handled exactly once', () =>
  inPlace(async (place) => {
    await filled(place, 400)
    const children = [1, 2].map(() => place.replaying({ concurrency: 4, isGated: true }))
    await Promise.all(children.map((child) => child.until('stdout', 'start ')))
    for (const child of children) child.process.stdin?.write('go\n')
    const ended = await Promise.all(children.map((child) => child.ended))
    assert.equal(
      ended.map(({ code }) => code),
      [0, 0]
    )
    assert.ok(ended.every(({ stdout }) => linesOf(stdout).length > 8))
    assert.equal(countsOf(place.ledger(), 'done'), once(ids(400)))
    await place.now(async (store) => assert.equal(await statesOf(store), { resolved: 400 }))
  })
)

leases('keeps what a killed replay held until its lease is over, and then another handles it', () =>
  inPlace(async (place) => {
    await filled(place, 300)
    await killedAfter(place.replaying({ concurrency: 4, most: 150 }), 80)
    const before = place.ledger()
    const started = Object.keys(countsOf(before, 'start'))
    const inFlight = started.length - Object.keys(countsOf(before, 'done')).length
    assert.ok(inFlight >= 0 && inFlight <= 4, `${inFlight} were in flight`)

    let held: readonly string[] = []
    let unresolved: readonly string[] = []
    await place.now(async (store) => {
      const letters = await lettersOf(store)
      assert.is(letters.length, 300)
      held = letters.flatMap(({ id, state }) => (state === 'replaying' ? [id] : []))
      const resolved = await resolvedIn(store)
      unresolved = started.filter((id) => !resolved.has(id))
    })
    assert.ok(held.length > 0)
    assert.equal(
      unresolved.filter((id) => !held.includes(id)),
      []
    )

    assert.is((await place.replaying({ concurrency: 4 }).ended).code, 0)
    await place.now(async (store) => {
      assert.equal(await statesOf(store), { resolved: 300 - held.length, replaying: held.length })
    })
    assert.equal(countsOf(place.ledger(), 'start'), once([...new Set([...started, ...notIn(held)])]))

    assert.is((await place.replaying({ concurrency: 4, aheadMs: 2 * leaseMs }).ended).code, 0)
    await place.now(async (store) => assert.equal(await statesOf(store), { resolved: 300 }))
    assert.equal(countsOf(place.ledger(), 'start'), {
      ...once(ids(300)),
      ...Object.fromEntries(unresolved.map((id) => [id, 2]))
    })
  })
)

const notIn = (held: readonly string[]): readonly string[] => ids(300).filter((id) => !held.includes(id))

leases.run()

const crashes = suite('replay: crashes')

crashes.after(killAll)

crashes('loses nothing however often it is killed, and repeats only what was started and not settled', () =>
  inPlace(async (place) => {
    const count = 1_200
    const most = 100
    const concurrency = 4
    await filled(place, count)
    const expected: Record<string, number> = { ...once(ids(count)) }
    let settledByKilled = 0
    // A fast machine handles more before it is killed, and settles less: some letters are to be settled, and some left.
    const isEnough = (round: number): boolean =>
      settledByKilled > count - 500 || (settledByKilled > 0 && round >= 10) || round >= 60
    for (let round = 0; !isEnough(round); round += 1) {
      const before = place.ledger().length
      await killedAfter(place.replaying({ concurrency, most }), 1 + Math.floor(Math.random() * 150))
      const lines = place.ledger().slice(before)
      const started = Object.keys(countsOf(lines, 'start'))
      const done = countsOf(lines, 'done')
      assert.ok(started.filter((id) => done[id] === undefined).length <= concurrency)
      await place.later(async (store) => {
        const resolved = await resolvedIn(store)
        settledByKilled = resolved.size
        for (const id of started) {
          if (!resolved.has(id)) expected[id] = (expected[id] ?? 0) + 1
        }
        const everDone = countsOf(place.ledger(), 'done')
        assert.equal(
          [...resolved].filter((id) => everDone[id] === undefined),
          []
        )
        assert.equal(await statesOf(store), {
          ...(resolved.size > 0 && { resolved: resolved.size }),
          dead: count - resolved.size
        })
      })
    }
    assert.ok(settledByKilled > 0 && settledByKilled < count, `${settledByKilled} settled`)
    assert.is((await place.replaying({ concurrency }).ended).code, 0)
    assert.equal(countsOf(place.ledger(), 'start'), expected)
    assert.equal(Object.keys(countsOf(place.ledger(), 'done')).length, count)
    await place.now(async (store) => {
      assert.equal(await statesOf(store), { resolved: count })
      const letters = await lettersOf(store)
      // What was killed is no attempt, and nothing that anybody did.
      assert.equal(
        [...new Set(letters.map(({ attemptCount, events }) => `${attemptCount} ${events.length}`))],
        ['1 1']
      )
    })
  })
)

crashes.run()

const programs = suite('replay: programs')

programs.after(killAll)

programs('exits with 0 when all that the filter means was handled', () =>
  inPlace(async (place) => {
    await place.now((store) =>
      put(
        store,
        { id: '1', bytes: bytesOf('good') },
        { id: '2', source: 'other' },
        { id: '3', bytes: bytesOf('good') }
      )
    )
    const { code, stderr } = await place.replaying({ filter: { source: 'test' } }).ended
    assert.equal([code, stderr], [0, '2 received, 2 acked, 0 dead-lettered\n'])
    assert.equal(place.ledger(), ['start 1', 'done 1', 'start 3', 'done 3'])
    await place.now(async (store) => assert.equal(await statesOf(store), { resolved: 2, dead: 1 }))
  })
)

programs('exits with 1 when a letter fails again, and has handled the others', () =>
  inPlace(async (place) => {
    await place.now((store) =>
      put(store, { id: '1', bytes: bytesOf('bad') }, { id: '2', bytes: bytesOf('good') })
    )
    const { code, stderr } = await place.replaying().ended
    assert.is(code, 1)
    assert.match(stderr, '1 failed: rejected: still-bad')
    assert.match(stderr, '2 received, 1 acked, 0 dead-lettered, 1 failed')
    await place.now(async (store) => {
      const letters = await lettersOf(store)
      assert.equal(
        letters.map(({ id, state, attemptCount }) => [id, state, attemptCount]),
        [
          ['1', 'dead', 2],
          ['2', 'resolved', 1]
        ]
      )
    })
  })
)

programs('lets what is in flight finish at SIGTERM, and leaves the rest dead as it was', () =>
  inPlace(async (place) => {
    await place.now((store) =>
      put(store, { id: '1', bytes: bytesOf('wait') }, { id: '2', bytes: bytesOf('good') })
    )
    const child = place.replaying()
    await child.until('stdout', 'start 1')
    child.process.kill('SIGTERM')
    await child.until('stderr', 'stopping: 1 in flight')
    child.process.kill('SIGUSR2')
    const { code, stderr } = await child.ended
    assert.is(code, 0)
    assert.match(stderr, '2 received, 1 acked, 0 dead-lettered, 1 released')
    assert.equal(place.ledger(), ['start 1', 'done 1'])
    await place.now(async (store) => {
      assert.equal(
        (await lettersOf(store)).map(({ id, state, attemptCount, events }) => [
          id,
          state,
          attemptCount,
          events.length
        ]),
        [
          ['1', 'resolved', 1, 1],
          ['2', 'dead', 1, 0]
        ]
      )
    })
  })
)

programs('says what is wrong when the queue does not open, and exits with 1', () =>
  inPlace(async (place) => {
    const { code, stderr } = await place.replaying().ended
    assert.equal(
      [code, stderr.split('\n')[1]],
      [1, `not started: ${place.file} does not exist; give the path of a queue`]
    )
  })
)

programs('runs as a user that has no name, as many containers do', () =>
  inPlace(async (place) => {
    await place.now((store) => put(store, { id: '1', bytes: bytesOf('good') }))
    chmodSync(join(place.file, '..'), 0o777)
    const child = program('replay-main', [
      place.file,
      '/dev/null',
      JSON.stringify({ isNameless: true } satisfies ReplayMainOptions)
    ])
    for (const suffix of ['', '-wal', '-shm']) open(`${place.file}${suffix}`)
    const { code, stderr } = await child.ended
    assert.equal([code, stderr], [0, '1 received, 1 acked, 0 dead-lettered\n'])
    await place.now(async (store) => assert.is(await given(store.count({ state: 'resolved' })), 1))
  })
)

/** Lets everybody write a file, where there is one. */
const open = (file: string): void => {
  try {
    chmodSync(file, 0o666)
  } catch {
    // it is made when it is needed
  }
}

programs.run()
