import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { StoredLetter } from '../../lib/core/letter.js'
import { noMatch } from '../../lib/core/failure.js'
import { right } from '../../lib/core/result.js'
import { letterFromJson } from '../../lib/dlq/letter-json.js'
import {
  act,
  app,
  assertHarmless,
  at,
  bytes,
  called,
  copied,
  dlq,
  hostile,
  lettersOf,
  lineOf,
  madeQueue,
  missive,
  orders,
  shell,
  using
} from '../support/cli-command.js'
import { letter } from '../support/letters.js'
import { inEmptyFolder, repository } from '../support/program.js'
import { killAll, shell as shellChild } from '../support/run-main-child.js'

const inShop = (use: (folder: string, letters: readonly StoredLetter[]) => Promise<void>) =>
  inEmptyFolder(async (folder) => use(folder, await madeQueue(join(folder, 'shop.db'), orders)))

const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '')

const idsIn = (text: string): readonly string[] =>
  linesOf(text).map((line) => (JSON.parse(line) as StoredLetter).id)

/** A letter as it was exported; beside it stand its times, readable. */
const letterIn = (line: string): unknown => {
  const { firstSeen, lastSeen, ...letter } = JSON.parse(line) as Record<string, unknown>
  assert.ok([firstSeen, lastSeen].every((time) => new Date(String(time)).toISOString() === time))
  return letterFromJson(JSON.stringify(letter))
}

/** Tables by their cells. */
const cellsOf = (text: string): readonly (readonly string[])[] =>
  linesOf(text).map((line) => line.split(/ {2,}/))

const ls = suite('missive dlq ls')

ls('lists the letters that are left, those that arrived last first, page by page', () =>
  inShop(async (cwd, letters) => {
    const [table, newest, oldest] = await Promise.all([
      dlq({ cwd }, 'ls', 'shop.db'),
      dlq({ cwd }, 'ls', 'shop.db', '-n', '2', '--json'),
      dlq({ cwd }, 'ls', 'shop.db', '--oldest', '-n', '4')
    ])
    const keyOf = (index: number): string => letters[index]?.key.slice(0, 10) ?? ''
    assert.equal([table.code, table.stderr], [0, ''])
    assert.equal(
      cellsOf(table.stdout).map((cells) => cells.join('|')),
      [
        'KEY|ID|FAILURE|ROUTE|TRIES|LAST SEEN|WHY',
        `${keyOf(4)}|o-5|Defect|1|just now|defect in the hook: TypeError: no such customer: 17`,
        `${keyOf(3)}|o-4|Rejected|order|3|1 min ago|rejected: late {"total":4}`,
        `${keyOf(2)}|o-3|NoMatch|1|1 h ago|no route matches (order: .type is "refund", not "order")`,
        `${keyOf(1)}|o-2|Malformed|order|1|2 days ago|malformed: .total expected number`,
        `${keyOf(0)}|o-1|Malformed|order|1|3 days ago|malformed: .total expected number`
      ]
    )
    assert.equal(idsIn(newest.stdout), ['o-5', 'o-4'])
    assert.equal(letterIn(linesOf(newest.stdout)[0] ?? ''), right(letters[4]))
    const { lastSeen } = JSON.parse(linesOf(newest.stdout)[1] ?? '') as { readonly lastSeen: string }
    assert.is(lastSeen, new Date(letters[3]?.lastSeenAt ?? 0).toISOString())

    const { next } = JSON.parse(newest.stderr) as { readonly next: string }
    const second = await called(cwd, 'ls', 'shop.db', '-n', '2', '--json', '--after', next)
    assert.equal(idsIn(second.stdout), ['o-3', 'o-2'])
    const [, after = ''] = /^more: --after (\S+)\n$/.exec(oldest.stderr) ?? []
    const last = await called(cwd, 'ls', 'shop.db', '--oldest', '--after', after)
    assert.equal(cellsOf(last.stdout).length, 2)
    assert.match(last.stdout, 'o-5')
    assert.is(last.stderr, '')
  })
)

ls('lists as many as were asked for where a page has fewer, as letters are large', () =>
  inEmptyFolder(async (cwd) => {
    const large = new Uint8Array(17 * 1_048_576).fill(97)
    await madeQueue(join(cwd, 'large.db'), [
      letter({ id: 'small' }),
      letter({ id: 'large', bytes: large }),
      letter({ id: 'last' })
    ])
    const table = await called(cwd, 'ls', 'large.db')
    assert.equal(
      cellsOf(table.stdout).map(([, id]) => id),
      ['ID', 'last', 'large', 'small']
    )
    assert.is(table.stderr, '')
    const some = await called(cwd, 'ls', 'large.db', '--oldest', '-n', '2')
    assert.equal(cellsOf(some.stdout).length, 3)
    assert.match(some.stderr, /^more: --after /)
  })
)

ls('shows settled letters when they are asked for', () =>
  inShop(async (cwd) => {
    await using(join(cwd, 'shop.db'), (store) =>
      store.discard({ filter: { id: 'o-1' }, by: 'me', note: 'enough' })()
    )
    const found = async (...states: readonly string[]): Promise<readonly string[]> =>
      idsIn(
        (await called(cwd, 'ls', 'shop.db', '--json', ...states.flatMap((state) => ['--state', state])))
          .stdout
      )
    assert.is((await found()).length, 4)
    assert.equal(await found('discarded'), ['o-1'])
    assert.is((await found('any')).length, 5)
    assert.is((await found('dead', 'discarded')).length, 5)
    assert.equal(await found('resolved'), [])
    const { stdout } = await called(cwd, 'ls', 'shop.db', '--state', 'any')
    assert.equal([/STATE/.test(stdout), /o-1 +discarded/.test(stdout)], [true, true])
    const none = await called(cwd, 'ls', 'shop.db', '--state', 'resolved')
    assert.equal(none, { code: 0, stdout: '', stderr: 'no letters\n' })
  })
)

ls.run()

const filters = suite('the filters')

filters('mean letters by all that is said of them', () =>
  inShop(async (cwd, letters) => {
    const found = async (...options: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await called(cwd, 'ls', 'shop.db', '--oldest', '--json', ...options)
      assert.equal([code, stderr], [0, ''], options.join(' '))
      return idsIn(stdout)
        .map((id) => id.slice(2))
        .join('')
    }
    const group = letters[0]?.fingerprint ?? ''
    const day = (index: number): string => new Date(letters[index]?.lastSeenAt ?? 0).toISOString()
    const expected: readonly (readonly [found: string, ...options: readonly string[]])[] = [
      ['12', '--tag', 'malformed'],
      ['124', '--tag', 'Malformed', '--tag', 'Rejected'],
      ['124', '--route', 'order'],
      ['35', '--unrouted'],
      ['12345', '--unrouted', '--route', 'order'],
      ['3', '--source', 'other'],
      ['15', '--id', 'o-1', '--id', 'o-5'],
      ['12', '--group', group],
      ['12', '--group', group.slice(0, 6).toUpperCase()],
      ['45', '--since', '15min'],
      ['345', '--since', '2h'],
      ['123', '--until', '30m'],
      ['2', '--since', '60h', '--until', '36h'],
      ['2345', '--since', day(1)],
      ['1', '--until', day(1)],
      ['12345', '--since', day(0).slice(0, 10)],
      ['12345', '--since', day(0).slice(0, 16)],
      ['4', '--min-attempts', '2'],
      ['1235', '--max-attempts', '2'],
      ['2', '--header', 'TENANT=b'],
      ['12345', '--header', 'tenant=a', '--header', 'tenant=b'],
      ['12', '--field', 'customer.id=17'],
      ['2', '--field', 'customer.id="17"'],
      ['124', '--field', 'customer.id=17', '--field', 'customer.id=18'],
      ['1', '--field', '.total=ten'],
      ['', '--field', 'total=ten', '--tag', 'Rejected'],
      ['4', '--field', 'type=order', '--field', 'total=4']
    ]
    for (const [ids, ...options] of expected) assert.is(await found(...options), ids, options.join(' '))
  })
)

filters('are refused where they make no sense, with what would', () =>
  inEmptyFolder(async (cwd) => {
    const refused: readonly (readonly [advice: RegExp, ...options: readonly string[]])[] = [
      [/one of NoMatch, /, '--tag', 'Broken'],
      [/4 to 12 hexadecimal digits/, '--group', ''],
      [/4 to 12 hexadecimal digits/, '--group', 'xyzw'],
      [/duration like 15min/, '--since', 'yesterday'],
      [/duration like 15min/, '--until', '2026-02-03T25:00'],
      [/duration like 15min/, '--until', '2026-02-30'],
      [/whole number/, '--min-attempts', '-1'],
      [/like name=value/, '--header', 'tenant'],
      [/like name=value/, '--field', '=1'],
      [/one of dead, /, '--state', 'lost'],
      [/at least 1/, '--limit', '0'],
      [/unknown option/, '--colour\u001b[31m']
    ]
    for (const [advice, ...options] of refused) {
      const ended = await called(cwd, 'ls', 'shop.db', ...options)
      assert.equal([ended.code, ended.stdout], [2, ''], options.join(' '))
      assert.match(ended.stderr, advice)
      assertHarmless(ended, options.join(' '))
    }
  })
)

filters.run()

const groups = suite('missive dlq groups')

groups('counts letters by kind, the largest group first', () =>
  inShop(async (cwd, letters) => {
    const [table, json] = await Promise.all([
      dlq({ cwd }, 'groups', 'shop.db'),
      dlq({ cwd }, 'groups', 'shop.db', '--json', '--route', 'order')
    ])
    const [titles = [], first = [], ...others] = cellsOf(table.stdout)
    assert.is(
      titles.join('|').trim().replace(/^\|/, ''),
      'COUNT|FAILURE|ROUTE|FIRST SEEN|LAST SEEN|GROUP|WHY'
    )
    const { fingerprint = '', firstSeenAt = 0 } = letters[0] ?? {}
    assert.equal(
      first.slice(-7),
      ['2', 'Malformed', 'order', '3 days ago', '2 days ago', fingerprint, '.total expected number'].slice(-7)
    )
    assert.is(others.length, 3)
    assert.equal([table.code, table.stderr, json.stderr], [0, '', ''])
    const found = linesOf(json.stdout).map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.is(found.length, 2)
    const { tag, route, message, count, firstSeen } = found[0] ?? {}
    assert.equal([tag, route, message, count], ['Malformed', 'order', '.total expected number', 2])
    assert.is(firstSeen, new Date(firstSeenAt).toISOString())
    const none = await called(cwd, 'groups', 'shop.db', '--id', 'o-9')
    assert.equal(none, { code: 0, stdout: '', stderr: 'no letters\n' })
    assert.is(linesOf((await called(cwd, 'groups', 'shop.db', '-n', '1', '--json')).stdout).length, 1)
  })
)

groups.run()

const show = suite('missive dlq show')

const nowThere = (value: string): RegExp =>
  new RegExp(`^What is there now\\n {2}\\.total {2}${value} {2}expected number$`, 'm')

show('shows all that is known of a letter', () =>
  inShop(async (cwd, letters) => {
    const queue = join(cwd, 'shop.db')
    const shown = async (index: number, ...options: readonly string[]) =>
      called(cwd, 'show', 'shop.db', letters[index]?.key ?? '', ...options)
    const from = letters[0]?.bytes ?? new Uint8Array()
    const to = Buffer.from('{"type":"order","total":12345678901234567890,"total":[],"e":{}}')
    const { key = '', id = '' } = letters[0] ?? {}
    await using(queue, async (store) => {
      await store.edit({ key, id, from, to, by: 'ada', note: 'the sender says so' })()
      await store.claim({ owner: 'bob@host', leaseMs: 60_000, filter: { id: 'o-4' } })()
    })

    const edited = await shown(0)
    assert.equal([edited.code, edited.stderr], [0, ''])
    const expected = [
      /^key +[0-9a-f]{40}$/m,
      /^state +dead$/m,
      /^first seen +\S+Z \(3 days ago\)$/m,
      /^Headers\n {2}tenant: a$/m,
      /^Events\n {2}\S+Z {2}edited by ada: the sender says so$/m,
      /^Payload, 63 B, as it was edited\n {2}\{\n {4}"type": "order",\n {4}"total": 12345678901234567890,\n {4}"total": \[\],\n {4}"e": \{\}\n {2}\}$/m,
      /^Payload, 51 B, as it arrived\n {2}\{\n {4}"type": "order",\n {4}"total": "ten",\n {4}"customer": \{\n {6}"id": 17\n {4}\}\n {2}\}$/m
    ]
    for (const pattern of expected) assert.match(edited.stdout, pattern)
    assert.match((await shown(1)).stdout, nowThere('"twelve"'))

    const leased = await shown(3)
    assert.match(leased.stdout, /^state +replaying$/m)
    assert.match(leased.stdout, /^leased to +bob@host until \S+Z$/m)
    assert.match(
      leased.stdout,
      /^Attempts\n(?: {2}2023-11-14T22:13:20\.00\dZ {2}\d ms {2}rejected: late \{"total":4\}\n){3}/m
    )
    assert.not.match(leased.stdout, 'What is there now')

    const raw = await shown(4)
    assert.match(raw.stdout, /^Failure\n {2}defect in the hook: TypeError: no such customer: 17\n {6}at /m)
    assert.match(raw.stdout, /^ {4}caused by Error: the disk$/m)
    assert.match(
      raw.stdout,
      /^ {2}00000030 {2}30 31 32 33 34 35 36 37 38 39 3a 3b 3c 3d 3e 3f {2}0123456789:;<=>\?$/m
    )
    assert.match(raw.stdout, /^ {2}000001f0 .*\n {2}… 88 bytes more; --full shows them\n$/m)
    const full = await shown(4, '--full')
    assert.match(full.stdout, /^ {2}00000250 {2}50 51 52 53 54 55 56 57 {26}PQRSTUVW\n$/m)

    const json = await shown(2, '--json')
    assert.is(linesOf(json.stdout).length, 1)
    assert.equal(letterIn(json.stdout), right(letters[2]))
  })
)

show('shows what is there where something is wrong as long as those are the bytes that failed', () =>
  inShop(async (cwd, letters) => {
    const { key = '', id = '', bytes: from = new Uint8Array() } = letters[0] ?? {}
    const shown = async (): Promise<string> => (await called(cwd, 'show', 'shop.db', key)).stdout
    assert.match(await shown(), nowThere('"ten"'))

    const to = bytes({ type: 'order', total: '10' })
    await using(join(cwd, 'shop.db'), async (store) => {
      await store.edit({ key, id, from, to, by: 'ada' })()
    })
    assert.not.match(await shown(), 'What is there now')
    await dlq({ cwd }, 'replay', 'shop.db', key, '--through', app)
    assert.match(await shown(), nowThere('"10"'))

    await using(join(cwd, 'shop.db'), async (store) => {
      const { id, key } = letters[0] as StoredLetter
      await store.edit({ key, id, from: to, to: bytes({ type: 'order', total: 10 }), by: 'ada' })()
    })
    assert.not.match(await shown(), 'What is there now')
    await dlq({ cwd }, 'replay', 'shop.db', key, '--through', app)
    assert.match(await shown(), /^state +resolved$/m)
    assert.not.match(await shown(), 'What is there now')
  })
)

show('writes the very bytes of a payload', () =>
  inShop(async (cwd, letters) => {
    const key = letters[4]?.key ?? ''
    const line = `${lineOf('show', 'shop.db', key, '--payload')} | od -An -v -tx1 | tr -d ' \\n'`
    const { code, stdout, stderr } = await shell({ cwd }, line)
    assert.equal([code, stderr], [0, ''])
    assert.is(stdout, Buffer.from(letters[4]?.bytes ?? []).toString('hex'))
  })
)

show.run()

const keys = suite('a key')

keys('may be any beginning that no other key has', () =>
  inEmptyFolder(async (cwd) => {
    const letters = await madeQueue(
      join(cwd, 'shop.db'),
      ['a', 'b'].map((id) => ({ id }))
    )
    const [one] = letters
    const { key = '' } = one ?? {}
    const found = await called(cwd, 'show', 'shop.db', key.slice(0, 4).toUpperCase(), '--json')
    assert.is((JSON.parse(found.stdout) as StoredLetter).key, key)
    // Keys that share six digits are too rare to be waited for.
    const twin = `${key.slice(0, 6)}${key.slice(6).replaceAll(/./g, (digit) => (digit === '0' ? '1' : '0'))}`
    const database = new Database(join(cwd, 'shop.db'))
    database.prepare('UPDATE letters SET key = ? WHERE id = ?').run(twin, letters[1]?.id)
    database.close()

    const ambiguous = await called(cwd, 'show', 'shop.db', key.slice(0, 5))
    assert.equal([ambiguous.code, ambiguous.stdout], [1, ''])
    assert.match(ambiguous.stderr, `${key.slice(0, 5)} is the beginning of several keys; give more digits:\n`)
    for (const each of [key, twin]) assert.match(ambiguous.stderr, `  ${each.slice(0, 10)}  `)
    assert.is((await called(cwd, 'show', 'shop.db', key.slice(0, 7))).code, 0)

    const unknown = await called(cwd, 'show', 'shop.db', key.startsWith('0000') ? '1111' : '0000')
    assert.equal([unknown.code, unknown.stdout], [1, ''])
    assert.match(unknown.stderr, /^missive: no letter has a key that begins with \d{4}\n$/)
    for (const wrong of ['abc', 'xyzw', '', `${key}0`]) {
      const refused = await called(cwd, 'show', 'shop.db', wrong)
      assert.equal([refused.code, refused.stdout], [2, ''], wrong)
      assert.match(refused.stderr, 'Give 4 to 40 hexadecimal digits')
    }
  })
)

keys.run()

const explain = suite('missive dlq explain')

explain('says what a processor would do, and runs no handler', () =>
  inShop(async (cwd, letters) => {
    const log = join(cwd, 'log')
    const given = { cwd, env: { APP_LOG: log } }
    const named = [3, 0].map((index) => letters[index]?.key ?? '')
    const through = ['--through', app]
    const [all, each, taken, json] = await Promise.all([
      dlq(given, 'explain', 'shop.db', ...through),
      dlq({ cwd }, 'explain', 'shop.db', ...named, ...through),
      dlq({ cwd }, 'explain', 'shop.db', '--id', 'o-4', '--json', ...through),
      dlq({ cwd }, 'explain', 'shop.db', ...named, ...through, '--json')
    ])
    assert.equal([all.code, all.stderr], [1, ''])
    assert.match(all.stdout, '1 of 5 would be taken by order\n')
    assert.match(all.stdout, /^2 of 5 would be refused by order: \.total expected number \([0-9a-f]{10}\)$/m)
    assert.is(readFileSync(log, 'utf8'), 'opened\nclosed\n')
    assert.is(each.code, 1)
    assert.equal(linesOf(each.stdout), [
      `${named[0]?.slice(0, 10)}  o-4  taken by order`,
      `${named[1]?.slice(0, 10)}  o-1  refused by order: malformed: .total expected number`
    ])
    assert.equal(
      [taken.code, JSON.parse(taken.stdout)],
      [0, { total: 1, taken: [{ route: 'order', count: 1 }], refused: [], opaque: 0 }]
    )
    const both = await called(cwd, 'explain', 'shop.db', named[0] ?? '', '--tag', 'Defect', ...through)
    assert.is(both.code, 2)
    assert.match(both.stderr, /give keys or filters, not both/)
    const found = JSON.parse(json.stdout) as { readonly letters: readonly Record<string, unknown>[] }
    assert.equal(
      found.letters.map(({ key, id }) => [key, id]),
      [3, 0].map((index) => [letters[index]?.key, letters[index]?.id])
    )
    assert.equal(found.letters[1]?.explanation, {
      _tag: 'Refused',
      route: 'order',
      failure: { _tag: 'Malformed', issues: [{ path: '.total', message: 'expected number' }] }
    })
  })
)

explain('says in few words what many routes say', () =>
  inEmptyFolder(async (cwd) => {
    const routes = ['.type is "c", not "a"', '.type is "c", not "b"', '.n is 1, not 2', 'isLate said no']
    const misses = routes.map((reason, index) => ({ route: `r${index}`, reason }))
    const [letter] = await madeQueue(join(cwd, 'shop.db'), [
      { route: undefined, failure: noMatch(misses), bytes: bytes({ type: 'c' }) }
    ])
    writeFileSync(
      join(cwd, 'app.mjs'),
      `const failure = ${JSON.stringify(noMatch(misses))}
      export default Object.assign(() => async () => ({ _tag: 'Acked' }), {
        description: { combinators: [], routes: [], select: () => ({ _tag: 'Passed', failure }) }
      })`
    )
    const through = ['--through', 'app.mjs'] as const
    const [groups, ls, json, one, all] = await Promise.all([
      called(cwd, 'groups', 'shop.db'),
      called(cwd, 'ls', 'shop.db'),
      called(cwd, 'groups', 'shop.db', '--json'),
      called(cwd, 'explain', 'shop.db', letter?.key ?? '', ...through),
      called(cwd, 'explain', 'shop.db', ...through)
    ])
    const few = '.type is "c", not "a" or "b"; .n is #, not #; isLate said no'
    const named = '(r0, r1: .type is "c", not "a" or "b"; r2: .n is 1, not 2; r3: isLate said no)'
    assert.match(groups.stdout, `no route matches: ${few}\n`)
    assert.match(all.stdout, `no route matches: ${few} (`)
    assert.match(ls.stdout, `no route matches ${named}\n`)
    assert.match(one.stdout, `refused: no route matches ${named}\n`)
    const { message } = JSON.parse(json.stdout) as { readonly message: string }
    assert.match(message, '.type is "c", not "a"; .type is "c", not "b"; ')
  })
)

explain.run()

const modules = suite('--through')

modules('takes what a module exports by default, and says what to do about any other', () =>
  inShop(async (cwd) => {
    const processor = `async () => ({ _tag: 'Acked' })`
    const sources: Readonly<Record<string, string>> = {
      'plain.mjs': `export default () => ${processor}`,
      'compiled.cjs': `exports.__esModule = true\nexports.default = () => ${processor}`,
      'none.mjs': 'export const app = 1',
      'number.mjs': 'export default 17',
      'list.mjs': 'export default []',
      'throws.mjs': `throw new RangeError('the port \\u001b[31m is taken')`,
      'lacks.mjs': `import 'not-installed'`,
      'typed.ts': `throw Object.assign(new Error('Unknown file extension ".ts"'), { code: 'ERR_UNKNOWN_FILE_EXTENSION' })`,
      'unopened.mjs': `export default { open: async () => ({ _tag: 'Left', left: { resource: 'orders', message: 'start the \\u001b[31m server' } }) }`
    }
    for (const [name, source] of Object.entries(sources)) writeFileSync(join(cwd, name), source)
    const expected: readonly (readonly [module: string, code: number, text: string])[] = [
      ['./plain.mjs', 0, '5 of 5 cannot be explained'],
      ['compiled.cjs', 0, '5 of 5 cannot be explained'],
      ['', 2, `${cwd} is no file; give the path of a module`],
      ['missing.mjs', 2, `${join(cwd, 'missing.mjs')} does not exist; give the path of a module`],
      ['none.mjs', 2, 'has no default export; end it with `export default`'],
      ['number.mjs', 2, 'is of type number; it must be a processor, or a resource of one'],
      ['list.mjs', 2, 'is an array; it must be a processor'],
      ['throws.mjs', 2, 'throws.mjs: RangeError: the port \\u001b[31m is taken'],
      ['lacks.mjs', 2, `lacks.mjs: Error: Cannot find package 'not-installed'`],
      ['typed.ts', 2, 'node --import tsx node_modules/.bin/missive'],
      ['unopened.mjs', 1, 'missive: orders: start the \\u001b[31m server\n']
    ]
    for (const [module, code, text] of expected) {
      const ended = await called(cwd, 'explain', 'shop.db', '--through', module)
      assert.is(ended.code, code, module)
      assert.match(code === 0 ? ended.stdout : ended.stderr, text)
      assertHarmless(ended, module)
      assert.not.match(ended.stderr, /node:internal|lib.cli/)
    }
    const without = await called(cwd, 'explain', 'shop.db')
    assert.equal([without.code, /required option '--through/.test(without.stderr)], [2, true])
  })
)

modules('runs nothing that the module would run by itself', () =>
  inShop(async (cwd) => {
    const ours = (name: string) => new URL(`../../lib/${name}.js`, import.meta.url).href
    const module = join(cwd, 'main.mjs')
    writeFileSync(
      module,
      `import { writeFileSync } from 'node:fs'
      import { ack, handle, message, otherwise, receive, text } from '${ours('index')}'
      import { consume, memory, runMain } from '${ours('node')}'
      const app = handle(otherwise(async () => (writeFileSync('handled', ''), ack)))(receive(text))
      export default app
      runMain(consume(memory([message('Hello')]), { onFailed: 'stop' }))(app)`
    )
    for (const name of ['explain', 'replay']) {
      const { code, stdout, stderr } = await dlq({ cwd }, name, 'shop.db', '--through', module)
      assert.equal([code, stdout], [2, ''])
      assert.match(
        stderr,
        `${module}: Error: call runMain in a file of its own: this one gives the processor`
      )
    }
    assert.not(existsSync(join(cwd, 'handled')))
    assert.equal(
      (await lettersOf(join(cwd, 'shop.db'))).map(({ state }) => state),
      orders.map(() => 'dead')
    )
  })
)

modules.run()

const stats = suite('missive dlq stats')

stats('counts letters by state and by hour', () =>
  inShop(async (cwd) => {
    await using(join(cwd, 'shop.db'), (store) =>
      store.discard({ filter: { id: ['o-1', 'o-5'] }, by: 'me', note: 'enough' })()
    )
    const [text, json] = await Promise.all([
      dlq({ cwd }, 'stats', 'shop.db'),
      dlq({ cwd }, 'stats', 'shop.db', '--json', '--tag', 'Rejected')
    ])
    assert.equal([text.code, text.stderr, json.code], [0, '', 0])
    const expected = [
      /^dead +3$/m,
      /^discarded +2$/m,
      /^groups +3$/m,
      /^oldest +\S+Z \(2 days ago\)$/m,
      /^newest +\S+Z \(1 min ago\)$/m,
      /^file +[\d.]+ kB$/m,
      /^arrivals +[·▁▂▃▄▅▆▇█]{24} the last 24 hours: 3$/m,
      /most in an hour: [12] at \S+Z$/m
    ]
    for (const pattern of expected) assert.match(text.stdout, pattern)
    const { states, groups, arrivals, fileBytes, oldest, newest } = JSON.parse(json.stdout) as {
      readonly [name: string]: unknown
      readonly arrivals: readonly { readonly count: number }[]
    }
    assert.equal([states, groups], [{ dead: 1, replaying: 0, resolved: 0, discarded: 0 }, 1])
    assert.equal(
      [arrivals.length, arrivals.reduce((sum, { count }) => sum + count, 0), oldest === newest],
      [24, 1, true]
    )
    assert.ok(Number(fileBytes) > 10_000)
  })
)

stats.run()

const tail = suite('missive dlq tail')

tail.after(killAll)

tail('shows the last letters and then those that come, until it is told to end', () =>
  inEmptyFolder(async (cwd) => {
    const queue = join(cwd, 'shop.db')
    await madeQueue(queue, orders)
    const text = shellChild(`exec ${lineOf('tail', queue, '-n', '2')}`)
    const json = shellChild(`exec ${lineOf('tail', queue, '-n', '0', '--json')}`)
    const none = shellChild(`exec ${lineOf('tail', queue, '-n', '0')} | head -n 1`)
    const shown = await text.until('stdout', 'o-5')
    assert.equal(
      linesOf(shown).map((line) => line.split('  ').slice(2, 5)),
      [
        ['o-4', 'Rejected', 'order'],
        ['o-5', 'Defect', '-']
      ]
    )
    await using(queue, async (store) => {
      // Told again and again, as it cannot be seen from outside when they begin to look.
      for (let index = 0; ; index += 1) {
        const id = `new-${String(index).padStart(3, '0')}`
        await store.put(letter({ id }))()
        const all = [text.until('stdout', id), json.until('stdout', '"id":"new-'), none.ended]
        if (await Promise.race([Promise.all(all).then(() => true), pause()])) break
      }
    })
    assert.is((await none.ended).code, 0)
    text.process.kill('SIGINT')
    json.process.kill('SIGTERM')
    const [ended, machine] = await Promise.all([text.ended, json.ended])
    assert.equal([ended.code, ended.stderr, machine.code, machine.stderr], [0, '', 0, ''])
    const ids = linesOf(ended.stdout).map((line) => line.split('  ')[2])
    assert.equal(
      ids,
      [...new Set(ids)].toSorted((one = '', other = '') => order(one) - order(other))
    )
    const told = idsIn(machine.stdout)
    assert.ok(told.length > 0 && told.every((id) => id.startsWith('new-')))
    assert.equal(told, told.toSorted())
  })
)

tail('shows no letter as new that was there, though all that came since is removed', () =>
  inEmptyFolder(async (cwd) => {
    const queue = join(cwd, 'shop.db')
    await madeQueue(queue, orders)
    const child = shellChild(`exec ${lineOf('tail', queue, '-n', '0', '--json')}`)
    await using(queue, async (store) => {
      const comes = async (name: string): Promise<void> => {
        for (let index = 0; ; index += 1) {
          await store.put(letter({ id: `${name}-${index}` }))()
          const shown = child.until('stdout', `"id":"${name}-`).then(() => true)
          if (await Promise.race([shown, pause()])) return
        }
      }
      await comes('first')
      await store.discard({ filter: { source: 'test' }, by: 'ann', note: '' })()
      const isEmptied = async () => {
        const pruned = await store.prune({ keepTombstonesMs: 0 })()
        return pruned._tag === 'Right' && pruned.right.tombstones > 0
      }
      while (!(await isEmptied()));
      await comes('then')
    })
    child.process.kill('SIGINT')
    const told = idsIn((await child.ended).stdout)
    assert.ok(told.length > 0 && told.every((id) => /^(?:first|then)-/.test(id)), told.join())
  })
)

const order = (id: string): number => (id.startsWith('o-') ? Number(id.slice(2)) - 100 : Number(id.slice(4)))

const pause = (): Promise<false> => new Promise((resolve) => setTimeout(resolve, 700, false))

tail.run()

const escaping = suite('what comes from a letter')

escaping('never acts on a terminal, whatever the command', () =>
  inEmptyFolder(async (cwd) => {
    const queue = join(cwd, 'shop.db')
    const letters = await madeQueue(queue, hostile)
    await using(queue, async (store) => {
      const { key, id, bytes: from } = at(letters, 0)
      await store.edit({ key, id, from, to: Buffer.from('{"total":"\u009b"}'), by: act, note: act })()
    })
    writeFileSync(
      join(cwd, 'app.mjs'),
      `export default Object.assign((message) => async () => ({ _tag: 'Failed', failure: { _tag: 'Rejected', code: message.id } }),
        { description: { combinators: [], routes: [], select: ({ id }) => ({ _tag: 'Taken', route: id, otherwise: false }) } })`
    )
    const keys = letters.map(({ key }) => key)
    const [first = '', second = '', third = ''] = keys
    const through = ['--through', 'app.mjs']
    const commands: readonly (readonly string[])[] = [
      ['ls', 'shop.db'],
      ['ls', 'shop.db', '--json'],
      ['groups', 'shop.db'],
      ['groups', 'shop.db', '--json'],
      ...keys.flatMap((key) => [
        ['show', 'shop.db', key],
        ['show', 'shop.db', key, '--json'],
        ['export', 'shop.db', key, '--as-spec', ...through, '--expect', 'failure']
      ]),
      ['stats', 'shop.db'],
      ['stats', 'shop.db', '--json'],
      ['explain', 'shop.db', ...through],
      ['explain', 'shop.db', ...keys, ...through],
      ['explain', 'shop.db', ...keys, ...through, '--json'],
      ['export', 'shop.db'],
      ['replay', 'shop.db', ...through, '--dry-run'],
      ['replay', 'shop.db', ...through, '--stop-after', '1', '--by', act],
      ['replay', 'shop.db', ...through, '--json'],
      ['show', 'shop.db', third],
      ['import', 'shop.db', 'lines'],
      ['import', 'missing\u001b[31m', 'lines'],
      ['discard', 'shop.db', first, '--note', act, '--by', act, '--yes'],
      ['edit', 'shop.db', second, '--file', 'lines', '--note', act, '--json'],
      ['show', 'shop.db', second],
      ['show', 'shop.db', first],
      ['ls', 'shop.db', '--state', 'any']
    ]
    writeFileSync(join(cwd, 'lines'), `{"key":"\u009b"}\n"\u001b]0;t\u0007"\n\u009b\n`)
    let seen = 0
    for (const command of commands) {
      const ended = await called(cwd, ...command)
      assertHarmless(ended, command.join(' '))
      assert.ok(ended.stdout + ended.stderr !== '', command.join(' '))
      if ((ended.stdout + ended.stderr).includes('\\u001b')) seen += 1
    }
    assert.ok(seen > 20, `the characters were there to be shown ${seen} times`)

    await using(queue, (store) => store.claim({ owner: act, leaseMs: 60_000, filter: { key: third } })())
    for (const command of [
      ['show', 'shop.db', third],
      ['replay', 'shop.db', third, ...through]
    ]) {
      const ended = await called(cwd, ...command)
      assertHarmless(ended, command.join(' '))
      assert.match(ended.stdout + ended.stderr, 'owned')
    }
  })
)

escaping('is the same from the process itself', () =>
  inEmptyFolder(async (cwd) => {
    await madeQueue(join(cwd, 'shop.db'), hostile)
    const ended = await Promise.all([
      dlq({ cwd }, 'ls', 'shop.db'),
      dlq({ cwd }, 'tail', 'missing.db'),
      shell({ cwd }, `timeout -s INT 5 ${lineOf('tail', 'shop.db')}`)
    ])
    for (const each of ended) assertHarmless(each, 'a process')
    assert.match(ended[2]?.stdout ?? '', 'owned')
  })
)

escaping.run()

const queues = suite('a queue')

queues('is refused if it is missing, no queue, or newer; and never made', () =>
  inEmptyFolder(async (cwd) => {
    await madeQueue(join(cwd, 'shop.db'), [])
    const changed = (name: string, sql: string): void => {
      const database = new Database(copied(join(cwd, 'shop.db'), join(cwd, name)))
      database.exec(sql)
      database.close()
    }
    changed('newer.db', 'PRAGMA user_version = 99')
    changed('foreign.db', 'PRAGMA application_id = 17')
    for (const name of ['empty.db', 'none.ndjson']) writeFileSync(join(cwd, name), '')
    writeFileSync(join(cwd, 'text.db'), 'not a database, but a text of some length'.repeat(100))
    const expected = [
      ['missing.db', /^missive: \S+missing\.db does not exist; give the path of a queue/],
      ['newer.db', /a newer missive-ts wrote it/],
      ['foreign.db', /the database is not a dead letter queue/],
      ['text.db', /it is no SQLite database/],
      ['empty.db', /the database is empty, and no queue; give the path of a queue/],
      ['.', /is no file/],
      ['redis:/ann:secret@host', /begins with redis:\/\/ or rediss:\/\/; give one/],
      ['valkey://ann:secret@host', /begins with redis:\/\/ or rediss:\/\/; give one/]
    ] as const
    for (const [name, advice] of expected) {
      const ended = await called(cwd, 'ls', name)
      assert.equal([ended.code, ended.stdout], [2, ''], name)
      assert.match(ended.stderr, advice)
      assert.not.match(ended.stderr, /\n\s+at |secret/)
    }
    const ended = await dlq({ cwd }, 'import', 'missing.db', '-')
    assert.equal([ended.code, ended.stdout], [2, ''])
    assert.is(existsSync(join(cwd, 'missing.db')), false)
    assert.is(statSync(join(cwd, 'empty.db')).size, 0)
    const made = await called(cwd, 'import', 'empty.db', 'none.ndjson', '--create')
    assert.equal([made.code, made.stdout], [0, '0 added, 0 present, 0 bad\n'])
  })
)

queues.run()

const command = suite('missive')

command('tells how it is used, with examples and exit codes', () =>
  inEmptyFolder(async (cwd) => {
    const names = 'ls groups show explain replay edit discard export import stats tail prune'.split(' ')
    for (const name of names) {
      const help = await called(cwd, name, '--help')
      assert.equal([help.code, help.stderr], [0, ''], name)
      for (const part of [
        `Usage: missive dlq ${name} [options]`,
        'Examples:\n  missive dlq ',
        'Exit codes:\n'
      ])
        assert.match(help.stdout, part)
      assert.match(help.stdout, '--json')
      assert.match(help.stdout, '--no-color')
    }
    const manifest = join(repository, 'package.json')
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }
    const [versioned, help, empty, unknown] = await Promise.all([
      missive({ cwd }, '--version'),
      missive({ cwd }, '--help'),
      missive({ cwd }),
      missive({ cwd }, 'dlq', 'lost')
    ])
    assert.equal(versioned, { code: 0, stdout: `${version}\n`, stderr: '' })
    assert.equal([help?.code, help?.stdout.startsWith('Usage: missive ')], [0, true])
    assert.equal([empty?.code, empty?.stdout, empty?.stderr.startsWith('Usage: missive ')], [2, '', true])
    assert.equal([unknown?.code, /unknown command 'lost'/.test(unknown?.stderr ?? '')], [2, true])
  })
)

command('asks in a line of its own what may have been meant, and shows what was typed escaped', async () => {
  const [meant, typed] = await Promise.all([
    called('/', 'list'),
    called('/', 'list\n(Did you mean rm?)\u001b[31m')
  ])
  const stderr = "error: unknown command 'list'\n(Did you mean ls?)\n(--help says more)\n"
  assert.equal(meant, { code: 2, stdout: '', stderr })
  assert.is(typed.stderr.split('\n').length, 3)
  assertHarmless(typed, 'a command of several lines')
})

command('takes nothing for a cursor that is none, and says so where no letter fits', () =>
  inEmptyFolder(async (cwd) => {
    await madeQueue(join(cwd, 'shop.db'), [])
    for (const after of ['foo', '1', '1.', `${'9'.repeat(20)}.1`]) {
      const ended = await called(cwd, 'ls', 'shop.db', '--after', after)
      assert.equal([ended.code, ended.stdout], [2, ''], after)
      assert.match(ended.stderr, 'Give what a page before said')
    }
    const none = await called(cwd, 'ls', 'shop.db', '--after', '1.2')
    assert.equal(none, { code: 0, stdout: '', stderr: 'no letters\n' })
    const { stdout } = await called(cwd, 'ls', '--help')
    assert.match(stdout, /0 {2}done, also where no letter is meant\n/)
  })
)

command('says which options are required', async () => {
  const required = async (name: string) =>
    (await called('/', name, '--help')).stdout
      .split(/\n(?= {2}\S)/)
      .filter((text) => /\(required\)/.test(text.replaceAll(/\s+/g, ' ')))
      .map((text) => text.trim().split(' ')[0])
  const names = ['discard', 'replay', 'explain', 'edit']
  assert.equal(await Promise.all(names.map(required)), [['--note'], ['--through'], ['--through'], []])
})

command('ends quietly when nobody reads on', () =>
  inEmptyFolder(async (cwd) => {
    const many = Array.from({ length: 300 }, (_, index) => ({
      id: String(index),
      bytes: new Uint8Array(1_000).fill(97)
    }))
    await madeQueue(join(cwd, 'shop.db'), many)
    const line = (...parts: readonly string[]) =>
      shell(
        { cwd },
        `set -o pipefail; ${lineOf(...parts)} | head -c 10 > /dev/null; echo "\${PIPESTATUS[0]}"`
      )
    const ended = await Promise.all([
      line('ls', 'shop.db', '--json', '-n', '300'),
      line('export', 'shop.db'),
      line('show', '--help')
    ])
    for (const { stdout, stderr } of ended) assert.equal([stdout, stderr], ['0\n', ''])
  })
)

command.run()
