import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inFolder } from '../support/letters.js'
import { start } from '../support/sqlite-children.js'
import { bodyOf, lettersIn, missingFrom, right, using } from '../support/sqlite-queues.js'

const killed = suite('sqliteDlq whose process is killed')

/** The ids that were told as stored; all lines are such, or this fails. */
const storedOf = (told: readonly string[]): readonly string[] => {
  assert.equal(
    told.filter((line) => !/^\S+$/.test(line)),
    []
  )
  return told
}

killed('loses nothing that it answered, however often it is killed while many put', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'a.db')
    const all: string[] = []
    for (let round = 0; round < 10; round += 1) {
      const child = start('put-letters.ts', [file, `${round}-`, '64'])
      const enough = Math.ceil(Math.random() * 3_000)
      await child.until(`${enough} letters`, (told) => told.length >= enough)
      child.process.kill('SIGKILL')
      const told = storedOf((await child.ended()).told)
      assert.ok(told.length >= enough)
      all.push(...told)
      // Looking at the file takes its log into it, which the next round is to find as the kill has left it.
      if (round % 2 === 1)
        assert.equal(missingFrom(file, all), [], `killed after ${enough} in round ${round}`)
    }
    const found = lettersIn(file)
    assert.ok([...found].every(([id, body]) => body === bodyOf(id)))
    assert.ok(found.size - all.length <= 10 * 64, 'what is there and was not told was under way')
    await using(file, async (queue) => assert.is(right(await queue.count()()), found.size))
  })
)

killed('stores all that two processes put at the same time, while nobody is refused', () =>
  inFolder(async (folder) => {
    // So many that both are still at it when the one that a busy machine begins later begins.
    const each = 10_000
    const file = join(folder, 'a.db')
    const children = ['a', 'b'].map((name) =>
      start('put-letters.ts', [file, name, '32', String(each), 'waiting'])
    )
    await Promise.all(children.map((child) => child.until('it is ready', (told) => told.includes('ready'))))
    for (const child of children) child.process.stdin?.end()
    const ended = await Promise.all(children.map((child) => child.ended()))
    const ids = ['a', 'b'].map((name) => Array.from({ length: each }, (_, number) => `${name}${number}`))
    for (const [index, { code, told, errors }] of ended.entries()) {
      assert.equal([code, errors], [0, ''])
      assert.equal(storedOf(told.slice(1)).toSorted(), ids[index]?.toSorted())
    }
    assert.equal(missingFrom(file, ids.flat()), [])
    assert.is(lettersIn(file).size, 2 * each)
    const database = new Database(file, { readonly: true })
    const order = database.prepare('SELECT substr(id, 1, 1) FROM letters ORDER BY seq').pluck().all()
    database.close()
    const changes = order.filter((name, index) => name !== order[index - 1]).length
    assert.ok(changes > 2, 'they did put at the same time')
  })
)

killed('leaves in the queue what failed and nothing else, when a whole run is killed again and again', () =>
  inFolder(async (folder) => {
    const [queue, journal] = [join(folder, 'a.db'), join(folder, 'settled')]
    const count = 50_000
    const settled = (): ReadonlyMap<string, string> =>
      new Map(
        readFileSync(journal, 'utf8')
          .split('\n')
          .slice(0, -1)
          .map((line) => line.split(' ') as [string, string])
      )
    for (let round = 0; round < 3; round += 1) {
      const child = start('sqlite-settle.ts', [queue, journal, String(count)])
      const enough = 5_000 * round + 500 + Math.ceil(Math.random() * 4_000)
      await child.until(`${enough} are settled`, (told) => Number(told.at(-1) ?? 0) >= enough)
      child.process.kill('SIGKILL')
      await child.ended()
      const deadLettered = [...settled()].flatMap(([id, tag]) => (tag === 'DeadLettered' ? [id] : []))
      assert.ok(deadLettered.length > 0 && settled().size < count)
      assert.equal(missingFrom(queue, deadLettered), [], `killed after ${enough}`)
    }
    const { code, errors } = await start('sqlite-settle.ts', [queue, journal, String(count)]).ended()
    assert.equal([code, errors], [0, ''])
    const numbers = Array.from({ length: count }, (_, number) => number)
    assert.equal(
      settled(),
      new Map(numbers.map((number) => [`${number}`, number % 2 === 0 ? 'Acked' : 'DeadLettered']))
    )
    const odd = numbers.filter((number) => number % 2 === 1).map(String)
    assert.equal([...lettersIn(queue).keys()].toSorted(), odd.toSorted())
    assert.equal(missingFrom(queue, odd), [])
  })
)

killed.run()
