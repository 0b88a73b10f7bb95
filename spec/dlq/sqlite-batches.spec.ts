import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Either } from 'fp-ts/lib/Either.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { DlqError } from '../../lib/core/letter.js'
import { left, right as answered } from '../../lib/core/result.js'
import { type Row, rowOf } from '../../lib/dlq/row.js'
import { batches } from '../../lib/dlq/sqlite-batches.js'
import type { Connect } from '../../lib/sqlite/driver.js'
import { hostOf } from '../../lib/dlq/sqlite-host.js'
import { systemClock } from '../../lib/system.js'
import { turn, virtualClock } from '../support/clock.js'
import { inFolder, letter } from '../support/letters.js'
import { commitsIn, lettersIn, reasonOf, right, using } from '../support/sqlite-queues.js'

const row = (id: string, bytes: Uint8Array = Uint8Array.from([1])): Row =>
  rowOf(letter({ id, bytes }), 1, () => true)

type Stored = Either<DlqError, readonly (string | undefined)[]>

/** Transactions that end when the spec says so, on a clock that stands still. */
const watched = () => {
  const clock = virtualClock()
  const transactions: {
    readonly ids: readonly string[]
    readonly end: (stored?: Stored) => Promise<void>
  }[] = []
  const put = batches(
    'a.db',
    (rows) =>
      new Promise((resolve) => {
        transactions.push({
          ids: rows.map(({ id }) => id),
          end: async (stored = answered(rows.map(() => undefined))) => {
            resolve(stored)
            await turn()
          }
        })
      }),
    clock
  )
  const answers = new Map<string, Either<DlqError, void>>()
  return {
    clock,
    transactions,
    put: (...rows: readonly Row[]): void => {
      for (const each of rows) void put(each).then((answer) => answers.set(each.id, answer))
    },
    answers: () => [...answers].map(([id, { _tag }]) => `${id} ${_tag}`),
    reason: (id: string) => reasonOf(answers.get(id) ?? answered(undefined)),
    last: () => {
      const transaction = transactions.at(-1)
      if (transaction === undefined) throw new Error('nothing was stored')
      return transaction
    }
  }
}

const named = (prefix: string, count: number): readonly Row[] =>
  Array.from({ length: count }, (_, index) => row(`${prefix}${index}`))

const grouping = suite('batches')

grouping('stores one that is put alone without waiting for others', async () => {
  const { clock, put, transactions, answers, last } = watched()
  put(row('a'))
  await clock.advance(0)
  assert.equal(
    transactions.map(({ ids }) => ids),
    [['a']]
  )
  assert.equal(answers(), [])
  await last().end()
  assert.equal(answers(), ['a Right'])
})

grouping('stores together what is put in one turn of the event loop', async () => {
  const { clock, put, transactions } = watched()
  put(row('a'), row('b'))
  await Promise.resolve()
  put(row('c'))
  await clock.advance(0)
  assert.equal(
    transactions.map(({ ids }) => ids),
    [['a', 'b', 'c']]
  )
})

grouping(
  'stores together what is put while a transaction is under way, and answers each after its own',
  async () => {
    const { clock, put, transactions, answers, last } = watched()
    put(row('a'))
    await clock.advance(0)
    put(row('b'))
    await clock.advance(60_000)
    put(row('c'), row('d'))
    await clock.advance(60_000)
    assert.is(transactions.length, 1)
    await last().end()
    assert.equal(answers(), ['a Right'])
    await clock.advance(0)
    assert.equal(last().ids, ['b', 'c', 'd'])
    assert.equal(answers(), ['a Right'])
    await last().end()
    assert.equal(answers(), ['a Right', 'b Right', 'c Right', 'd Right'])
  }
)

grouping('puts 256 into a transaction and no more, in the order in which they came', async () => {
  const { clock, put, transactions, last } = watched()
  const rows = named('', 600)
  put(...rows)
  for (let stored = 0; stored < 3; stored += 1) {
    await clock.advance(10)
    await last().end()
  }
  assert.equal(
    transactions.map(({ ids }) => ids.length),
    [256, 256, 88]
  )
  assert.equal(
    transactions.flatMap(({ ids }) => ids),
    rows.map(({ id }) => id)
  )
})

grouping('puts 8 MiB into a transaction and no more, but for one that is larger alone', async () => {
  const { clock, put, transactions, last } = watched()
  const large = new Uint8Array(9 * 1_048_576)
  const half = new Uint8Array(4 * 1_048_576)
  put(row('a'), row('b', large), row('c', half), row('d', half), row('e'), row('f', large))
  for (let stored = 0; stored < 5; stored += 1) {
    await clock.advance(10)
    await last().end()
  }
  assert.equal(
    transactions.map(({ ids }) => ids.join('')),
    ['a', 'b', 'cd', 'e', 'f']
  )
})

grouping('hands over the next while one is stored, if the disk is quick, and never a third', async () => {
  const { clock, put, transactions, answers, last } = watched()
  put(row('first'))
  await clock.advance(0)
  await last().end()
  put(...named('a', 40), ...named('b', 40), ...named('c', 40))
  await clock.advance(60_000)
  assert.equal(
    transactions.map(({ ids }) => ids.length),
    [1, 32, 32]
  )
  assert.equal(answers(), ['first Right'])
  for (const { end } of transactions.slice(0, 3)) await end()
  await clock.advance(0)
  await last().end()
  assert.equal(
    transactions.map(({ ids }) => ids.length),
    [1, 32, 32, 56]
  )
  const ids = ['first', ...['a', 'b', 'c'].flatMap((name) => named(name, 40).map(({ id }) => id))]
  assert.equal(
    transactions.flatMap((transaction) => transaction.ids),
    ids
  )
  assert.equal(
    answers(),
    ids.map((id) => `${id} Right`)
  )
})

grouping('hands over nothing while one is stored, if the disk is slow', async () => {
  const { clock, put, transactions, last } = watched()
  put(row('first'))
  await clock.advance(0)
  await clock.advance(50)
  await last().end()
  put(...named('a', 40))
  await clock.advance(0)
  put(...named('b', 400))
  await clock.advance(60_000)
  assert.is(transactions.length, 2)
})

grouping('answers Left to all whose transaction failed, and to nobody else', async () => {
  const { clock, put, answers, reason, last } = watched()
  put(row('a'), row('b'))
  await clock.advance(0)
  put(row('c'))
  await last().end(left({ reason: 'the disk is full' }))
  await clock.advance(0)
  await last().end()
  assert.equal(answers(), ['a Left', 'b Left', 'c Right'])
  assert.equal([reason('a'), reason('b')], ['the disk is full', 'the disk is full'])
})

grouping('answers Left to one that is refused alone, and names the queue', async () => {
  const { clock, put, answers, reason, last } = watched()
  put(row('a'), row('b'), row('c'))
  await clock.advance(0)
  await last().end(answered([undefined, 'too large', undefined]))
  assert.equal(answers(), ['a Right', 'b Left', 'c Right'])
  assert.is(reason('b'), 'a.db: too large')
})

grouping.run()

const committing = suite('group commit')

committing('stores a thousand letters that are put at once in four transactions', () =>
  inFolder((folder) => {
    const file = join(folder, 'a.db')
    return using(file, async (queue) => {
      right(await queue.put(letter())())
      const before = commitsIn(file)
      const ids = Array.from({ length: 1_000 }, (_, index) => `p${index}`)
      const reader = new Database(file, { readonly: true })
      const isThere = reader.prepare('SELECT count(*) FROM letters WHERE id = ?').pluck()
      const committed = await Promise.all(
        ids.map(async (id) => {
          right(await queue.put(letter({ id }))())
          return isThere.get(id)
        })
      )
      reader.close()
      assert.is(commitsIn(file) - before, 4)
      assert.equal(new Set(committed), new Set([1]), 'each is there when it is answered')
    })
  })
)

committing('begins a transaction for many, and commits it before it answers any of them', () =>
  inFolder(async (folder) => {
    const location = join(folder, 'a.db')
    await using(location, async () => undefined)
    const log: string[] = []
    const watching: Connect = (path, options) =>
      new Database(path, {
        ...options,
        verbose: (sql) => {
          const [said = ''] = /^(?:BEGIN|COMMIT|ROLLBACK)/.exec(String(sql)) ?? []
          if (said !== '') log.push(said)
        }
      })
    const host = hostOf(watching, { location, patienceMs: 0 })
    right(await host.call('count', [{}, 1]))
    log.length = 0
    const put = batches(location, (rows) => host.call('put', [rows]), systemClock)
    await Promise.all(
      named('a', 64).map(async (each) => {
        right(await put(each))
        log.push('answered')
      })
    )
    await host.close()
    assert.equal(log, ['BEGIN', 'COMMIT', ...Array.from({ length: 64 }, () => 'answered')])
  })
)

/** Makes SQLite itself refuse a letter: a value in it would be larger than it allows. */
const refusingTheLarge = (file: string): void => {
  const database = new Database(file)
  database.exec(`
    CREATE TRIGGER large BEFORE INSERT ON letters WHEN NEW.id LIKE 'large%'
    BEGIN SELECT length(zeroblob(3000000000)); END`)
  database.close()
}

committing('refuses a letter that is too large alone, and stores those that are put with it', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    await using(file, async () => undefined)
    refusingTheLarge(file)
    await using(file, async (queue) => {
      right(await queue.put(letter())())
      const before = commitsIn(file)
      const ids = ['a', 'large 1', 'b', 'large 2', 'c']
      const answers = await Promise.all(ids.map((id) => queue.put(letter({ id }))()))
      assert.equal(
        answers.map((answer) => (answer._tag === 'Right' ? 'stored' : answer.left.reason)),
        ['stored', `${file}: string or blob too big`, 'stored', `${file}: string or blob too big`, 'stored']
      )
      assert.is(commitsIn(file) - before, 1)
    })
    assert.equal([...lettersIn(file).keys()], ['1', 'a', 'b', 'c'])
  })
)

committing('answers all who put at the same time as one whose bytes are taken away meanwhile', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const unhandled: unknown[] = []
    let note: (error: unknown) => void = () => undefined
    const failing = new Promise<readonly []>((resolve) => {
      note = (error) => {
        unhandled.push(error)
        resolve([])
      }
    })
    process.on('unhandledRejection', note)
    try {
      await using(file, async (queue) => {
        const taken = Uint8Array.from([1, 2, 3])
        const ids = ['a', 'taken', 'b']
        const putting = ids.map((id) => queue.put(letter({ id, ...(id === 'taken' && { bytes: taken }) }))())
        structuredClone(taken, { transfer: [taken.buffer] })
        const answers = await Promise.race([Promise.all(putting), failing])
        assert.equal(unhandled, [])
        right(await queue.put(letter({ id: 'later' }))())
        const stored = right(await queue.page()()).letters
        assert.equal(
          stored.map(({ id }) => id),
          [...ids.filter((_, index) => answers[index]?._tag === 'Right'), 'later']
        )
        const kept = stored.find(({ id }) => id === 'taken')
        assert.equal(kept?.bytes ?? Uint8Array.from([1, 2, 3]), Uint8Array.from([1, 2, 3]))
      })
    } finally {
      process.off('unhandledRejection', note)
    }
  })
)

committing.run()
