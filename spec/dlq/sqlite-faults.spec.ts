import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Row, rowOf } from '../../lib/dlq/row.js'
import { hostOf } from '../../lib/dlq/sqlite-host.js'
import type { SqliteDlq } from '../../lib/dlq/sqlite.js'
import { sqliteDlq } from '../../lib/dlq/sqlite.js'
import type { LetterPage } from '../../lib/ports/letters.js'
import type { Connect } from '../../lib/sqlite/driver.js'
import { inFolder, letter } from '../support/letters.js'
import { repository, run, typescript } from '../support/program.js'
import { onSmallDisk } from '../support/small-disk.js'
import { type Child, start } from '../support/sqlite-children.js'
import {
  bodyOf,
  lettersIn,
  missingFrom,
  opened,
  reasonOf,
  right,
  soon,
  using
} from '../support/sqlite-queues.js'

const named = (id: string) => letter({ id, bytes: Buffer.from(bodyOf(id)) })
const row = (id: string, bytes: Uint8Array = Buffer.from(bodyOf(id))): Row =>
  rowOf(letter({ id, bytes }), 1, () => true)

/** Uses a host on a connection with faults; the file is there already. */
const hosting = (
  connect: Connect,
  use: (host: ReturnType<typeof hostOf>, location: string) => Promise<void>,
  patienceMs = 0
): Promise<void> =>
  inFolder(async (folder) => {
    const location = join(folder, 'a.db')
    await using(location, async () => undefined)
    const host = hostOf(connect, { location, patienceMs })
    try {
      await use(host, location)
    } finally {
      await host.close()
    }
  })

// locks

const locked = suite('sqliteDlq whose file is locked')

/** Another process that holds the file locked while `use` runs, or until it is told to let go. */
const whileLocked = async <A>(file: string, use: (letGo: () => Promise<void>) => Promise<A>): Promise<A> => {
  const child = start('sqlite-lock.ts', [file])
  const letGo = async (): Promise<void> => {
    child.process.stdin?.end()
    const { code, errors } = await child.ended()
    if (code !== 0) throw new Error(errors)
  }
  await child.until('it is locked', (told) => told.includes('locked'))
  try {
    return await use(letGo)
  } finally {
    await letGo()
  }
}

/** The longest that a timer of 5 ms was late, over at least so many milliseconds. */
const longestLag = (forMs: number): Promise<number> =>
  new Promise((resolve) => {
    const startedAt = performance.now()
    let last = startedAt
    let longest = 0
    const timer = setInterval(() => {
      const now = performance.now()
      longest = Math.max(longest, now - last - 5)
      last = now
      if (now - startedAt < forMs) return
      clearInterval(timer)
      resolve(longest)
    }, 5)
  })

locked('does not hold up the event loop, and stores once the lock is gone', () =>
  inFolder((folder) => {
    const file = join(folder, 'a.db')
    return using(file, async (queue) => {
      right(await queue.put(named('first'))())
      // Whatever else this machine does may hold up a round, but a queue that does would hold up each of them, and for longer.
      const lags: number[] = []
      let idleLag = 0
      for (let round = 0; round < 3 && !lags.some((lag) => lag < 50 + idleLag); round += 1) {
        if (round > 0) idleLag = Math.max(idleLag, await longestLag(1_000))
        await whileLocked(file, async (letGo) => {
          let isStored = false
          const ids = Array.from({ length: 20 }, (_, index) => `${round}.${index}`)
          const storing = Promise.all(ids.map((id) => queue.put(named(id))())).then((answers) => {
            isStored = true
            return answers
          })
          lags.push(await longestLag(2_000))
          assert.not(isStored)
          await letGo()
          for (const answer of await soon('storing', storing)) right(answer)
          assert.equal(missingFrom(file, ids), [])
        })
      }
      assert.ok(
        Math.min(...lags) < Math.min(500, 50 + idleLag),
        `held up for ${lags.join()} ms, and without a lock for ${idleLag} ms`
      )
    })
  })
)

locked('reads meanwhile, once it has read before', () =>
  inFolder((folder) => {
    const file = join(folder, 'a.db')
    return using(file, async (queue) => {
      right(await queue.put(named('first'))())
      assert.is(right(await queue.count()()), 1)
      await whileLocked(file, async () => {
        assert.is(right(await soon('counting', queue.count()(), 5_000)), 1)
        assert.equal(
          right(await soon('reading', queue.page()(), 5_000)).letters.map(({ id }) => id),
          ['first']
        )
      })
    })
  })
)

locked('waits for the lock also when it is asked for the first time', () =>
  inFolder((folder) => {
    const file = join(folder, 'a.db')
    return using(file, async (queue) => {
      await whileLocked(file, async (letGo) => {
        let answers = 0
        const asked = [queue.put(named('first'))(), queue.count()()].map(async (asking) => {
          const answer = await asking
          answers += 1
          return answer
        })
        await longestLag(2_500)
        assert.is(answers, 0)
        await letGo()
        for (const answer of await soon('storing', Promise.all(asked))) right<unknown>(answer)
      })
      assert.equal([...lettersIn(file).keys()], ['first'])
    })
  })
)

locked('is waited for when it is opened, and does not hold up the event loop then', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    await using(file, async (queue) => right(await queue.put(named('first'))()))
    const lags: number[] = []
    let idleLag = 0
    for (let round = 0; round < 3 && !lags.some((lag) => lag < 100 + idleLag); round += 1) {
      if (round > 0) idleLag = Math.max(idleLag, await longestLag(1_000))
      await whileLocked(file, async (letGo) => {
        let isOpen = false
        const opening = opened(file).then((queue) => {
          isOpen = true
          return queue
        })
        lags.push(await longestLag(1_000))
        assert.not(isOpen)
        await letGo()
        const { queue, close } = await soon('opening', opening)
        assert.is(right(await queue.count()()), 1)
        await close()
      })
    }
    assert.ok(
      Math.min(...lags) < Math.min(500, 100 + idleLag),
      `held up for ${lags.join()} ms, and without a lock for ${idleLag} ms`
    )
  })
)

locked('says so when its patience is over, and stores what is put again after', () =>
  inFolder((folder) => {
    const file = join(folder, 'a.db')
    return using(
      file,
      async (queue) => {
        right(await queue.put(named('first'))())
        await whileLocked(file, async () => {
          const reason = reasonOf(await soon('giving up', queue.put(named('second'))(), 10_000))
          assert.is(
            reason,
            `${file}: database is locked; another process holds it locked: end what keeps a transaction open`
          )
        })
        assert.equal([...lettersIn(file).keys()], ['first'])
        right(await queue.put(named('second'))())
        assert.equal(missingFrom(file, ['first', 'second']), [])
      },
      { patienceMs: 200 }
    )
  })
)

locked('is closed without waiting for the lock, and what waited is answered', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const { queue, close } = await opened(file)
    right(await queue.put(named('first'))())
    await whileLocked(file, async () => {
      const putting = queue.put(named('second'))()
      await longestLag(100)
      await soon('closing', close(), 10_000)
      assert.match(reasonOf(await soon('answering', putting)), file)
    })
    assert.equal([...lettersIn(file).keys()], ['first'])
  })
)

locked.run()

// a disk without room

const full = suite('sqliteDlq without room')

full('answers Left while the database is full, and stores again when it is not', async () => {
  let database: Database.Database | undefined
  let maxPages = 1_073_741_823
  const limited: Connect = (path, options) => {
    database = new Database(path, options)
    database.pragma(`max_page_count = ${maxPages}`)
    return database
  }
  const limit = (pages: number): void => {
    maxPages = pages
    if (database?.open === true) database.pragma(`max_page_count = ${pages}`)
  }
  await hosting(limited, async (host, location) => {
    const large = row('large', new Uint8Array(100_000))
    right(await host.call('put', [[row('first')]]))
    limit(10)
    assert.is(
      reasonOf(await host.call('put', [[row('small'), large]])),
      `${location}: database or disk is full; the disk is full: make room`
    )
    assert.equal([...lettersIn(location).keys()], ['first'], 'all of a transaction or nothing')
    limit(1_073_741_823)
    right(await host.call('put', [[row('small'), large]]))
    assert.equal([...lettersIn(location).keys()], ['first', 'small', 'large'])
  })
})

full('loses nothing that it answered on a disk that is full, and stores again once there is room', () =>
  onSmallDisk(512, async (folder) => {
    const file = join(folder, 'a.db')
    const ballast = join(folder, 'ballast')
    writeFileSync(ballast, Buffer.alloc(200 * 1_024))
    await using(file, async (queue) => {
      const stored: string[] = []
      const reasons = new Set<string>()
      const put = async (id: string): Promise<void> => {
        const answer = await queue.put(named(id))()
        if (answer._tag === 'Right') stored.push(id)
        else reasons.add(answer.left.reason)
      }
      for (let round = 0; round < 200 && reasons.size === 0; round += 1) {
        await Promise.all(Array.from({ length: 8 }, (_, index) => put(`${round}.${index}`)))
      }
      assert.ok(stored.length > 0)
      assert.is(reasons.size, 1, 'the disk is full by now')
      for (const reason of reasons) assert.match(reason, 'make room')
      assert.equal(missingFromOpen(file, stored), [])

      rmSync(ballast)
      reasons.clear()
      const before = stored.length
      await Promise.all(Array.from({ length: 8 }, (_, index) => put(`after ${index}`)))
      assert.equal([...reasons], [])
      assert.is(stored.length, before + 8)
      assert.equal(missingFromOpen(file, stored), [])
    })
    // What SQLite needs beside the file has no room either.
    assert.throws(() => writeFileSync(ballast, Buffer.alloc(512 * 1_024)), 'ENOSPC')
    const refused = await sqliteDlq(file).open()
    assert.match(refused._tag === 'Left' ? refused.left.message : '', 'the disk is full: make room')
  })
)

/** As a reader finds it that writes nothing, for which there may be no room. */
const missingFromOpen = (file: string, ids: readonly string[]): readonly string[] => {
  const database = new Database(file, { readonly: true })
  const rows = database.prepare('SELECT id, bytes FROM letters').all() as readonly {
    readonly id: string
    readonly bytes: Uint8Array
  }[]
  database.close()
  const letters = new Map(rows.map(({ id, bytes }) => [id, Buffer.from(bytes).toString()]))
  return ids.filter((id) => letters.get(id) !== bodyOf(id))
}

full.run()

// commits that fail

const failing = suite('sqliteDlq whose commit fails')

/** Connections that write in transactions by `commit`, which is given what a transaction does. */
const committing =
  (commit: (database: Database.Database, work: () => unknown) => unknown): Connect =>
  (path, options) =>
    new Proxy(new Database(path, options), {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (name !== 'transaction')
          return typeof value === 'function' ? (value.bind(target) as unknown) : value
        return (work: () => unknown) =>
          Object.assign(() => target.transaction(work)(), { immediate: () => commit(target, work) })
      }
    })

/** After `arm`, this many transactions report that they failed, having committed or not. */
const ambiguous = (
  hasCommitted: boolean
): { readonly connect: Connect; readonly arm: (count: number) => void } => {
  let failures = 0
  const connect = committing((database, work) => {
    const isFailing = failures > 0
    const done = isFailing && !hasCommitted ? undefined : database.transaction(work).immediate()
    if (!isFailing) return done
    failures -= 1
    throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_FSYNC' })
  })
  return { connect, arm: (count) => (failures = count) }
}

for (const hasCommitted of [true, false]) {
  failing(
    `puts again on a new connection what a failed commit ${hasCommitted ? 'did' : 'did not'} store`,
    () => {
      const { connect, arm } = ambiguous(hasCommitted)
      return hosting(connect, async (host, location) => {
        right(await host.call('put', [[row('first')]]))
        arm(1)
        assert.equal(right(await host.call('put', [[row('a'), row('b')]])), [undefined, undefined])
        assert.equal(missingFrom(location, ['first', 'a', 'b']), [])
        const { rows } = right(await host.call('page', [{}, 1]))
        assert.equal(
          rows.map(({ id, times, attemptCount }) => [id, times, attemptCount]),
          [
            ['first', 1, 1],
            ['a', 1, 1],
            ['b', 1, 1]
          ]
        )
      })
    }
  )
}

failing('answers Left when the new connection fails, too, and recovers by itself', () => {
  const { connect, arm } = ambiguous(false)
  return hosting(connect, async (host, location) => {
    right(await host.call('put', [[row('first')]]))
    // The second is that of the new connection, which writes when it is opened.
    arm(2)
    assert.is(
      reasonOf(await host.call('put', [[row('a')]])),
      `${location}: disk I/O error; see to the disk; if its -wal was removed, start anew`
    )
    right(await host.call('put', [[row('a')]]))
    assert.equal([...lettersIn(location).keys()], ['first', 'a'])
  })
})

failing(
  'begins its log anew after a failed commit, and answers nothing Right while a reader keeps it from that',
  () => {
    const { connect, arm } = ambiguous(true)
    return hosting(connect, async (host, location) => {
      right(await host.call('put', [[row('first')]]))
      const reader = new Database(location)
      reader.exec('BEGIN')
      reader.prepare('SELECT count(*) FROM letters').get()
      const before = statSync(`${location}-wal`).size
      arm(1)
      // Tried again and again, as by those who wait until it is stored.
      for (const reason of [
        reasonOf(await host.call('put', [[row('a')]])),
        reasonOf(await host.call('put', [[row('a')]]))
      ])
        assert.match(reason, 'another process holds it locked')
      reader.exec('COMMIT')
      reader.close()
      right(await host.call('put', [[row('a')]]))
      assert.ok(statSync(`${location}-wal`).size < before, 'the log is the old one')
      assert.equal(missingFrom(location, ['first', 'a']), [])
    })
  }
)

failing('tells all that was pruned although the file was locked in between', () => {
  let transactions = 0
  const busy = committing((database, work) => {
    transactions += 1
    if (transactions === 2) throw Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' })
    return database.transaction(work).immediate()
  })
  return hosting(
    busy,
    async (host) => {
      right(await host.call('put', [[row('a'), row('b')]]))
      transactions = 0
      assert.is(right(await host.call('prune', [{ maxLetters: 0 }, 1])).dead, 2)
    },
    1_000
  )
})

failing('answers Left while nothing may be written, with what to do, and stores when it may again', () => {
  let database: Database.Database | undefined
  let isReadOnly = false
  const restrained: Connect = (path, options) => {
    database = new Database(path, options)
    database.pragma(`query_only = ${isReadOnly}`)
    return database
  }
  const restrain = (now: boolean): void => {
    isReadOnly = now
    if (database?.open === true) database.pragma(`query_only = ${now}`)
  }
  return hosting(restrained, async (host, location) => {
    right(await host.call('put', [[row('first')]]))
    restrain(true)
    assert.is(
      reasonOf(await host.call('put', [[row('a')]])),
      `${location}: attempt to write a readonly database; it cannot be written: give this user the right to write the file and its folder`
    )
    restrain(false)
    right(await host.call('put', [[row('a')]]))
    assert.equal([...lettersIn(location).keys()], ['first', 'a'])
  })
})

failing.run()

// files that go away

const gone = suite('sqliteDlq whose file goes away')

gone('answers Right for nothing that is in no file, and stores again once the file is back', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const away = join(folder, 'away.db')
    const all = ['', '-wal', '-shm'] as const
    const { queue, close } = await opened(file)
    right(await queue.put(named('first'))())
    for (const suffix of all) renameSync(file + suffix, away + suffix)
    const put = await queue.put(named('second'))()
    assert.not(existsSync(file), 'a file that is gone is not made anew behind the back of whoever moved it')
    assert.is(put._tag, 'Left', 'it is in no file of that name')
    for (const suffix of all) if (existsSync(away + suffix)) renameSync(away + suffix, file + suffix)
    right(await queue.put(named('second'))())
    await close()
    assert.equal(missingFrom(file, ['first', 'second']), [])
  })
)

gone('stores in the file that lies there by now', () =>
  inFolder(async (folder) => {
    const [file, other] = [join(folder, 'a.db'), join(folder, 'b.db')]
    await using(other, async (queue) => right(await queue.put(named('other'))()))
    const { queue, close } = await opened(file)
    right(await queue.put(named('first'))())
    for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix)
    renameSync(other, file)
    const put = await queue.put(named('second'))()
    await close()
    const found = lettersIn(file)
    assert.is(found.has('other'), true)
    assert.is(put._tag === 'Right' && !found.has('second'), false, 'answered, and not there')
  })
)

gone('answers Right for nothing that nobody finds when its log is removed', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const { queue, close } = await opened(file)
    right(await queue.put(named('first'))())
    rmSync(`${file}-wal`)
    const put = await queue.put(named('second'))()
    // What a copy of the folder holds is what others find, and what is left when the power goes.
    const copy = join(folder, 'copy.db')
    for (const suffix of ['', '-wal'])
      if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix)
    const found = lettersIn(copy)
    await close()
    assert.is(put._tag === 'Right' && !found.has('second'), false, 'answered, and not there')
  })
)

gone.run()

// damage

const damaged = suite('sqliteDlq whose file is damaged')

const pageBytes = 4_096

const overwrite = (file: string, at: number, bytes: Uint8Array): void => {
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, bytes, 0, bytes.length, at)
  closeSync(descriptor)
}

const advice = 'it is damaged: move it away with its -wal file, and recover its letters with sqlite3 .recover'

/** Makes a queue of so many letters, closed. */
const filled = (file: string, count: number): Promise<readonly string[]> =>
  using(file, async (queue) => {
    const ids = Array.from({ length: count }, (_, index) => `l${index}`)
    for (const answer of await Promise.all(ids.map((id) => queue.put(named(id))()))) right(answer)
    return ids
  })

const allOf = async (queue: SqliteDlq): Promise<LetterPage | string> => {
  const page = await queue.page({ limit: 1_000 })()
  return page._tag === 'Right' ? page.right : page.left.reason
}

damaged('says what is damaged and what to do, whichever page it is, and never tells anything wrong', () =>
  inFolder(async (folder) => {
    const whole = join(folder, 'whole.db')
    const ids = await filled(whole, 100)
    const pages = statSync(whole).size / pageBytes
    assert.ok(pages > 10)
    const said = new Set<string>()
    const each = Array.from({ length: pages - 1 }, (_, index) => index + 1)
    for (const page of each.filter((page) => page < 12 || page % 5 === 0)) {
      const file = join(folder, `${page}.db`)
      copyFileSync(whole, file)
      overwrite(file, page * pageBytes, Buffer.alloc(pageBytes, 0xff))
      await using(file, async (queue) => {
        const read = await allOf(queue)
        if (typeof read === 'string') {
          assert.is(read, `${file}: database disk image is malformed; ${advice}`)
          said.add('read')
        } else {
          assert.equal(
            read.letters.map(({ id, bytes }) => [id, Buffer.from(bytes).toString()]),
            ids.map((id) => [id, bodyOf(id)])
          )
        }
        const put = await queue.put(named('new'))()
        if (put._tag === 'Left') {
          assert.is(put.left.reason, `${file}: database disk image is malformed; ${advice}`)
          said.add('put')
        } else {
          const reader = new Database(file, { readonly: true })
          assert.is(reader.prepare('SELECT id FROM letters ORDER BY seq DESC LIMIT 1').pluck().get(), 'new')
          reader.close()
        }
      })
    }
    assert.equal([...said].toSorted(), ['put', 'read'])
  })
)

damaged('is refused when a part of it is missing', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    await filled(file, 100)
    truncateSync(file, 6 * pageBytes)
    const refused = await opened(file).then(
      () => 'it opened',
      (error: Error) => error.message
    )
    assert.is(refused, `${file}: database disk image is malformed; ${advice}`)
  })
)

/** A file whose last letters lie in its log alone, as a process leaves it that was killed. */
const killedWithLog = async (file: string): Promise<readonly string[]> => {
  const child = start('put-letters.ts', [file, 'k', '4'])
  await child.until('100 letters', (told) => told.length >= 100)
  child.process.kill('SIGKILL')
  return (await child.ended()).told
}

damaged('opens without its log, with what was taken out of it before, and stores again', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const ids = await filled(file, 50)
    const told = await killedWithLog(file)
    assert.ok(missingFrom(file, told).length === 0 && told.length >= 100)
    await killedWithLog(file)
    for (const suffix of ['-wal', '-shm']) rmSync(file + suffix)
    await using(file, async (queue) => right(await queue.put(named('new'))()))
    assert.equal(missingFrom(file, [...ids, ...told, 'new']), [])
  })
)

damaged('opens with a log that is damaged half way, with the letters before that, and stores again', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const ids = await filled(file, 50)
    const told = await killedWithLog(file)
    const half = 32 + Math.floor(statSync(`${file}-wal`).size / 2 / (24 + pageBytes)) * (24 + pageBytes)
    overwrite(`${file}-wal`, half + 100, Buffer.from('damage'))
    await using(file, async (queue) => right(await queue.put(named('new'))()))
    const missing = missingFrom(file, [...ids, ...told, 'new'])
    // A transaction counts whole or not at all, and so the letters that are left are the first that were told.
    assert.ok(missing.length > 0 && missing.length < told.length)
    const last = lettersIn(file).size - ids.length - 1
    assert.equal(
      told
        .map((id) => Number(id.slice(1)))
        .filter((number) => missing.includes(`k${number}`) && number < last - 4),
      []
    )
  })
)

damaged('loses nothing when the index of its log is damaged', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const told = await killedWithLog(file)
    const index = readFileSync(`${file}-shm`)
    writeFileSync(`${file}-shm`, Buffer.alloc(index.length, 0xa5))
    await using(file, async (queue) => {
      right(await queue.put(named('new'))())
      assert.equal(missingFrom(file, [...told, 'new']), [])
    })
  })
)

damaged.run()

// threads

const threads = suite('the threads of sqliteDlq')

const program = (name: string, file: string): Child =>
  start('sqlite-threads.ts', [name, file], { after: ['sqlite-mortal.ts'] })

threads('let the process end while the queue is open', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const idle = await program('idle', file).ended()
    assert.equal([idle.code, idle.told, idle.errors], [0, ['1 stored', '1 there'], ''])
    const unused = await program('unused', file).ended()
    assert.equal([unused.code, unused.told, unused.errors], [0, ['nothing was asked'], ''])
    assert.equal([...lettersIn(file).keys()], ['1'])
  })
)

threads('answer all that was put when the queue is closed, and store what they say they did', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const { code, told, errors } = await program('closed under way', file).ended()
    assert.equal([code, errors, told.at(-1)], [0, '', 'all are answered'])
    const answers = told.filter((line) => /^\d+ /.test(line))
    const stored = answers.filter((line) => line.endsWith(' stored')).map((line) => line.split(' ')[0] ?? '')
    assert.is(answers.length, 600)
    assert.ok(stored.length >= 256, 'what had been handed over is stored')
    const ids = new Set(lettersIn(file).keys())
    assert.equal([...ids].toSorted(), ['first', ...stored].toSorted())
    for (const line of answers) assert.match(line, / stored$|: the queue is closed$/)
    assert.ok(told.includes(`late ${file}: the queue is closed`))
  })
)

threads('start in a program that is no file', () =>
  inFolder(async (folder) => {
    const script = `
      import { letter } from './spec/support/letters.ts'
      import { right, using } from './spec/support/sqlite-queues.ts'
      await using(${JSON.stringify(join(folder, 'a.db'))}, async (queue) => {
        right(await queue.put(letter({ id: 'put' }))())
        console.log(right(await queue.count()()))
      })`
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', script], {
      cwd: repository,
      env: { NODE_OPTIONS: `--import ${typescript}` }
    })
    assert.equal([stdout, stderr], ['1\n', ''])
  })
)

threads('are started again when they end, and nothing that was answered is lost', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const { code, told, errors } = await program('mortal', file).ended()
    assert.equal([code, errors], [0, ''])
    const stored = told
      .filter((line) => line.endsWith(' stored'))
      .map((line) => line.slice(0, -' stored'.length))
    const ids = lettersIn(file)
    assert.equal(
      stored.filter((id) => !ids.has(id)),
      []
    )
    for (const id of ['first', 'after exit', 'after throw']) assert.ok(stored.includes(id), id)
    const ended = told.filter((line) => line.includes(': the thread of the queue '))
    assert.ok(ended.some((line) => line.startsWith('exit') && line.endsWith('the thread of the queue ended')))
    assert.ok(ended.some((line) => line.startsWith('throw') && line.endsWith('failed: out of memory')))
    assert.is(told.length, stored.length + ended.length + 2)
  })
)

threads.run()
