import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rejected } from '../../lib/core/failure.js'
import type { LetterState, StoredLetter } from '../../lib/core/letter.js'
import { rowOf } from '../../lib/dlq/row.js'
import { queue as kind } from '../../lib/dlq/sqlite-file.js'
import { hostOf } from '../../lib/dlq/sqlite-host.js'
import { type SqliteDlq, type SqliteDlqOptions, sqliteDlq } from '../../lib/dlq/sqlite.js'
import type { LetterFilter } from '../../lib/ports/letters.js'
import { Resource } from '../../lib/ports/resource.js'
import type { Connect } from '../../lib/sqlite/driver.js'
import { openFile } from '../../lib/sqlite/file.js'
import { placeOf } from '../../lib/sqlite/place.js'
import { systemClock } from '../../lib/system.js'
import { until } from '../support/deadline.js'
import { inFolder, letter } from '../support/letters.js'
import { start } from '../support/sqlite-children.js'
import { commitsIn, lettersIn, opened, refusal, right, using } from '../support/sqlite-queues.js'

const lettersOf = async (queue: SqliteDlq): Promise<readonly StoredLetter[]> =>
  right(await queue.page({ limit: 1_000 })()).letters

const storing = suite('sqliteDlq')

storing('gives back the whole letter, its bytes unchanged', () =>
  inFolder((folder) =>
    using(join(folder, 'a.db'), async (queue) => {
      right(await queue.put(letter())())
      const [stored] = await lettersOf(queue)
      const { key, state, fingerprint, firstSeenAt, lastSeenAt, times, attemptCount, events, ...put } =
        stored as StoredLetter
      assert.equal(put, letter())
      assert.equal([state, times, attemptCount, events], ['dead', 1, 1, []])
      assert.match(`${key} ${fingerprint}`, /^[0-9a-f]{40} [0-9a-f]{12}$/)
      assert.ok(firstSeenAt === lastSeenAt && Math.abs(Date.now() - firstSeenAt) < 60_000)
    })
  )
)

storing(
  'takes the headers of what is settled away in time, and what was edited, also without a payload',
  () =>
    inFolder(async (folder) => {
      const file = join(folder, 'a.db')
      const keeping = { retention: { keepSettledMs: 3_600_000 } }
      await using(
        file,
        async (queue) => {
          right(await queue.put(letter({ id: '1', bytes: new Uint8Array() }))())
          right(await queue.put(letter({ id: '2', headers: {} }))())
          const [, second] = await lettersOf(queue)
          assert.ok(second)
          const to = new Uint8Array()
          right(await queue.edit({ ...second, from: second.bytes, to, by: 'ann' })())
          right(await queue.discard({ filter: {}, by: 'ann', note: '' })())
          assert.is(right(await queue.prune()()).emptied, 0)
        },
        keeping
      )
      const later = Date.now() + 7_200_000
      await using(
        file,
        async (queue) => {
          assert.is(right(await queue.prune()()).emptied, 2)
          assert.equal(
            (await lettersOf(queue)).map(({ headers, original }) => [headers, original]),
            [
              [{}, undefined],
              [{}, undefined]
            ]
          )
          assert.is(right(await queue.prune()()).emptied, 0)
        },
        { clock: { ...systemClock, now: () => later } }
      )
    })
)

storing('ends one thread after the other, as of two that close at once neither tidies the log away', () =>
  inFolder(async (folder) => {
    const told: string[] = []
    const onWorker = (worker: Worker): void => {
      const name = `thread ${worker.threadId}`
      const send = worker.postMessage.bind(worker)
      worker.postMessage = (asked: { readonly name: string }, transfer: readonly ArrayBuffer[] = []) => {
        if (asked.name === 'close') told.push(`${name} is to close`)
        send(asked, transfer)
      }
      worker.on('exit', () => told.push(`${name} has ended`))
    }
    process.on('worker', onWorker)
    await using(join(folder, 'a.db'), async (queue) => {
      right(await queue.put(letter())())
      assert.is(right(await queue.count()()), 1)
    })
    process.off('worker', onWorker)
    const [reader] = told[0]?.split(' is') ?? []
    const [writer] = told[2]?.split(' is') ?? []
    assert.equal(told, [
      `${reader} is to close`,
      `${reader} has ended`,
      `${writer} is to close`,
      `${writer} has ended`
    ])
    assert.equal(readdirSync(folder), ['a.db'])
  })
)

storing('finds the same letters in the same order, whether they lie near or far', () =>
  inFolder((folder) =>
    using(join(folder, 'a.db'), async (queue) => {
      const ids = Array.from({ length: 1_500 }, (_, index) => String(index))
      const sourceOf = (id: string) =>
        Number(id) % 40 === 7 ? 'rare' : Number(id) > 1_100 ? 'late' : 'often'
      await Promise.all(ids.map(async (id) => right(await queue.put(letter({ id, source: sourceOf(id) }))())))
      const all = right(await queue.page({ limit: 2_000 })()).letters
      for (const source of ['rare', 'late', 'often', 'none'])
        for (const order of ['oldest', 'newest'] as const) {
          const found: string[] = []
          for (let after: string | undefined, isLast = false; !isLast;) {
            const page = right(await queue.page({ filter: { source }, order, limit: 30, after })())
            found.push(...page.letters.map(({ id }) => id))
            after = page.next
            isLast = after === undefined
          }
          const wanted = all.filter((each) => each.source === source).map(({ id }) => id)
          assert.equal(found, order === 'newest' ? wanted.toReversed() : wanted, `${source} ${order}`)
        }
    })
  )
)

storing('forgets kinds of failure that no letter is of any more', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const kinds = () => {
      const database = new Database(file, { readonly: true })
      const sources = database.prepare('SELECT source FROM kinds ORDER BY source').pluck().all()
      database.close()
      return sources
    }
    await using(file, async (queue) => {
      for (const id of ['1', '2', '3']) right(await queue.put(letter({ id, source: `source ${id}` }))())
      right(await queue.discard({ filter: { id: '2' }, by: 'ann', note: '' })())
      assert.is(right(await queue.prune({ maxLetters: 1 })()).dead, 1)
      assert.equal(kinds(), ['source 2', 'source 3'])
      right(await queue.put(letter({ id: '1', source: 'source 1' }))())
      assert.is((await lettersOf(queue)).length, 3)
      assert.equal(kinds(), ['source 1', 'source 2', 'source 3'])
    })
  })
)

storing('keeps a letter without route, empty bytes and an id like any text', () =>
  inFolder((folder) =>
    using(join(folder, 'a.db'), async (queue) => {
      const odd = letter({
        route: undefined,
        bytes: new Uint8Array(),
        id: "'; DROP TABLE letters; --\u0000é"
      })
      right(await queue.put(odd)())
      const [stored] = await lettersOf(queue)
      assert.equal([stored?.route, stored?.bytes, stored?.id], [undefined, new Uint8Array(), odd.id])
    })
  )
)

storing('keeps bytes that are a part of others', () =>
  inFolder((folder) =>
    using(join(folder, 'a.db'), async (queue) => {
      const all = Buffer.from('Hello, all of you')
      await Promise.all([
        queue.put(letter({ id: 'one', bytes: all.subarray(0, 5) }))(),
        queue.put(letter({ id: 'two', bytes: all.subarray(7, 10) }))()
      ])
      const stored = await lettersOf(queue)
      assert.equal(
        stored.map(({ id, bytes }) => [id, Buffer.from(bytes).toString()]),
        [
          ['one', 'Hello'],
          ['two', 'all']
        ]
      )
      assert.is(all.toString(), 'Hello, all of you')
    })
  )
)

storing('keeps one letter for each source, id and bytes, with the last failure and the number of times', () =>
  inFolder((folder) =>
    using(join(folder, 'a.db'), async (queue) => {
      const late = {
        failure: rejected('late'),
        attempts: [{ startedAt: 9, durationMs: 1, failure: rejected('late') }]
      }
      right(await queue.put(letter())())
      right(await queue.put(letter(late))())
      right(await queue.put(letter({ bytes: Uint8Array.from([1]) }))())
      assert.equal(
        (await lettersOf(queue)).map(({ bytes, failure, times }) => [bytes.length, failure._tag, times]),
        [
          [5, 'Rejected', 2],
          [1, 'Malformed', 1]
        ]
      )
    })
  )
)

storing('finds its letters again when it is opened anew', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    await using(file, async (queue) => right(await queue.put(letter())()))
    await using(file, async (queue) =>
      assert.equal(
        (await lettersOf(queue)).map(({ id }) => id),
        ['1']
      )
    )
  })
)

storing('stores in the file that a link leads to, which is there already or not', () =>
  inFolder(async (folder) => {
    const [link, file] = [join(folder, 'link.db'), join(folder, 'disk', 'a.db')]
    mkdirSync(join(folder, 'disk'))
    symlinkSync(file, link)
    for (const id of ['1', '2'])
      await using(link, async (queue) => {
        right(await queue.put(letter({ id }))())
        right(await queue.count()())
      })
    assert.equal([...lettersIn(file).keys()], ['1', '2'])
  })
)

storing('has committed to its log when it answers, where every connection finds it', () =>
  inFolder((folder) => {
    const file = join(folder, 'a.db')
    return using(file, async (queue) => {
      right(await queue.put(letter())())
      const before = commitsIn(file)
      right(await queue.put(letter({ id: '2' }))())
      assert.is(commitsIn(file), before + 1)
      const reader = new Database(file, { readonly: true })
      assert.equal(reader.prepare('SELECT id FROM letters').pluck().all(), ['1', '2'])
      assert.is(reader.pragma('journal_mode', { simple: true }), 'wal')
      reader.close()
    })
  })
)

storing('reads synchronous as FULL on its own connection after a write, also to a file made before', () =>
  inFolder(async (folder) => {
    const location = join(folder, 'a.db')
    const connections: Database.Database[] = []
    const watched: Connect = (path, options) => {
      const database = new Database(path, options)
      connections.push(database)
      return database
    }
    await using(location, async () => undefined)
    for (const id of ['1', '2']) {
      const host = hostOf(watched, { location, patienceMs: 0 })
      right(await host.call('put', [[rowOf(letter({ id }), 1, () => true)]]))
      assert.is(connections.at(-1)?.pragma('synchronous', { simple: true }), 2)
      assert.is(connections.at(-1)?.pragma('journal_mode', { simple: true }), 'wal')
      await host.close()
    }
    assert.is(connections.length, 2)
  })
)

storing('makes a file that its owner alone can read, and all that lies beside it', () =>
  inFolder((folder) => {
    const file = join(folder, 'a.db')
    return using(file, async (queue) => {
      right(await queue.put(letter())())
      for (const suffix of ['', '-wal', '-shm'])
        assert.is(statSync(file + suffix).mode & 0o777, 0o600, suffix)
    })
  })
)

storing('keeps credentials only if it is told to', () =>
  inFolder(async (folder) => {
    const headers = { authorization: 'Bearer x', tenant: 'a', kind: 'b' }
    const storedBy = (name: string, options: Parameters<typeof sqliteDlq>[1]) =>
      using(
        join(folder, name),
        async (queue) => {
          right(await queue.put(letter({ headers }))())
          return (await lettersOf(queue))[0]?.headers
        },
        options
      )
    assert.equal(await storedBy('a.db', {}), { authorization: '[not stored]', tenant: 'a', kind: 'b' })
    assert.ok(!readFileSync(join(folder, 'a.db')).includes('Bearer x'))
    assert.equal(await storedBy('b.db', { isStoredHeader: () => true }), headers)
    const isStoredHeader = (name: string, isHarmless: boolean) => isHarmless && name !== 'tenant'
    const fewer = { authorization: '[not stored]', tenant: '[not stored]', kind: 'b' }
    assert.equal(await storedBy('c.db', { isStoredHeader }), fewer)
  })
)

storing('answers Left for all that is asked once it is closed', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const { queue, close } = await opened(file)
    right(await queue.put(letter())())
    await close()
    const answers = [await queue.put(letter({ id: '2' }))(), await queue.count()(), await queue.page()()]
    assert.equal(
      answers.map((answer) => answer._tag === 'Left' && answer.left.reason),
      answers.map(() => `${file}: the queue is closed`)
    )
    assert.not(existsSync(`${file}-wal`), 'its log is taken into the file')
  })
)

storing('finds and discards the letters of a filter, however many values it has', () =>
  inFolder((folder) =>
    using(join(folder, 'a.db'), async (queue) => {
      for (const id of ['1', '2', 'a\0b']) right(await queue.put(letter({ id }))())
      right(await queue.put(letter({ id: '3', route: undefined }))())
      const [first, second] = await lettersOf(queue)
      const many = Array.from({ length: 40_000 }, (_, index) => index.toString(16).padStart(40, '0'))
      const keys = [...many, first?.key.toUpperCase() ?? '', second?.key.slice(0, 20) ?? '']
      const count = async (filter: LetterFilter) => right(await queue.count(filter)())
      assert.is(await count({ id: [...many, '1', '3', 'a\0b'] }), 3)
      assert.is(await count({ key: keys }), 2)
      assert.is(await count({ route: [...many, null] }), 1)
      assert.is(await count({ headers: { tenant: [...many, 'a'] } }), 4)
      assert.is(right(await queue.discard({ filter: { key: keys }, by: 'ann', note: 'old' })()), 2)
      assert.is(await count({ state: ['dead', 'replaying'] }), 2)
    })
  )
)

storing('discards very many letters in parts, and lets others store and be discarded later meanwhile', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    await using(file, async (ours) => {
      const all = 25_000
      const puts = Array.from({ length: all }, (_, index) => ours.put(letter({ id: String(index) }))())
      for (const put of await Promise.all(puts)) right(put)
      await using(file, async (theirs) => {
        const count = async (state: LetterState) => right(await theirs.count({ state })())
        const discarding = ours.discard({ filter: {}, by: 'ann', note: 'old' })()
        await until('some to be discarded', async () => (await count('discarded')) > 0)
        assert.ok((await count('dead')) > 0, 'the rest is still to be discarded')
        right(await theirs.put(letter({ id: 'new' }))())
        assert.is(right(await discarding), all)
        assert.equal([await count('discarded'), await count('dead')], [all, 1])
      })
    })
  })
)

storing('keeps what its owner wants to be kept, whoever else resolves and discards', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const openedWith = async (options: SqliteDlqOptions, use: (queue: SqliteDlq) => Promise<void>) => {
      const used = await Resource.use((queue: SqliteDlq) => () => use(queue))(sqliteDlq(file, options))()
      assert.is(used._tag, 'Right')
    }
    await openedWith({ retention: { keepSettledMs: 86_400_000 } }, async (queue) => {
      for (const id of ['1', '2']) right(await queue.put(letter({ id }))())
    })
    await openedWith({ create: false }, async (queue) => {
      right(await queue.discard({ filter: { id: '1' }, by: 'me', note: '' })())
      right(await queue.resolve(letter({ id: '2' }))())
      right(await queue.prune()())
      const { letters } = right(await queue.page()())
      assert.equal(
        letters.map(({ id, state, bytes }) => [id, state, bytes.length]),
        [
          ['1', 'discarded', 5],
          ['2', 'resolved', 5]
        ]
      )
    })
  })
)

storing.run()

const refusing = suite('sqliteDlq refuses')

refusing('options that make no sense, before it is opened', () => {
  const wrong: readonly (readonly [SqliteDlqOptions, string])[] = [
    [{ patienceMs: -1 }, 'sqliteDlq: patienceMs is -1; give a number of at least 0'],
    [{ patienceMs: NaN }, 'sqliteDlq: patienceMs is NaN; give a number of at least 0'],
    ...(['keepSettledMs', 'keepTombstonesMs', 'maxAgeMs', 'maxLetters', 'maxBytes'] as const).map(
      (name) =>
        [
          { retention: { [name]: NaN } },
          `sqliteDlq: retention.${name} is NaN; give a number of at least 0`
        ] as const
    )
  ]
  for (const [options, message] of wrong)
    assert.throws(
      () => sqliteDlq('letters.db', options),
      (error: unknown) => error instanceof RangeError && error.message === message,
      message
    )
})

refusing('a folder that is missing', () =>
  inFolder(async (folder) => {
    assert.is(
      await refusal(sqliteDlq(join(folder, 'missing', 'a.db'))),
      `the folder ${join(folder, 'missing')} does not exist; create it, or give another path`
    )
  })
)

refusing('a file that is missing, if it may not make it', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    assert.is(
      await refusal(sqliteDlq(file, { create: false })),
      `${file} does not exist; give the path of a queue`
    )
    assert.not(existsSync(file))
  })
)

refusing('a path that ends with white space, as one that was read from a file', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db\n')
    assert.is(
      await refusal(sqliteDlq(file)),
      `${JSON.stringify(file)} ends with white space; give another path`
    )
    assert.equal(readdirSync(folder), [])
  })
)

refusing('a folder', () =>
  inFolder(async (folder) => {
    mkdirSync(join(folder, 'a.db'))
    assert.is(
      await refusal(sqliteDlq(join(folder, 'a.db'))),
      `${join(folder, 'a.db')} is no file; give another path`
    )
  })
)

refusing('a file that is no database, and leaves it as it is', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const text = 'my diary, of more than a few bytes\n'.repeat(100)
    writeFileSync(file, text)
    assert.match(await refusal(sqliteDlq(file)), 'it is no SQLite database: give another path')
    assert.is(readFileSync(file, 'utf8'), text)
  })
)

refusing('a database that is somebody else’s, and writes nothing to it', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const other = new Database(file)
    other.exec('CREATE TABLE customers (id)')
    other.close()
    const before = readFileSync(file)
    assert.match(await refusal(sqliteDlq(file)), 'is not a dead letter queue')
    assert.equal(readFileSync(file), before)
  })
)

refusing('a file that a newer version wrote, and leaves it as it is', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    await using(file, async (queue) => right(await queue.put(letter())()))
    const database = new Database(file)
    database.pragma('user_version = 99')
    database.close()
    assert.match(await refusal(sqliteDlq(file)), 'a newer missive-ts wrote it (schema 99')
    const after = new Database(file)
    assert.is(after.pragma('user_version', { simple: true }), 99)
    after.close()
  })
)

refusing('a file whose header is damaged', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    await using(file, async (queue) => right(await queue.put(letter())()))
    const descriptor = openSync(file, 'r+')
    writeSync(descriptor, Buffer.alloc(100, 1), 0, 100, 0)
    closeSync(descriptor)
    assert.match(
      await refusal(sqliteDlq(file)),
      'it is no SQLite database: give another path, or move that file away'
    )
  })
)

/** What `open-as-nobody.ts` prints. */
const asNobody = async (...parts: readonly string[]): Promise<readonly string[]> => {
  if (process.getuid?.() !== 0)
    throw new Error('run this as root, which alone can become somebody without rights')
  const { code, told, errors } = await start('open-as-nobody.ts', parts).ended()
  assert.is(code, 0, errors)
  return told
}

refusing('a file that it may not write', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    await using(file, async () => undefined)
    chmodSync(folder, 0o755)
    chmodSync(file, 0o444)
    const [said = ''] = await asNobody(file)
    assert.match(said, `${file}: `)
    assert.match(said, 'give this user the right to write the file and its folder')
  })
)

refusing('a file that it may only read, and leaves nothing beside it that would lock out its owner', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    await using(file, async () => undefined)
    chmodSync(folder, 0o777)
    chmodSync(file, 0o644)
    const [said = ''] = await asNobody(file)
    assert.match(said, 'give this user the right to write the file and its folder')
    assert.equal(readdirSync(folder), ['a.db'])
  })
)

refusing('a file in a folder that it may not enter, and does not say that it is missing', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    await using(file, async () => undefined)
    for (const path of [file, join(folder, 'orders', 'a.db')]) {
      const [said = ''] = await asNobody(path)
      assert.match(said, 'give this user the right to write the file and its folder')
    }
  })
)

refusing('a letter while its file may not be written, and stores it when it may again', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    chownSync(folder, 65_534, 65_534)
    const [said, refused = '', stored] = await asNobody(file, 'once')
    assert.equal([said, stored], ['opened', 'stored'])
    assert.match(refused, 'give this user the right to write the file and its folder')
    await using(file, async (queue) => assert.is(right(await queue.count()()), 1))
  })
)

refusing('an SQLite that can lose commits', () =>
  inFolder(async (folder) => {
    const withVersion =
      (version: string): Connect =>
      (path, options) => {
        const database = new Database(path, options)
        database.function('sqlite_version', () => version)
        return database
      }
    const openedBy = (version: string) =>
      openFile(kind, withVersion(version), join(folder, 'a.db'), { create: true, busyMs: 0 })
    for (const version of ['3.51.2', '3.50.9', '2.99.99']) {
      const opened = openedBy(version)
      assert.ok(opened._tag === 'Left', version)
      assert.match(
        opened.left.reason,
        `SQLite ${version} can lose commits; install a better-sqlite3 that brings`
      )
    }
    for (const version of ['3.51.3', '3.52.0', '4.0.0']) {
      const opened = openedBy(version)
      assert.ok(opened._tag === 'Right', version)
      opened.right.close()
    }
  })
)

refusing.run()

const places = suite('the place of a queue')

places('is refused on a network file system, and warned about where it passes away', () => {
  const on = (type: number) => placeOf(kind, '/letters/a.db', () => type)
  const networks = {
    0x6969: 'NFS',
    0xff534d42: 'CIFS',
    0xfe534d42: 'SMB2',
    0x517b: 'SMB',
    0x00c36400: 'Ceph'
  }
  for (const [type, name] of Object.entries(networks)) {
    const said = `/letters is on a network file system (${name}), on which SQLite loses data; keep the queue on a local disk`
    assert.equal(on(Number(type)), { no: said }, name)
    // What Node gives for a type whose first bit is set depends on the machine.
    assert.equal(on(Number(type) | 0), { no: said }, name)
  }
  const passings = { 0x01021994: 'tmpfs', 0x858458f6: 'ramfs', 0x794c7630: 'overlay' }
  for (const [type, name] of Object.entries(passings)) {
    const { no, warning = '' } = on(Number(type))
    assert.is(no, undefined)
    assert.match(
      warning,
      new RegExp(`^/letters is on ${name}, .*: letters there are gone with it; keep the queue on`)
    )
  }
  const [ext4, xfs, btrfs] = [0xef53, 0x58465342, 0x9123683e]
  for (const type of [ext4, xfs, btrfs]) assert.equal(on(type), {})
})

places('is warned about once when it is in memory', async () => {
  const folder = mkdtempSync('/dev/shm/missive-ts-')
  try {
    const { code, told, errors } = await start('put-letters.ts', [
      join(folder, 'a.db'),
      'm',
      '1',
      '2'
    ]).ended()
    assert.equal([code, told], [0, ['m0', 'm1']], errors)
    const warnings = errors.match(/Warning: sqliteDlq: .*/g)
    assert.equal(warnings, [
      `Warning: sqliteDlq: ${folder} is on tmpfs, in memory: letters there are gone with it; keep the queue on a volume that stays`
    ])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

places.run()
