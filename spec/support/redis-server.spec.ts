import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Cluster, Redis } from 'ioredis'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { until, within } from './deadline.js'
import { inEmptyFolder, repository, typescript } from './program.js'
import { findRedis } from './redis-binary.js'
import { sharedRedis, startRedis, uniqueName, withRedis } from './redis-server.js'
import { redisSuite } from './redis-suite.js'

const find = suite('findRedis')

find('takes what is on the path before what is in the cache', () =>
  inEmptyFolder(async (folder) => {
    const installed = program(join(folder, 'bin/valkey-server'))
    program(join(folder, 'cache/usr/bin/redis-server'))
    const path = `${join(folder, 'nothing')}:${join(folder, 'bin')}`
    assert.equal(await findRedis(path, join(folder, 'cache')), { command: installed, env: {} })
  })
)

find('takes what was unpacked into the cache, with its libraries', () =>
  inEmptyFolder(async (folder) => {
    const command = program(join(folder, 'usr/bin/redis-server'))
    const libraries = join(folder, 'usr/lib/aarch64-linux-gnu')
    mkdirSync(libraries, { recursive: true })
    assert.equal(await findRedis('', folder), { command, env: { LD_LIBRARY_PATH: libraries } })
  })
)

find('says what to do where it can neither find nor fetch one', () =>
  inEmptyFolder(async (folder) => {
    writeFileSync(join(folder, 'file'), '')
    const message = await refused(findRedis('', join(folder, 'file/cache')))
    for (const part of ['apt-get install', 'dnf install', 'brew install', 'REDIS_URL', 'EEXIST'])
      assert.ok(message.includes(part), part)
  })
)

find.run()

const start = redisSuite('startRedis')

start('starts servers that know nothing of each other', () =>
  withRedis((one) =>
    withRedis(async (other) => {
      assert.is(await one.cli('SET', 'a', 1), 'OK')
      assert.is(await one.cli('GET', 'a'), '1')
      assert.is(await other.cli('GET', 'a'), null)
      assert.match(await refused(one.cli('SET', 'a')), 'wrong number of arguments')
    })
  )
)

start('keeps what it answered with appendonly always, though it is killed', () =>
  withRedis(
    async (redis) => {
      for (let round = 1; round <= 3; round += 1) {
        assert.is(await redis.cli('INCR', 'a'), round)
        const pid = redis.pid()
        await redis.kill()
        assert.not(await isListening(redis.port))
        await redis.start()
        assert.is.not(redis.pid(), pid)
      }
      assert.is(await redis.cli('GET', 'a'), '3')
    },
    { appendonly: 'always' }
  )
)

start('keeps nothing without, and starts only what has ended', () =>
  withRedis(async (redis) => {
    await redis.cli('SET', 'a', 1)
    assert.match(await refused(redis.start()), 'runs')
    await redis.stop()
    await redis.stop()
    await redis.kill()
    assert.not(await isListening(redis.port))
    await redis.start()
    assert.is(await redis.cli('GET', 'a'), null)
  })
)

start('answers nothing while it is paused, and all of it afterwards', () =>
  withRedis(async (redis) => {
    redis.pause()
    const socket = connect(redis.port, '127.0.0.1')
    await within('connected', once(socket, 'connect'))
    const answer = within('answered', once(socket, 'data'))
    await new Promise((resolve) => void socket.write('PING\r\n', resolve))
    assert.is(socket.bytesRead, 0)
    redis.resume()
    assert.is(String((await answer)[0]), '+PONG\r\n')
    redis.pause()
    await redis.stop()
    socket.destroy()
  })
)

start('is a cluster that has all slots, also when it is started again', () =>
  withRedis(
    async (redis) => {
      assert.match(
        String(await redis.cli('CLUSTER', 'INFO')),
        /cluster_state:ok\r\ncluster_slots_assigned:16384/
      )
      const cluster = new Cluster([redis.url])
      assert.is(await cluster.set('a', 1), 'OK')
      cluster.disconnect()
      await redis.kill()
      await redis.start()
      assert.match(String(await redis.cli('CLUSTER', 'INFO')), 'cluster_state:ok')
      assert.is(await redis.cli('GET', 'a'), '1')
    },
    { cluster: true, appendonly: 'always' }
  )
)

start('speaks TLS to who trusts its certificate', () =>
  withRedis(
    async ({ url, ca = '', cli }) => {
      assert.match(url, /^rediss:/)
      assert.is(await cli('PING'), 'PONG')
      const client = new Redis(url, { tls: { ca: readFileSync(ca) } })
      assert.is(await client.ping(), 'PONG')
      client.disconnect()
      const stranger = new Redis(url, { retryStrategy: () => null, lazyConnect: true })
      const told = within('an error', new Promise<Error>((resolve) => void stranger.on('error', resolve)))
      await refused(stranger.connect())
      assert.match((await told).message, 'self-signed certificate')
    },
    { tls: true }
  )
)

start('asks for its password, which is in the url', () =>
  withRedis(
    async ({ url, port, cli }) => {
      assert.is(await cli('PING'), 'PONG')
      const client = new Redis(url)
      assert.is(await client.ping(), 'PONG')
      client.disconnect()
      const stranger = new Redis(port, { protocol: 2, enableReadyCheck: false })
      assert.match(await refused(stranger.ping()), 'NOAUTH')
      stranger.disconnect()
    },
    { password: 'a/b:c@d' }
  )
)

start('takes further arguments, and says what Redis says of wrong ones', async () => {
  const args = ['--user', 'default', 'off', '--user', 'reader', 'on', '>secret', '~*', '+get']
  await withRedis(async ({ cli }) => assert.match(await refused(cli('PING')), 'NOAUTH'), { args })
  assert.match(await refused(startRedis({ args: ['--nonsense', '1'] })), /ended with 1[^]*nonsense/)
})

start('removes its folder, though it was used in vain', async () => {
  let folder = ''
  const message = await refused(
    withRedis(async (redis) => {
      folder = redis.folder
      assert.ok(existsSync(folder))
      throw new Error('in vain')
    })
  )
  assert.is(message, 'in vain')
  assert.not(existsSync(folder))
})

for (const [name, ending] of [
  ['returns', ''],
  ['exits', 'process.exit(1)'],
  ['throws', "setImmediate(() => { throw new Error('uncaught') })"],
  ['is interrupted', "process.kill(process.pid, 'SIGINT'); setInterval(() => 0, 1000)"],
  ['is asked to end', "process.kill(process.pid, 'SIGTERM'); setInterval(() => 0, 1000)"]
] as const)
  start(`ends with a process that ${name}, and leaves no folder`, async () => {
    const child = childOf(`${startAndTell}\n${ending}`)
    const { port, folder } = await told<{ port: number; folder: string }>(child)
    await within('the process ends', once(child, 'close'))
    await until('the server has ended', async () => !(await isListening(port)))
    assert.not(existsSync(folder))
  })

start('ends with a process that is killed', async () => {
  const child = childOf(`${startAndTell}\nsetInterval(() => 0, 1000)`)
  const { port, folder } = await told<{ port: number; folder: string }>(child)
  assert.ok(await isListening(port))
  child.kill('SIGKILL')
  await until('the server has ended', async () => !(await isListening(port)))
  rmSync(folder, { recursive: true })
})

start.run()

const shared = redisSuite('sharedRedis')

shared('is one for all who ask', async () => {
  const [one, other] = await Promise.all([sharedRedis(), sharedRedis()])
  assert.is(one, other)
  const [name, another] = [uniqueName('orders'), uniqueName('orders')]
  assert.is.not(name, another)
  assert.is(await one.cli('SET', name, 1), 'OK')
  assert.is(await one.cli('GET', another), null)
})

shared('is that of REDIS_URL, where it leaves what is not its own', () =>
  withRedis(async (redis) => {
    await redis.cli('SET', 'theirs', 1)
    const child = childOf(
      `const { url, cli } = await sharedRedis()
      for (let n = 0; n < 20; n += 1) await cli('SET', 'dlq:{' + uniqueName('a') + '}:b', n)
      console.log(JSON.stringify({ url, size: await cli('DBSIZE') }))`,
      { REDIS_URL: redis.url }
    )
    assert.equal(await told(child), { url: redis.url, size: 21 })
    await within('the process ends', once(child, 'close'))
    assert.equal(await redis.cli('KEYS', '*'), ['theirs'])
  })
)

shared('says so where REDIS_URL does not answer', async () => {
  const child = childOf('console.log(JSON.stringify(await sharedRedis().catch(String)))', {
    REDIS_URL: 'redis://127.0.0.1:1'
  })
  assert.match(await told<string>(child), /the Redis of REDIS_URL does not answer: .*ECONNREFUSED/)
})

shared.run()

const skips = suite('redisSuite')

const twoTests = `
  const needs = redisSuite('needs Redis')
  needs.before(() => console.log('hook'))
  needs.before.each(() => console.log('hook'))
  needs('one', () => console.log('test'))
  needs.only('two', () => console.log('test'))
  needs.run()`

skips('runs its tests and hooks as others do', async () => {
  const { output } = await ended(childOf(twoTests, { MISSIVE_SKIP_REDIS: '' }))
  assert.equal(output.match(/hook|test/g), ['hook', 'hook', 'test'])
})

skips('runs none of them where no Redis is wanted, and says how many', async () => {
  const { output, code } = await ended(childOf(twoTests, { MISSIVE_SKIP_REDIS: '1' }))
  assert.match(output, /^no Redis wanted: 2 tests skipped$[^]*Total: +0$[^]*Skipped: +2$/m)
  assert.not.match(output, /hook|test$/)
  assert.is(code, 0)
})

skips.run()

// helpers

const program = (file: string): string => {
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, '#!/bin/sh\n', { mode: 0o755 })
  return file
}

const refused = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('it was done')
}

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const tell = (is: boolean) => () => {
      socket.destroy()
      resolve(is)
    }
    socket.on('connect', tell(true)).on('error', tell(false))
  })

const startAndTell = `
  const { port, folder } = await startRedis()
  console.log(JSON.stringify({ port, folder }))`

/** A process that runs this. */
const childOf = (code: string, env: NodeJS.ProcessEnv = {}): ChildProcess => {
  const imports = [
    "import { sharedRedis, startRedis, uniqueName } from './spec/support/redis-server.ts'",
    "import { redisSuite } from './spec/support/redis-suite.ts'"
  ]
  const script = [...imports, code].join('\n')
  return spawn(process.execPath, ['--import', typescript, '--input-type=module', '-e', script], {
    cwd: repository,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit']
  })
}

/** The first line that it prints. */
const told = async <A>(child: ChildProcess): Promise<A> => {
  const [line] = await within('the process tells', once(child.stdout as Readable, 'data'))
  return JSON.parse(String(line)) as A
}

const ended = async (child: ChildProcess): Promise<{ readonly output: string; readonly code: number }> => {
  let output = ''
  child.stdout?.on('data', (text) => (output += String(text)))
  const [code] = await within('the process ends', once(child, 'close'))
  return { output, code: Number(code) }
}
