import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rejected } from '../../lib/core/failure.js'
import type { StoredLetter } from '../../lib/core/letter.js'
import {
  type Put,
  app,
  at,
  bytes,
  called,
  dlq,
  lettersOf,
  lineOf,
  madeQueue,
  orders,
  shell,
  using
} from '../support/cli-command.js'
import { inEmptyFolder } from '../support/program.js'
import { killAll, shell as shellChild } from '../support/run-main-child.js'

const through = ['--through', app] as const

const totals = (count: number): readonly Put[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `o-${index + 1}`,
    bytes: bytes({ type: 'order', total: index + 1 }),
    route: 'order',
    failure: rejected('late')
  }))

const inQueue = (
  puts: readonly Put[],
  use: (cwd: string, letters: readonly StoredLetter[], queue: string) => Promise<void>
) =>
  inEmptyFolder(async (cwd) => {
    const queue = join(cwd, 'shop.db')
    await use(cwd, await madeQueue(queue, puts), queue)
  })

const statesOf = async (queue: string): Promise<readonly string[]> =>
  (await lettersOf(queue)).map(({ id, state }) => `${id} ${state}`)

const replay = suite('missive dlq replay')

replay.after(killAll)

replay('gives letters to the processor, which is opened once, and tells what became of them', () =>
  inQueue(orders, async (cwd, _, queue) => {
    const log = join(cwd, 'log')
    const env = { APP_LOG: log, APP_LATE: '4' }
    const first = await dlq({ cwd, env }, 'replay', 'shop.db', ...through, '--by', 'ada')
    assert.equal([first.code, first.stderr], [1, ''])
    assert.match(first.stdout, /^0 resolved, 5 still dead\n\n *COUNT +FAILURE +ROUTE /)
    assert.match(first.stdout, / +2 +Malformed +order .* \.total expected number\n/)
    assert.match(first.stdout, / +1 +Rejected +order .* late\n/)
    assert.is(readFileSync(log, 'utf8'), 'opened\no-4\nclosed\n')
    const after = await lettersOf(queue)
    assert.equal(
      after.map(({ attemptCount }) => attemptCount),
      [2, 2, 2, 4, 2]
    )
    assert.equal(
      after.flatMap(({ events }) => events.map(({ by, what }) => `${what} by ${by}`)),
      Array.from({ length: 5 }, () => 'replayed by ada')
    )

    const second = await dlq({ cwd }, 'replay', 'shop.db', ...through, '--json', '--tag', 'Rejected')
    assert.is(second.code, 0)
    assert.equal(JSON.parse(second.stdout), {
      resolved: 1,
      stillDead: 0,
      givenBack: 0,
      lost: 0,
      untold: 0,
      elsewhere: 0,
      ended: 'Drained',
      groups: []
    })
    assert.is((await statesOf(queue))[3], 'o-4 resolved')
    const none = await called(cwd, 'replay', 'shop.db', ...through, '--id', 'o-4')
    assert.equal(none, { code: 0, stdout: 'no letters to replay\n', stderr: '' })
  })
)

replay('only says what it would do in a dry run', () =>
  inQueue(orders, async (cwd, before, queue) => {
    const log = join(cwd, 'log')
    const rehearsed = await dlq({ cwd, env: { APP_LOG: log } }, 'replay', 'shop.db', ...through, '--dry-run')
    assert.is(rehearsed.code, 1)
    assert.match(rehearsed.stdout, '1 of 5 would be taken by order\n')
    assert.is(readFileSync(log, 'utf8'), 'opened\nclosed\n')
    assert.equal(await lettersOf(queue), before)
    const key = before[3]?.key ?? ''
    const one = await called(cwd, 'replay', 'shop.db', key.slice(0, 12), ...through, '--dry-run')
    assert.equal(one, { code: 0, stdout: '1 of 1 would be taken by order\n', stderr: '' })
  })
)

replay('says so where less was found than was named', () =>
  inQueue(totals(3), async (cwd, letters, queue) => {
    const keys = letters.slice(0, 2).map(({ key }) => key)
    const missing =
      '2 letters named: the others are not what the filters mean, or changed meanwhile; look at them again\n'
    const on = (...parts: readonly string[]) =>
      called(cwd, 'replay', 'shop.db', ...keys, ...through, ...parts)
    assert.equal(await on('--id', 'o-1', '--dry-run'), {
      code: 1,
      stdout: '1 of 1 would be taken by order\n',
      stderr: missing
    })
    const tag = await on('--tag', 'Defect')
    assert.equal(tag, { code: 1, stdout: 'no letters to replay\n', stderr: missing })
    const one = await on('--id', 'o-1')
    assert.equal(one, { code: 1, stdout: '1 resolved, 0 still dead\n', stderr: missing })
    const limited = await called(cwd, 'replay', 'shop.db', keys[1] ?? '', ...through, '--limit', '1')
    assert.equal([limited.code, limited.stderr], [0, ''])
    assert.equal(await statesOf(queue), ['o-1 resolved', 'o-2 resolved', 'o-3 dead'])
  })
)

replay('takes as many letters as it is told, from the end that it is told', () =>
  inQueue(totals(6), async (cwd, letters, queue) => {
    const key = letters[2]?.key ?? ''
    const runs: readonly (readonly [text: RegExp, ...options: readonly string[]])[] = [
      [/^1 resolved, 0 still dead\n$/, key],
      [/^2 resolved, 0 still dead\n$/, '--newest', '--limit', '2'],
      [/^1 resolved, 0 still dead\n$/, '--limit', '1', '--concurrency', '3', '--rate', '100']
    ]
    for (const [text, ...options] of runs) {
      const ended = await called(cwd, 'replay', 'shop.db', ...through, ...options)
      assert.equal([ended.code, ended.stderr], [0, ''])
      assert.match(ended.stdout, text)
    }
    assert.equal(await statesOf(queue), [
      'o-1 resolved',
      'o-2 dead',
      'o-3 resolved',
      'o-4 dead',
      'o-5 resolved',
      'o-6 resolved'
    ])
    const again = await called(cwd, 'replay', 'shop.db', key.slice(0, 12), ...through)
    assert.equal(again, { code: 1, stdout: '', stderr: `missive: ${key.slice(0, 10)} is resolved\n` })
    for (const wrong of [
      ['--rate', '0'],
      ['--concurrency', 'x'],
      ['--stop-after', '0'],
      ['--limit', '-1']
    ]) {
      const refused = await called(cwd, 'replay', 'shop.db', ...through, ...wrong)
      assert.equal([refused.code, refused.stdout], [2, ''], wrong.join(' '))
    }
  })
)

replay('stops after so many failures', () =>
  inQueue(
    totals(5).map((put) => ({ ...put, bytes: bytes({ type: 'order', total: 'ten' }), id: put.id ?? '' })),
    async (cwd, _, queue) => {
      const ended = await called(cwd, 'replay', 'shop.db', ...through, '--stop-after', '2', '--json')
      const { resolved, stillDead, ended: how } = JSON.parse(ended.stdout) as Record<string, unknown>
      assert.equal([ended.code, resolved, stillDead, how], [1, 0, 2, 'Stopped'])
      assert.match(ended.stderr, /^stopped at o-2: malformed: \.total expected number$/m)
      assert.equal(
        (await lettersOf(queue)).map(({ attemptCount, state }) => `${attemptCount} ${state}`),
        ['2 dead', '2 dead', '1 dead', '1 dead', '1 dead']
      )
    }
  )
)

replay('leaves to others what they replay, so that no letter is run twice', () =>
  inQueue(totals(300), async (cwd, _, queue) => {
    const log = join(cwd, 'log')
    const given = { cwd, env: { APP_LOG: log } }
    const both = await Promise.all(
      [1, 2].map(() =>
        dlq(given, 'replay', 'shop.db', ...through, '--json', '--concurrency', '4', '--rate', '400')
      )
    )
    const results = both.map(({ stdout }) => JSON.parse(stdout) as { readonly resolved: number })
    assert.is(
      results.reduce((sum, { resolved }) => sum + resolved, 0),
      300
    )
    const ran = readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('o-'))
    assert.equal([ran.length, new Set(ran).size], [300, 300])
    assert.ok((await lettersOf(queue)).every(({ state }) => state === 'resolved'))
  })
)

replay('says what somebody else replays', () =>
  inQueue(totals(2), async (cwd, letters, queue) => {
    await using(queue, (store) => store.claim({ owner: 'bob', leaseMs: 60_000, filter: { id: 'o-1' } })())
    const rest = await called(cwd, 'replay', 'shop.db', ...through)
    assert.equal(rest, {
      code: 1,
      stdout: '1 resolved, 0 still dead\n1 letter more: somebody else replays them\n',
      stderr: ''
    })
    const named = await called(cwd, 'replay', 'shop.db', letters[0]?.key ?? '', ...through)
    assert.is(named.code, 1)
    assert.match(named.stderr, /^missive: [0-9a-f]{10} is being replayed by bob until \S+Z\n$/)
  })
)

replay('finishes what runs when it is told to stop, and gives the rest back', () =>
  inQueue(totals(4), async (_, __, queue) => {
    const env = `TSX_TSCONFIG_PATH=tsconfig.json APP_HANG=2`
    const child = shellChild(`export ${env}; exec ${lineOf('replay', queue, ...through)}`)
    await child.until('stdout', 'started o-2')
    child.process.kill('SIGINT')
    await child.until('stderr', 'stopping: 1 in flight; once more stops at once')
    child.process.kill('SIGUSR2')
    const { code, stdout } = await child.ended
    assert.is(code, 1)
    assert.match(stdout, /^2 resolved, 0 still dead, 2 given back\nstopped before the end\n$/m)
    assert.equal(await statesOf(queue), ['o-1 resolved', 'o-2 resolved', 'o-3 dead', 'o-4 dead'])
    const rest = (await lettersOf(queue)).slice(2)
    assert.equal(
      rest.map(({ attemptCount, lease }) => [attemptCount, lease]),
      [
        [1, undefined],
        [1, undefined]
      ]
    )
  })
)

replay('stops at once when it is told twice', () =>
  inQueue(totals(2), async (_, __, queue) => {
    const child = shellChild(`export APP_HANG=1; exec ${lineOf('replay', queue, ...through)}`)
    await child.until('stdout', 'started o-1')
    child.process.kill('SIGTERM')
    await child.until('stderr', 'stopping: 1 in flight')
    child.process.kill('SIGTERM')
    assert.is((await child.ended).code, 1)
    assert.is((await statesOf(queue))[0], 'o-1 replaying')
  })
)

replay.run()

const edit = suite('missive dlq edit')

edit('replaces the bytes of a letter and keeps its own', () =>
  inQueue(orders, async (cwd, letters, queue) => {
    const { key, bytes: original } = at(letters, 0)
    const second = at(letters, 1)
    const to = '{"type":"order","total":10}'
    const line = `${lineOf('show', 'shop.db', key, '--payload')} | sed 's/"ten"/10/' | ${lineOf('edit', 'shop.db', key, '--file', '-', ...through, '--by', 'ada', '--note', 'as the sender says')}`
    const piped = await shell({ cwd }, line)
    assert.equal(piped, { code: 0, stdout: `${key.slice(0, 10)} edited; its original is kept\n`, stderr: '' })
    writeFileSync(join(cwd, 'order.json'), to)
    const filed = await called(cwd, 'edit', 'shop.db', second.key, '--file', 'order.json', '--json')
    assert.equal(filed, { code: 0, stdout: `{"key":"${second.key}","edited":true}\n`, stderr: '' })

    const [one, two] = await lettersOf(queue)
    assert.is(Buffer.from(one?.bytes ?? []).toString(), '{"type":"order","total":10,"customer":{"id":17}}')
    assert.equal([one?.original, one?.state], [original, 'dead'])
    assert.equal(
      one?.events.map(({ by, what, note }) => [by, what, note]),
      [['ada', 'edited', 'as the sender says']]
    )
    assert.is(Buffer.from(two?.bytes ?? []).toString(), to)

    const same = await called(cwd, 'edit', 'shop.db', second.key, '--file', 'order.json')
    assert.equal(same, { code: 0, stdout: 'the bytes are the same; nothing was edited\n', stderr: '' })
    assert.is((await lettersOf(queue))[1]?.events.length, 1)
  })
)

edit('saves nothing that the processor would refuse, unless it is told to', () =>
  inQueue(orders, async (cwd, letters, queue) => {
    const key = letters[3]?.key ?? ''
    writeFileSync(join(cwd, 'order.json'), '{"type":"order","total":"four"}')
    const edited = (...options: readonly string[]) =>
      called(cwd, 'edit', 'shop.db', key, '--file', 'order.json', ...through, ...options)
    const refused = await edited()
    assert.equal([refused.code, refused.stdout], [1, ''])
    assert.match(
      refused.stderr,
      'nothing was edited, as it would be refused by order: malformed: .total expected number; --force'
    )
    assert.equal((await lettersOf(queue))[3], letters[3])
    assert.is((await edited('--force')).code, 0)
    assert.equal((await lettersOf(queue))[3]?.original, letters[3]?.bytes)
  })
)

edit('says what it lacks, and edits no letter that is not dead', () =>
  inQueue(totals(1), async (cwd, [letter], queue) => {
    const key = letter?.key ?? ''
    const [untyped, unread] = [
      await dlq({ cwd, env: { EDITOR: 'true' } }, 'edit', 'shop.db', key),
      await called(cwd, 'edit', 'shop.db', key, '--file', 'missing.json')
    ]
    assert.equal([untyped.code, untyped.stdout, unread.code, unread.stdout], [2, '', 2, ''])
    assert.match(untyped.stderr, 'there is no terminal to edit on; give the new payload by --file')
    assert.match(unread.stderr, 'missing.json cannot be read')
    await using(queue, (store) => store.claim({ owner: 'bob', leaseMs: 60_000 })())
    writeFileSync(join(cwd, 'order.json'), '{}')
    const busy = await called(cwd, 'edit', 'shop.db', key, '--file', 'order.json')
    assert.is(busy.code, 1)
    assert.match(busy.stderr, 'is being replayed by bob')
    assert.equal((await lettersOf(queue))[0]?.original, undefined)
  })
)

edit.run()

const discard = suite('missive dlq discard')

discard('discards what is said, and shows it before', () =>
  inQueue(orders, async (cwd, letters, queue) => {
    const key = letters[4]?.key.slice(0, 10) ?? ''
    const [one, two] = [
      await dlq(
        { cwd },
        'discard',
        'shop.db',
        '--tag',
        'Malformed',
        '--note',
        'a test',
        '--by',
        'ada',
        '--yes'
      ),
      await called(cwd, 'discard', 'shop.db', key, '--note', 'odd', '--yes', '--json')
    ]
    assert.equal([one.code, one.stdout], [0, '2 letters discarded\n'])
    assert.match(one.stderr, / *COUNT .*\n +2 +Malformed +order .*\.total expected number\n$/)
    assert.equal([two.code, two.stdout], [0, '{"discarded":1}\n'])
    const after = await lettersOf(queue)
    assert.equal(
      after.map(({ state, bytes: { length } }) => `${state} ${length > 0}`),
      ['discarded false', 'discarded false', 'dead true', 'dead true', 'discarded false']
    )
    assert.equal(
      after[0]?.events.map(({ by, what, note }) => [by, what, note]),
      [['ada', 'discarded', 'a test']]
    )
    const again = await called(cwd, 'discard', 'shop.db', key, '--note', 'odd', '--yes')
    assert.equal(again, { code: 1, stdout: '', stderr: `missive: ${key} is discarded\n` })
    const none = await called(cwd, 'discard', 'shop.db', '--tag', 'Malformed', '--note', 'a test')
    assert.equal(none, { code: 0, stdout: '0 letters discarded\n', stderr: '' })
    const all = await called(cwd, 'discard', 'shop.db', '--all', '--note', 'the end', '--yes')
    assert.is(all.stdout, '2 letters discarded\n')
  })
)

discard('discards nothing that came after it was asked', () =>
  inQueue(orders, async (cwd, _, queue) => {
    const database = new Database(queue)
    database.prepare('UPDATE letters SET lastSeenAt = ? WHERE id = ?').run(Date.now() + 60_000, 'o-4')
    database.close()
    const ended = await called(cwd, 'discard', 'shop.db', '--all', '--note', 'the end', '--yes')
    assert.is(ended.stdout, '4 letters discarded\n')
    assert.is((await statesOf(queue))[3], 'o-4 dead')
  })
)

discard('discards a letter that is named though the clock of who stored it is ahead', () =>
  inQueue([...orders, { id: 'ahead', age: -3_600_000 }], async (cwd, letters) => {
    const named = (...parts: readonly string[]) =>
      called(cwd, 'discard', 'shop.db', ...parts, '--note', 'odd', '--yes')
    const keys = [5, 3].map((index) => at(letters, index).key)
    const some = await named(...keys, '--id', 'o-4', '--id', 'o-2')
    assert.equal([some.code, some.stdout], [1, '1 letter discarded\n'])
    assert.match(
      some.stderr,
      '2 letters named: the others are not what the filters mean, or changed meanwhile'
    )
    const ended = await named(at(letters, 5).key)
    assert.equal([ended.code, ended.stdout], [0, '1 letter discarded\n'])
  })
)

discard('tells of letters that it leaves as the clock of who stored them is ahead', () =>
  inQueue([...orders, { id: 'ahead', age: -3_600_000 }], async (cwd, letters, queue) => {
    const discarding = (...parts: readonly string[]) =>
      called(cwd, 'discard', 'shop.db', ...parts, '--note', 'odd', '--yes')
    const until = await discarding('--id', 'ahead', '--until', '1min')
    assert.equal(until, { code: 0, stdout: '0 letters discarded\n', stderr: '' })
    const all = await discarding('--all')
    assert.equal([all.code, all.stdout], [1, '5 letters discarded\n'])
    assert.match(all.stderr, '1 letter more: the clock of who stored them is ahead; name them by their keys')
    assert.is((await statesOf(queue))[5], 'ahead dead')
    assert.is((await discarding(at(letters, 5).key)).code, 0)
    assert.equal(await discarding('--all'), { code: 0, stdout: '0 letters discarded\n', stderr: '' })
  })
)

discard('asks for what it must know', () =>
  inQueue(orders, async (cwd, before, queue) => {
    const expected: readonly (readonly [text: string, ...options: readonly string[]])[] = [
      ['give keys or filters, or --all to discard every dead letter', '--note', 'x', '--yes'],
      ['--note', '--all', '--yes'],
      [
        'this would discard 5 letters, and there is no terminal to ask on: give --yes',
        '--note',
        'x',
        '--all'
      ],
      ['this would discard 1 letter, and', '--note', 'x', '--id', 'o-1']
    ]
    for (const [text, ...options] of expected) {
      const ended = await dlq({ cwd }, 'discard', 'shop.db', ...options)
      assert.equal([ended.code, ended.stdout], [2, ''], text)
      assert.match(ended.stderr, text)
    }
    assert.equal(await lettersOf(queue), before)
  })
)

discard.run()

const prune = suite('missive dlq prune')

const dayMs = 86_400_000

prune('removes old traces of settled letters without asking, and nothing else', () =>
  inQueue(totals(4), async (cwd, _, queue) => {
    await using(queue, (store) => store.discard({ filter: { id: ['o-1', 'o-2'] }, by: 'me', note: '' })())
    const database = new Database(queue)
    database
      .prepare('UPDATE letters SET lastSeenAt = ? WHERE id IN (?, ?)')
      .run(Date.now() - 8 * dayMs, 'o-1', 'o-3')
    database.close()
    const ended = await dlq({ cwd }, 'prune', 'shop.db')
    assert.equal(ended, { code: 0, stdout: 'removed 0 letters and what was left of 1 letter\n', stderr: '' })
    assert.equal(await statesOf(queue), ['o-2 discarded', 'o-3 dead', 'o-4 dead'])
    const rest = await called(cwd, 'prune', 'shop.db', '--tombstones-older-than', '0s', '--json')
    assert.equal([rest.code, JSON.parse(rest.stdout)], [0, { dead: 0, tombstones: 1, emptied: 0 }])
  })
)

prune('removes dead letters by age, number and size, when it may', () =>
  inQueue(
    totals(8).map((put, index) => ({ ...put, age: (10 - index) * dayMs, bytes: new Uint8Array(1_000) })),
    async (cwd, before, queue) => {
      const asked: readonly (readonly [text: string, ...options: readonly string[]])[] = [
        ['remove 2 of 8 dead letters, and there is no terminal', '--older-than', '205h'],
        ['remove 3 of 8 dead letters, and', '--older-than', '205h', '--max-letters', '5'],
        ['the oldest dead letters until all payloads are 5000 bytes, and', '--max-bytes', '5kB']
      ]
      for (const [text, ...options] of asked) {
        const ended = await called(cwd, 'prune', 'shop.db', ...options)
        assert.equal([ended.code, ended.stdout], [2, ''], text)
        assert.match(ended.stderr, text)
      }
      assert.equal(await lettersOf(queue), before)
      const removed = async (...options: readonly string[]): Promise<unknown> =>
        (
          JSON.parse((await called(cwd, 'prune', 'shop.db', '--json', ...options)).stdout) as {
            readonly dead: number
          }
        ).dead
      assert.is(await removed('--older-than', '30d', '--max-letters', '100'), 0)
      assert.is(await removed('--older-than', '205h', '--yes'), 2)
      assert.is(await removed('--max-letters', '5', '--yes'), 1)
      assert.is(await removed('--max-bytes', '3.5kB', '--yes'), 2)
      assert.equal(await statesOf(queue), ['o-6 dead', 'o-7 dead', 'o-8 dead'])
      for (const wrong of [
        ['--older-than', '30'],
        ['--max-bytes', 'much'],
        ['--max-letters', 'x']
      ])
        assert.is((await called(cwd, 'prune', 'shop.db', ...wrong)).code, 2, wrong.join(' '))
    }
  )
)

prune.run()

const outcome = suite('a queue that fails')

outcome('is told by its reason, without a stack', () =>
  inQueue(orders, async (cwd, _, queue) => {
    const database = new Database(queue)
    database.exec("UPDATE letters SET headers = '{\"Odd\u001b' WHERE id = 'o-3'")
    database.close()
    for (const command of ['ls', 'export']) {
      const ended = await called(cwd, command, 'shop.db')
      assert.is(ended.code, 1, command)
      assert.match(ended.stderr, /^missive: letter [0-9a-f]{40}: its headers cannot be read: [^\n]+\n$/)
    }
  })
)

outcome.run()
