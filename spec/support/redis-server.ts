/** Redis for the specs: servers of their own, which they may stop, kill and pause, and one that they share. */
import { type ChildProcess, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { until } from './deadline.js'
import { type RedisBinary, redisBinary } from './redis-binary.js'
import { end, freePort, hasEnded, launched, newFolder, remove } from './redis-process.js'

// model

/** Sends one command over a connection of its own, and gives the reply as RESP2 has it; an error reply is thrown. */
export type Cli = (command: string, ...parts: readonly (string | number | Buffer)[]) => Promise<unknown>

export interface SharedRedis {
  readonly url: string
  readonly cli: Cli
}

export interface RedisServer extends SharedRedis {
  readonly port: number
  readonly folder: string
  /** With `tls`: the file of the certificate that its clients are to trust. */
  readonly ca: string | undefined
  /** The process that runs, or ran last. */
  readonly pid: () => number
  /** Ends it in its own time, and waits. */
  readonly stop: () => Promise<void>
  /** Ends it with SIGKILL, and waits. */
  readonly kill: () => Promise<void>
  /** Starts it again, on the same port and folder. */
  readonly start: () => Promise<void>
  /** Makes it stand still: connections stay, and nothing is answered. */
  readonly pause: () => void
  readonly resume: () => void
}

export interface RedisOptions {
  /** Whether its data outlive it, and how often they are synced; `no` if it is left out. */
  readonly appendonly?: 'no' | 'everysec' | 'always'
  /** A cluster of this one node, which has all slots. */
  readonly cluster?: boolean
  /** Speaks TLS, and nothing else. */
  readonly tls?: boolean
  /** The default user's; the url has it. */
  readonly password?: string
  /** Further arguments for redis-server. */
  readonly args?: readonly string[]
}

// constructors

/** Starts a server that ends with this process. */
export const startRedis = async (options: RedisOptions = {}): Promise<RedisServer> => {
  const binary = await redisBinary()
  const folder = newFolder()
  if (options.tls === true) certify(folder)
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOn(await freePort(), folder, binary, options)
    } catch (error) {
      if (attempt === 5 || !String(error).includes('Failed listening')) throw error
    }
  }
}

/** Starts a server, uses it, and leaves nothing of it whatever happened. */
export const withRedis = async <A>(
  use: (redis: RedisServer) => Promise<A>,
  options: RedisOptions = {}
): Promise<A> => {
  const redis = await startRedis(options)
  try {
    return await use(redis)
  } finally {
    await redis.stop()
    remove(redis.folder)
  }
}

/**
 * The server of specs that need none of their own: that of `REDIS_URL`, or one of this process. They touch nothing
 * there but what has a `uniqueName`.
 */
export const sharedRedis = (): Promise<SharedRedis> => {
  const url = process.env.REDIS_URL ?? ''
  shared ??= url === '' ? startRedis() : usersRedis(url)
  return shared
}

/** A name that nobody else has. Keys of the shared server that have it in theirs are removed at the end. */
export const uniqueName = (prefix: string): string => `${prefix}-${runId}-${(names += 1)}`

// the shared server

const runId = randomBytes(6).toString('hex')
let names = 0
let shared: Promise<SharedRedis> | undefined

const usersRedis = async (url: string): Promise<SharedRedis> => {
  const cli = cliOf(url)
  await cli('PING').catch((error: unknown) => {
    throw new Error(`the Redis of REDIS_URL does not answer: ${String(error)}`)
  })
  process.once('beforeExit', () => removeOurs(cli))
  return { url, cli }
}

const removeOurs = async (cli: Cli): Promise<void> => {
  let cursor = '0'
  do {
    const reply = await cli('SCAN', cursor, 'MATCH', `*${runId}*`, 'COUNT', 1_000)
    const [next, keys] = reply as [string, string[]]
    if (keys.length > 0) await cli('UNLINK', ...keys)
    cursor = next
  } while (cursor !== '0')
}

/** Begins to watch a replica: what it gives waits until one more write was refused there. */
export const nextRefusal = async (cli: Cli): Promise<() => Promise<void>> => {
  const refusals = async () =>
    Number(/errorstat_READONLY:count=(\d+)/.exec(String(await cli('INFO', 'errorstats')))?.[1] ?? 0)
  const before = await refusals()
  return () => until('a write is refused', async () => (await refusals()) > before)
}

// running a server

const deadlineMs = 20_000

const startOn = async (
  port: number,
  folder: string,
  binary: RedisBinary,
  options: RedisOptions
): Promise<RedisServer> => {
  const { cluster = false, tls = false, password } = options
  const user = password === undefined ? '' : `:${encodeURIComponent(password)}@`
  const url = `${tls ? 'rediss' : 'redis'}://${user}127.0.0.1:${port}`
  const ca = tls ? certificateIn(folder) : undefined
  const cli = cliOf(url, ca)
  const launch = async (): Promise<ChildProcess> => {
    const child = await launched(binary, argumentsFor(port, folder, options))
    await until('Redis answers', () => isAnswering(cli))
    if (cluster) await takeSlots(cli)
    return child
  }
  let child = await launch()
  return {
    url,
    port,
    folder,
    ca,
    cli,
    pid: () => child.pid as number,
    stop: () => end(child, 'SIGTERM'),
    kill: () => end(child, 'SIGKILL'),
    start: async () => {
      if (!hasEnded(child)) throw new Error('this Redis runs: stop it before it is started again')
      child = await launch()
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT')
  }
}

const argumentsFor = (port: number, folder: string, options: RedisOptions): readonly string[] => {
  const { appendonly = 'no', cluster = false, tls = false, password, args = [] } = options
  const loopback = ['--bind', '127.0.0.1', '--dir', folder, '--save', '']
  const secured = ['--tls-cert-file', certificateIn(folder), '--tls-key-file', keyIn(folder)]
  const trusting = ['--tls-ca-cert-file', certificateIn(folder), '--tls-auth-clients', 'no']
  return [
    ...loopback,
    ...(tls ? ['--port', '0', '--tls-port', `${port}`, ...secured, ...trusting] : ['--port', `${port}`]),
    ...(appendonly === 'no' ? [] : ['--appendonly', 'yes', '--appendfsync', appendonly]),
    ...(cluster ? ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] : []),
    ...(cluster && tls ? ['--tls-cluster', 'yes'] : []),
    ...(password === undefined ? [] : ['--requirepass', password]),
    ...args
  ]
}

/** Answers anything but that it still loads; that we may not ask is an answer, too. */
const isAnswering = (cli: Cli): Promise<boolean> =>
  cli('PING').then(
    () => true,
    (error: unknown) =>
      error instanceof Error && error.name === 'ReplyError' && !error.message.startsWith('LOADING')
  )

const takeSlots = async (cli: Cli): Promise<void> => {
  const info = async () => String(await cli('CLUSTER', 'INFO'))
  if ((await info()).includes('cluster_slots_assigned:0'))
    await cli('CLUSTER', 'ADDSLOTS', ...Array.from({ length: 16_384 }, (_, slot) => slot))
  await until('the cluster is up', async () => (await info()).includes('cluster_state:ok'))
}

const cliOf =
  (url: string, ca?: string): Cli =>
  async (command, ...parts) => {
    const client = new Redis(url, {
      lazyConnect: true,
      protocol: 2,
      enableReadyCheck: false,
      disableClientInfo: true,
      retryStrategy: () => null,
      commandTimeout: deadlineMs,
      ...(ca === undefined ? {} : { tls: { ca: readFileSync(ca) } })
    })
    // ioredis rejects with no more than "Connection is closed"; it tells the cause as an event.
    let cause: Error | undefined
    client.on('error', (error: Error) => (cause = error))
    try {
      await client.connect()
      return await client.call(command, ...parts)
    } catch (error) {
      throw cause ?? error
    } finally {
      client.disconnect()
    }
  }

// certificates

const certificateIn = (folder: string): string => join(folder, 'certificate.pem')
const keyIn = (folder: string): string => join(folder, 'key.pem')

/** Makes a certificate that vouches for itself. */
const certify = (folder: string): void => {
  const made = ['-x509', '-nodes', '-days', '2', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  const named = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  const files = ['-keyout', keyIn(folder), '-out', certificateIn(folder)]
  execFileSync('openssl', ['req', ...made, ...named, ...files], { stdio: 'pipe' })
}
