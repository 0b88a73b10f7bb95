import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { StoredLetter } from '../../lib/core/letter.js'
import { redisDlq } from '../../lib/dlq/redis.js'
import type { DeadLetterStore } from '../../lib/ports/letters.js'
import { Resource } from '../../lib/ports/resource.js'
import { app, bytes, called, dlq, madeQueue, orders } from '../support/cli-command.js'
import { letter } from '../support/letters.js'
import { inEmptyFolder } from '../support/program.js'
import { type RedisServer, startRedis, uniqueName, withRedis } from '../support/redis-server.js'
import { redisSuite } from '../support/redis-suite.js'

const password = 's3cr3t-p:ss'
const cwd = '/'

let redis: RedisServer
/** With the password in it, and without. */
const urlOf = (name: string): string => `${redis.url}/0#${encodeURIComponent(name)}`
const bareUrlOf = (name: string): string => `redis://127.0.0.1:${redis.port}#${name}`

const using = async <A>(name: string, use: (store: DeadLetterStore) => Promise<A>): Promise<A> => {
  const used = await Resource.use((store: DeadLetterStore) => () => use(store))(
    redisDlq({ url: redis.url, name })
  )()
  if (used._tag === 'Left') throw new Error(used.left.message)
  return used.right
}

/** A queue of orders of all kinds. */
const shop = async (): Promise<string> => {
  const name = uniqueName('shop')
  await using(name, async (store) => {
    for (const { age: _age, ...fields } of orders)
      assert.is((await store.put(letter(fields))())._tag, 'Right')
  })
  return name
}

const lettersOf = (name: string): Promise<readonly StoredLetter[]> =>
  using(name, async (store) => {
    const page = await store.page()()
    return page._tag === 'Right' ? page.right.letters : []
  })

const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '')

const command = redisSuite('missive dlq on a queue in Redis')
command.before(async () => {
  redis = await startRedis({ appendonly: 'everysec', password })
})
command.after(() => redis.stop())

command('shows its letters, their groups and how many there are', async () => {
  const queue = urlOf(await shop())
  const ls = await called(cwd, 'ls', queue, '--json')
  assert.equal(
    linesOf(ls.stdout).map((line) => (JSON.parse(line) as StoredLetter).id),
    ['o-5', 'o-4', 'o-3', 'o-2', 'o-1']
  )
  const groups = await called(cwd, 'groups', queue)
  assert.match(groups.stdout, /2 {2}Malformed {2}order .*\.total expected number/)
  const { stdout } = await called(cwd, 'stats', queue, '--json')
  const { states, fileBytes } = JSON.parse(stdout) as { states: object; fileBytes?: number }
  assert.equal([states, fileBytes], [{ dead: 5, replaying: 0, resolved: 0, discarded: 0 }, undefined])
  const stats = await called(cwd, 'stats', queue)
  assert.equal([stats.code, stats.stdout.includes('file ')], [0, false])
})

command('edits, replays, discards and prunes its letters', async () => {
  const name = await shop()
  const queue = urlOf(name)
  const [first, , third] = await lettersOf(name)
  const file = { cwd, input: JSON.stringify({ type: 'order', total: 10 }) }
  const edit = await dlq(file, 'edit', queue, first?.key ?? '', '--file', '-', '--through', app)
  assert.equal([edit.code, edit.stderr], [0, ''])
  const replay = await dlq({ cwd }, 'replay', queue, '--id', 'o-1', '--id', 'o-4', '--through', app)
  assert.equal([replay.code, replay.stdout], [0, '2 resolved, 0 still dead\n'])
  const discard = await called(cwd, 'discard', queue, third?.key ?? '', '--yes', '--note', 'no use')
  assert.is(discard.code, 0)
  assert.equal(
    (await lettersOf(name)).map(({ id, state }) => [id, state]),
    [
      ['o-1', 'resolved'],
      ['o-2', 'dead'],
      ['o-3', 'discarded'],
      ['o-4', 'resolved'],
      ['o-5', 'dead']
    ]
  )
  const prune = await called(cwd, 'prune', queue, '--max-letters', '1', '--yes')
  assert.match(prune.stdout, 'removed 1 letter')
})

command('carries letters from a file to Redis, and back into one', () =>
  inEmptyFolder(async (folder) => {
    const letters = await madeQueue(join(folder, 'shop.db'), orders)
    const name = uniqueName('carried')
    await using(name, async () => undefined)
    const there = await called(folder, 'export', 'shop.db', '--output', 'letters.ndjson')
    const back = await called(folder, 'import', urlOf(name), 'letters.ndjson')
    assert.equal([there.code, back.stdout], [0, '5 added, 0 present, 0 bad\n'])
    assert.equal(await lettersOf(name), letters)
    const made = await called(folder, 'import', urlOf(uniqueName('made')), 'letters.ndjson', '--create')
    assert.equal([made.code, made.stdout], [0, '5 added, 0 present, 0 bad\n'])
    await called(folder, 'export', urlOf(name), '--output', 'again.ndjson')
    const [one, other] = ['letters', 'again'].map((file) =>
      readFileSync(join(folder, `${file}.ndjson`), 'utf8')
    )
    assert.is(one, other)
  })
)

command('gives each letter to one of two replays that run at the same time', () =>
  inEmptyFolder(async (folder) => {
    const name = uniqueName('replayed')
    const ids = Array.from({ length: 300 }, (_, index) => String(index))
    await using(name, (store) =>
      Promise.all(ids.map((id) => store.put(letter({ id, bytes: bytes({ type: 'order', total: 1 }) }))()))
    )
    const APP_LOG = join(folder, 'log')
    const replays = [1, 2].map(() =>
      dlq({ cwd: folder, env: { APP_LOG } }, 'replay', urlOf(name), '--through', app, '--concurrency', '4')
    )
    const resolved = (await Promise.all(replays)).map(({ stdout }) =>
      Number(/^(\d+) resolved/.exec(stdout)?.[1] ?? 0)
    )
    assert.is(
      resolved.reduce((sum, count) => sum + count, 0),
      ids.length
    )
    const started = linesOf(readFileSync(APP_LOG, 'utf8')).filter((line) => /^\d+$/.test(line))
    assert.equal(started.toSorted(), ids.toSorted())
  })
)

command('takes who to be from the environment where the URL does not say it', async () => {
  const name = await shop()
  const env = { MISSIVE_REDIS_PASSWORD: password }
  const known = await dlq({ cwd, env }, 'groups', bareUrlOf(name), '--json')
  assert.equal([known.code, linesOf(known.stdout).length], [0, 4])
  await redis.cli('ACL', 'SETUSER', 'ann', 'on', `>${password}`, `~{${name}}:*`, '+@all')
  const ann = await dlq({ cwd, env: { ...env, MISSIVE_REDIS_USER: 'ann' } }, 'groups', bareUrlOf(name))
  assert.is(ann.code, 0)
  const named = bareUrlOf(name).replace('//', '//ann@')
  const annByUrl = await dlq({ cwd, env: { ...env, MISSIVE_REDIS_USER: 'bob' } }, 'groups', named)
  assert.is(annByUrl.code, 0)
  const nobody = await dlq({ cwd }, 'groups', bareUrlOf(name))
  assert.is(nobody.code, 2)
  assert.match(nobody.stderr, 'NOAUTH')
})

command('ends with 2 where there is no such queue, and makes none', async () => {
  const name = uniqueName('missing')
  for (const words of [['ls'], ['groups'], ['import', '-']] as const) {
    const [first, ...rest] = words
    const { code, stdout, stderr } = await dlq({ cwd }, first, urlOf(name), ...rest)
    assert.equal([code, stdout], [2, ''])
    assert.is(
      stderr,
      `missive: redis://127.0.0.1:${redis.port}/0: there is no queue called ${name}; give the name that it was given in redisDlq${first === 'import' ? ', or --create to make one' : ''}\n`
    )
  }
  assert.equal(await redis.cli('KEYS', `*${name}*`), [])
})

command('ends with 2 and shows no password where the URL leads nowhere, or cannot be read', async () => {
  const name = uniqueName('wrong')
  const wrong = [
    redis.url.replace('s3cr3t', 'wr0ng'),
    redis.url.replace(/\d+$/, '1'),
    'redis://:wr0ng@:nonsense',
    `rediss://:wr0ng@127.0.0.1:${redis.port}`
  ]
  const ended = await Promise.all(wrong.map((url) => dlq({ cwd }, 'ls', `${url}#${name}`)))
  const shown = await dlq({ cwd }, 'ls', `${redis.url}#%`)
  for (const { code, stdout, stderr } of [...ended, shown]) {
    assert.equal([code, stdout], [2, ''])
    assert.not.match(stderr, /s3cr3t|wr0ng/)
    assert.match(stderr, 'missive: ')
  }
})

command('speaks TLS with rediss://', () =>
  withRedis(
    async ({ url, ca }) => {
      const env = { NODE_EXTRA_CA_CERTS: ca }
      const missing = await dlq({ cwd, env }, 'ls', url)
      assert.equal([missing.code, missing.stdout], [2, ''])
      assert.match(missing.stderr, 'there is no queue called missive:dlq')
      const distrusted = await dlq({ cwd }, 'ls', url)
      assert.match(distrusted.stderr, 'self-signed certificate')
    },
    { tls: true }
  )
)

command.run()
