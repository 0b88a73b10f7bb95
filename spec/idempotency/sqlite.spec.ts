import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { left, right } from '../../lib/core/result.js'
import { hostOf } from '../../lib/idempotency/sqlite-host.js'
import type { IdempotencyStore } from '../../lib/ports/idempotency.js'
import { type SqliteIdempotencyOptions, sqliteDlq, sqliteIdempotency } from '../../lib/sqlite.js'
import { systemClock } from '../../lib/system.js'
import { idempotencyLaws } from '../../lib/testing.js'
import { inFolder, letter } from '../support/letters.js'
import { type Child, start } from '../support/sqlite-children.js'
import { soon } from '../support/sqlite-queues.js'

// the laws

const lawful = suite('sqliteIdempotency keeps the laws: it')

let folder = ''
let files = 0
const nextFile = (): string => join(folder, `${(files += 1)}.db`)

for (const { name, run } of idempotencyLaws((clock) => sqliteIdempotency(nextFile(), { clock })))
  lawful(name, () =>
    inFolder(async (path) => {
      folder = path
      await run()
    })
  )

lawful.run()

// using it

/** A store in a file, whose clock is set by hand. */
interface Trial {
  readonly file: string
  readonly store: IdempotencyStore
  /** A tag, or a reason. */
  readonly begin: (key: string, leaseMs?: number) => Promise<string>
  readonly finish: (key: string, result?: string) => Promise<boolean | string>
  readonly pass: (ms: number) => void
  readonly close: () => Promise<void>
}

const opened = async (file: string, options: SqliteIdempotencyOptions = {}): Promise<Trial> => {
  let passed = 0
  const clock = { ...systemClock, now: () => Date.now() + passed }
  const opening = await soon('opening', sqliteIdempotency(file, { clock, ...options }).open())
  if (opening._tag === 'Left') throw new Error(opening.left.message)
  const { value: store, close } = opening.right
  return {
    file,
    store,
    begin: async (key, leaseMs = 60_000) => {
      const asking = store.begin({ key, fingerprint: 'a1', token: 'ann', leaseMs })()
      const begun = await soon('begin', asking)
      return begun._tag === 'Right' ? begun.right._tag : begun.left.reason
    },
    finish: async (key, result = 'done') => {
      const finished = await soon('finish', store.finish({ key, token: 'ann', result })())
      return finished._tag === 'Right' ? finished.right : finished.left.reason
    },
    pass: (ms) => void (passed += ms),
    close: async () => {
      const closed = await soon('closing', close())
      if (closed._tag === 'Left') throw new Error(closed.left.message)
    }
  }
}

const using = (use: (trial: Trial) => Promise<void>, options: SqliteIdempotencyOptions = {}): Promise<void> =>
  inFolder(async (folder) => {
    const trial = await opened(join(folder, 'once.db'), options)
    try {
      await use(trial)
    } finally {
      await trial.close()
    }
  })

const refusal = async (file: string, options: SqliteIdempotencyOptions = {}): Promise<string> => {
  const opening = await soon('opening', sqliteIdempotency(file, options).open())
  if (opening._tag === 'Left') return opening.left.message
  await opening.right.close()
  return 'it opened'
}

/** As a program finds it that knows nothing of the store. */
const inFile = <A>(file: string, look: (database: Database.Database) => A): A => {
  const database = new Database(file)
  try {
    return look(database)
  } finally {
    database.close()
  }
}

const keysIn = (file: string): readonly [held: number, counted: number] =>
  inFile(file, (database) => [
    Number(database.prepare('SELECT count(*) FROM claims').pluck().get()),
    Number(database.prepare('SELECT keys FROM totals').pluck().get())
  ])

const numbered = (count: number, from = 0): readonly string[] =>
  Array.from({ length: count }, (_, index) => `key ${from + index}`)

const storing = suite('sqliteIdempotency')

storing('remembers when it is opened again', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'once.db')
    const first = await opened(file)
    assert.equal([await first.begin('a'), await first.begin('b')], ['Begun', 'Begun'])
    assert.is(await first.finish('a', 'paid'), true)
    await first.close()
    const second = await opened(file)
    const { store } = second
    assert.equal(
      await store.begin({ key: 'a', fingerprint: 'a1', token: 'bob', leaseMs: 1 })(),
      right({ _tag: 'Finished', result: 'paid' })
    )
    assert.is(await second.begin('b'), 'InFlight')
    assert.is(await second.finish('b'), true)
    await second.close()
    inFile(file, (database) => assert.is(database.pragma('integrity_check', { simple: true }), 'ok'))
  })
)

storing('remembers in the file that a link leads to', () =>
  inFolder(async (folder) => {
    const [link, file] = [join(folder, 'link.db'), join(folder, 'once.db')]
    symlinkSync(file, link)
    for (const key of ['a', 'b']) {
      const { begin, finish, close } = await opened(link)
      assert.equal([await begin(key), await finish(key)], ['Begun', true])
      await close()
    }
    inFile(file, (database) => assert.is(database.pragma('integrity_check', { simple: true }), 'ok'))
  })
)

storing('answers Left once it is closed', () =>
  using(async ({ store, begin, close, file }) => {
    const asking = begin('a')
    await close()
    assert.match(await asking, /^Begun$|the store is closed$/)
    const closed = left({ reason: `${file}: the store is closed` })
    const hold = { key: 'a', token: 'ann' }
    assert.equal(await store.begin({ ...hold, fingerprint: 'a1', leaseMs: 1 })(), closed)
    assert.equal(await store.renew({ ...hold, leaseMs: 1 })(), closed)
    assert.equal(await store.finish({ ...hold, result: '' })(), closed)
    assert.equal(await store.abandon(hold)(), closed)
  })
)

storing('gives back what is no text in UTF-8', () =>
  using(async ({ store, begin, finish }) => {
    const odd = 'half of an emoji: \ud83d'
    assert.equal([await begin(odd), await finish(odd, odd)], ['Begun', true])
    const asked = store.begin({ key: odd, fingerprint: 'a1', token: odd, leaseMs: 1 })
    assert.equal(await asked(), right({ _tag: 'Finished', result: odd }))
    assert.is(await begin('half of an emoji: \ufffd'), 'Begun')
  })
)

storing('removes what has expired, a few at a time, as others begin', () =>
  using(
    async ({ begin, finish, pass, file }) => {
      const keys = numbered(300)
      await Promise.all(keys.map((key) => begin(key)))
      await Promise.all(keys.slice(0, 200).map((key) => finish(key)))
      pass(60_001)
      const held: number[] = []
      for (const key of numbered(150, 1_000)) {
        assert.is(await begin(key), 'Begun')
        held.push(keysIn(file)[0])
      }
      held.forEach((count, index) =>
        assert.ok(Math.abs(count - (held[index - 1] ?? 300)) <= 4, 'at most four at a time')
      )
      assert.equal(keysIn(file), [150, 150])
    },
    { ttlMs: 60_000 }
  )
)

storing('holds no more keys than it may: what was finished first is forgotten', () =>
  using(
    async ({ begin, finish, pass, file }) => {
      for (const key of ['a', 'b', 'c']) assert.is(await begin(key), 'Begun')
      for (const key of ['c', 'a']) {
        assert.is(await finish(key), true)
        pass(1)
      }
      assert.equal([await begin('d'), await begin('a'), await begin('e')], ['Begun', 'Finished', 'Begun'])
      assert.is(await begin('a'), `${file}: all of its 3 keys are in flight; allow more with maxKeys`)
      assert.equal([await begin('b'), await begin('d'), await begin('e')], Array(3).fill('InFlight'))
      assert.equal(keysIn(file), [3, 3])
    },
    { maxKeys: 3 }
  )
)

storing('gives the place of a lease that has ended to others', () =>
  using(
    async ({ begin, finish, pass }) => {
      assert.equal([await begin('long', 90_000), await begin('short', 1_000)], ['Begun', 'Begun'])
      pass(1_001)
      assert.equal([await begin('next'), await finish('short'), await finish('long')], ['Begun', false, true])
    },
    { maxKeys: 2 }
  )
)

storing('comes to fewer keys in small steps when it may hold no more', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'once.db')
    const large = await opened(file)
    for (const key of numbered(50))
      assert.equal([await large.begin(key), await large.finish(key)], ['Begun', true])
    await large.close()
    const small = await opened(file, { maxKeys: 10 })
    for (const key of numbered(45, 100)) {
      assert.equal([await small.begin(key), await small.finish(key)], ['Begun', true])
    }
    await small.close()
    assert.equal(keysIn(file), [10, 10])
  })
)

storing('refuses numbers that make no sense', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'once.db')
    const wrong: readonly (readonly [SqliteIdempotencyOptions, string])[] = [
      [{ ttlMs: 0 }, 'sqliteIdempotency: ttlMs is 0; give a number of at least 1'],
      [
        { ttlMs: Infinity },
        'sqliteIdempotency: ttlMs is Infinity; give a number of milliseconds, at most 9007199254740991'
      ],
      [{ maxKeys: NaN }, 'sqliteIdempotency: maxKeys is NaN; give a number of at least 1'],
      [{ patienceMs: -1 }, 'sqliteIdempotency: patienceMs is -1; give a number of at least 0'],
      [{ patienceMs: NaN }, 'sqliteIdempotency: patienceMs is NaN; give a number of at least 0']
    ]
    for (const [options, message] of wrong)
      assert.throws(
        () => sqliteIdempotency(file, options),
        (error: unknown) => error instanceof RangeError && error.message === message,
        message
      )
    assert.not(existsSync(file))
  })
)

storing.run()

// the time of day

const clocks = suite('sqliteIdempotency whose clock jumps')

clocks('ends leases early when it is set forward; who holds one keeps it unless it was taken', () =>
  using(async ({ begin, finish, store, pass }) => {
    assert.equal([await begin('a'), await begin('b')], ['Begun', 'Begun'])
    pass(3_600_000)
    assert.equal(await store.renew({ key: 'a', token: 'ann', leaseMs: 60_000 })(), right(true))
    const taken = store.begin({ key: 'b', fingerprint: 'a1', token: 'bob', leaseMs: 60_000 })
    assert.equal(await taken(), right({ _tag: 'Begun' }))
    assert.equal([await begin('a'), await finish('a'), await finish('b')], ['InFlight', true, false])
  })
)

clocks('counts a lease anew when it is set back, from when somebody next asks', () =>
  using(async ({ begin, store, pass }) => {
    const bob = store.begin({ key: 'a', fingerprint: 'a1', token: 'bob', leaseMs: 1_000 })
    assert.is(await begin('a'), 'Begun')
    pass(-86_400_000)
    const asked = await bob()
    assert.equal(asked, right({ _tag: 'InFlight', leftMs: 60_000 }))
    pass(59_000)
    assert.is(await begin('a'), 'InFlight')
    pass(1_001)
    assert.equal(await bob(), right({ _tag: 'Begun' }))
  })
)

clocks.run()

// several processes

const processes = suite('processes that share a file of sqliteIdempotency')

const begunBy = async (children: readonly Child[]): Promise<readonly (readonly string[])[]> => {
  await Promise.all(children.map((child) => child.until('it is ready', (told) => told.includes('ready'))))
  for (const child of children) child.process.stdin?.end()
  const ended = await Promise.all(children.map((child) => child.ended()))
  return ended.map(({ code, told, errors }) => {
    assert.equal([code, errors], [0, ''])
    const begun = told.slice(1)
    assert.equal(
      begun.filter((line) => !line.startsWith('begun ')),
      []
    )
    return begun.map((line) => line.slice('begun '.length))
  })
}

processes('begin each key once between them, and once more when its lease has ended', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'once.db')
    const keys = [...numbered(2_000)].toSorted()
    const successful: number[] = []
    for (const laterMs of [0, 120_000, 240_000]) {
      const children = Array.from({ length: 4 }, () =>
        start('idempotency-process.ts', ['begin', file, String(keys.length), String(laterMs)])
      )
      const begun = await begunBy(children)
      assert.equal(begun.flat().toSorted(), keys)
      successful.push(begun.filter((keys) => keys.length > 0).length)
    }
    assert.ok(Math.max(...successful) > 1, 'they did ask at the same time')
  })
)

processes('leave a key to another after its lease, and not before, when one is killed', () =>
  using(async ({ file, begin, store, pass }) => {
    const child = start('idempotency-process.ts', ['hold', file, 'a'])
    await child.until('it holds the key', (told) => told.includes('Begun'))
    assert.is(await begin('a'), 'InFlight')
    child.process.kill('SIGKILL')
    await child.ended()
    assert.is(await begin('a'), 'InFlight')
    pass(50_000)
    const asked = await store.begin({ key: 'a', fingerprint: 'a1', token: 'bob', leaseMs: 1 })()
    assert.ok(asked._tag === 'Right' && asked.right._tag === 'InFlight' && asked.right.leftMs <= 10_000)
    pass(10_001)
    assert.is(await begin('a'), 'Begun')
  })
)

processes('can end while the store is open', () =>
  inFolder(async (folder) => {
    const { code, told, errors } = await start('idempotency-process.ts', [
      'leave',
      join(folder, 'once.db')
    ]).ended()
    assert.equal([code, told, errors], [0, ['Begun'], ''])
  })
)

processes('start the thread again when it has ended, and answer all that was asked', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'once.db')
    const child = start('idempotency-process.ts', ['mortal', file], { after: ['sqlite-mortal.ts'] })
    const { code, told, errors } = await child.ended()
    assert.equal([code, errors, told.length], [0, '', 402])
    const ended = told.filter((line) => line !== 'Begun')
    assert.equal([told[0], told.at(-1)], ['Begun', 'Begun'])
    assert.ok(
      ended.every((line) => line.startsWith(`${file}: the thread of the store `)),
      ended.join()
    )
    assert.ok(ended.length > 0 && ended.length <= 4, `${ended.length} were not answered`)
  })
)

processes.run()

// what may be wrong with a file

const faults = suite('sqliteIdempotency whose file cannot be used')

/** Another process that holds the file locked while `use` runs, or until it is told to let go. */
const whileLocked = async (
  file: string,
  use: (letGo: () => Promise<void>) => Promise<void>
): Promise<void> => {
  const child = start('sqlite-lock.ts', [file])
  const letGo = async (): Promise<void> => {
    child.process.stdin?.end()
    const { code, errors } = await child.ended()
    if (code !== 0) throw new Error(errors)
  }
  await child.until('it is locked', (told) => told.includes('locked'))
  try {
    await use(letGo)
  } finally {
    await letGo()
  }
}

faults('waits while another process holds it locked, and the event loop goes on', () =>
  using(
    async ({ file, begin }) => {
      await whileLocked(file, async (letGo) => {
        let isAnswered = false
        const asking = Promise.all(['a', 'b'].map((key) => begin(key))).then((answers) => {
          isAnswered = true
          return answers
        })
        // A thread that was held up would let no time pass here in which nothing is answered.
        let turns = 0
        const end = performance.now() + 500
        while (performance.now() < end) {
          await new Promise((resolve) => void setTimeout(resolve, 1))
          turns += 1
        }
        assert.ok(turns > 20, `${turns} turns`)
        assert.not(isAnswered)
        await letGo()
        assert.equal(await asking, ['Begun', 'Begun'])
      })
    },
    { patienceMs: 60_000 }
  )
)

const busy = 'database is locked; another process holds it locked: end what keeps a transaction open'

faults('is Left when its patience is over, and answers when the lock is gone', () =>
  using(
    async ({ file, begin }) => {
      await whileLocked(file, async () => {
        assert.equal(await Promise.all([begin('a'), begin('b')]), Array(2).fill(`${file}: ${busy}`))
        assert.is(await refusal(file, { patienceMs: 200 }), `${file}: ${busy}`)
      })
      assert.is(await begin('a'), 'Begun')
    },
    { patienceMs: 200 }
  )
)

faults('is closed without waiting for a lock, and what waited is answered', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'once.db')
    const { begin, close } = await opened(file, { patienceMs: 600_000 })
    assert.is(await begin('a'), 'Begun')
    await whileLocked(file, async () => {
      const asking = begin('b')
      await close()
      assert.is(await asking, `${file}: ${busy}`)
    })
  })
)

faults('is refused when it is opened, with what to do', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'once.db')
    assert.is(
      await refusal(join(folder, 'missing', 'once.db')),
      `the folder ${join(folder, 'missing')} does not exist; create it, or give another path`
    )
    assert.is(await refusal(folder), `${folder} is no file; give another path`)
    await (await opened(file)).close()
    chmodSync(file, 0o444)
    // Root may write everything, so that somebody else has to try.
    spawnSync('chown', ['-R', '65534:65534', folder])
    const { told } = await start('idempotency-process.ts', ['nobody', file]).ended()
    assert.equal(told, [
      `${file}: attempt to write a readonly database; it cannot be written: give this user the right to write the file and its folder`
    ])
  })
)

faults('is Left while it may not be written, and goes on when it may again', () =>
  using(async ({ file }) => {
    let database: Database.Database | undefined
    let isReadOnly = false
    const restrain = (now: boolean): void => {
      isReadOnly = now
      if (database?.open === true) database.pragma(`query_only = ${now}`)
    }
    const host = hostOf(
      (path, options) => {
        database = new Database(path, options)
        database.pragma(`query_only = ${isReadOnly}`)
        return database
      },
      { location: file, ttlMs: 1_000, maxKeys: 10 }
    )
    const claim = { key: 'a', fingerprint: 'a1', token: 'ann', leaseMs: 1_000 }
    const begin = () => host.call('all', [[{ name: 'begin', ...claim }], 1])
    restrain(true)
    const advice = 'it cannot be written: give this user the right to write the file and its folder'
    const reason = `${file}: attempt to write a readonly database; ${advice}`
    for (const answer of [await begin(), await begin()]) assert.equal(answer, left({ reason, isBusy: false }))
    restrain(false)
    assert.equal(await begin(), right([right({ _tag: 'Begun' })]))
    restrain(true)
    assert.equal(await begin(), left({ reason, isBusy: false }))
    restrain(false)
    assert.equal(await begin(), right([right({ _tag: 'InFlight', leftMs: 1_000 })]))
    await host.close()
  })
)

/** A file system in memory that has so much room. */
const onSmallDisk = (kilobytes: number, use: (folder: string) => Promise<void>): Promise<void> =>
  inFolder(async (folder) => {
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'none', folder])
    if (mounted.status !== 0)
      throw new Error(`this spec mounts a small tmpfs, and needs the right to: ${String(mounted.stderr)}`)
    try {
      await use(folder)
    } finally {
      spawnSync('umount', ['-l', folder])
    }
  })

faults('is Left with what to do on a disk that is full, and goes on once there is room', () =>
  onSmallDisk(1_024, async (folder) => {
    const ballast = join(folder, 'ballast')
    writeFileSync(ballast, Buffer.alloc(400 * 1_024))
    const file = join(folder, 'once.db')
    const { begin, finish, close } = await opened(file)
    const marked: string[] = []
    let reason: unknown
    for (let round = 0; round < 100 && reason === undefined; round += 1) {
      const begun = await begin(`key ${round}`)
      const finished = begun === 'Begun' ? await finish(`key ${round}`, 'x'.repeat(20_000)) : begun
      if (finished === true) marked.push(`key ${round}`)
      else reason = finished
    }
    assert.is(reason, `${file}: database or disk is full; the disk is full: make room`)
    assert.ok(marked.length > 0)
    rmSync(ballast)
    for (const key of marked) assert.is(await begin(key), 'Finished')
    assert.is(await begin('after'), 'Begun')
    assert.is(await finish('after', 'x'.repeat(20_000)), true)
    await close()
  })
)

faults('is Left when its file is removed or replaced, and goes on in the one that lies there', () =>
  using(async ({ file, begin }) => {
    assert.is(await begin('a'), 'Begun')
    const all = ['', '-wal', '-shm'].map((suffix) => file + suffix)
    for (const path of all) renameSync(path, `${path}.away`)
    const gone = 'was removed or replaced; leave the files of a store where they are while it is in use'
    assert.is(await begin('b'), `${file}: ${file} ${gone}`)
    assert.is(await begin('b'), `${file} does not exist; give the path of a store`)
    const other = await opened(file)
    assert.is(await other.begin('c'), 'Begun')
    assert.equal([await begin('c'), await begin('a')], ['InFlight', 'Begun'])
    await other.close()
  })
)

faults('is damaged: says what to do', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'once.db')
    const first = await opened(file)
    await Promise.all(numbered(500).map((key) => first.begin(key)))
    await first.close()
    const bytes = readFileSync(file)
    bytes.fill(0xff, 4_096)
    writeFileSync(file, bytes)
    const second = await opened(file)
    assert.is(
      await second.begin('key 1'),
      `${file}: database disk image is malformed; it is damaged: move it away; what is marked in it as done may then be done again`
    )
    await second.close()
  })
)

faults.run()

// whose file it is

const kinds = suite('a file of sqliteIdempotency')

kinds('is no file of a queue, and the other way round; both stay as they are', () =>
  inFolder(async (folder) => {
    const [once, queue] = [join(folder, 'once.db'), join(folder, 'letters.db')]
    const store = await opened(once)
    assert.is(await store.begin('a'), 'Begun')
    await store.close()
    const openedQueue = await sqliteDlq(queue).open()
    if (openedQueue._tag === 'Right') {
      await openedQueue.right.value.put(letter())()
      await openedQueue.right.close()
    }
    const before = [once, queue].map((file) => readFileSync(file))
    assert.is(
      await refusal(queue),
      `${queue}: the database is not a store of idempotency, which has a file of its own; give another path`
    )
    const refused = await sqliteDlq(once).open()
    assert.is(
      refused._tag === 'Left' && refused.left.message,
      `${once}: the database is not a dead letter queue; give another path`
    )
    assert.ok([once, queue].every((file, index) => before[index]?.equals(readFileSync(file))))
  })
)

kinds('is refused where a newer version wrote it, and says whose it is', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'once.db')
    await (await opened(file)).close()
    inFile(file, (database) => {
      const pragmas = ['application_id', 'user_version', 'journal_mode', 'integrity_check']
      const said = pragmas.map((pragma) => database.pragma(pragma, { simple: true }))
      assert.equal(said, [0x4d534944, 1, 'wal', 'ok'])
      database.pragma('user_version = 2')
    })
    assert.is(
      await refusal(file),
      `${file}: a newer missive-ts wrote it (schema 2, this one knows 1); update missive-ts`
    )
  })
)

kinds('can be read by its owner alone, and so can what lies beside it', () =>
  using(async ({ file, begin }) => {
    assert.is(await begin('a'), 'Begun')
    for (const suffix of ['', '-wal', '-shm'])
      assert.is((statSync(file + suffix).mode & 0o777).toString(8), '600', suffix)
  })
)

kinds.run()
