/** Making clients: from a URL by ioredis, which is there only if the user installed it, or like one of the user's. */
import type { Either } from 'fp-ts/lib/Either.js'
import { capture } from '../core/captured.js'
import { left, right } from '../core/result.js'
import { type ResourceError, resourceError } from '../ports/resource.js'
import type { RedisLike, RedisTarget } from './like.js'

// model

export interface Made {
  readonly client: RedisLike
  /** Host, port and database, or the socket: what names the server in messages' sources. No credentials. */
  readonly server: string
  /** What stands before each key. ioredis is not to put it there, as it does not take it off replies. */
  readonly keyPrefix: string
  /** Text without the credentials that the client has. */
  readonly redacted: (text: string) => string
}

// constructors

/**
 * Makes a client that is not connected yet, and in which nothing waits or is sent again by itself: what a broken
 * connection leaves unanswered is rejected, so that whoever asked can say what is to be done.
 */
export const madeClient = async (target: RedisTarget, name: string): Promise<Either<ResourceError, Made>> => {
  const secrets = target.url === undefined ? [] : secretsOfUrl(target.url)
  try {
    if (target.client !== undefined) return right(madeOf(likeClient(target.client), target.client))
    const refusal = urlError(target.url)
    if (refusal !== undefined) return left(resourceError(name, refusal))
    const { Redis } = await import('ioredis')
    return right(madeOf(new Redis(target.url, alone)))
  } catch (thrown) {
    const { message } = capture(thrown)
    return left(
      resourceError(
        name,
        /Cannot find (?:package|module) '?ioredis/.test(message)
          ? 'ioredis cannot be found; install it: npm install ioredis'
          : without(secrets)(message)
      )
    )
  }
}

// helpers

/** ioredis' options for a connection that one caller has for itself. */
const alone = {
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  enableAutoPipelining: false,
  // What a user's client may have: counts would be text, and a read that waits would count as dead.
  stringNumbers: false,
  commandTimeout: undefined,
  socketTimeout: undefined,
  // And this would connect anew at an answer like any other: that the server does not know a script yet.
  reconnectOnError: undefined,
  disconnectTimeout: 500,
  keyPrefix: '',
  replyMapping: 'legacy' as const,
  retryStrategy: (times: number): number => Math.min(50 * 2 ** Math.min(times, 10), maxReconnectMs)
}

const maxReconnectMs = 1_000

const likeClient = (client: RedisLike): RedisLike => {
  if (!client.isCluster) return client.duplicate(alone)
  const { redisOptions } = client.options as { readonly redisOptions?: object }
  const { lazyConnect, enableOfflineQueue, retryStrategy, keyPrefix, ...perNode } = alone
  return client.duplicate([], {
    lazyConnect,
    enableOfflineQueue,
    keyPrefix,
    clusterRetryStrategy: retryStrategy,
    redisOptions: { ...redisOptions, ...perNode, keyPrefix }
  })
}

const madeOf = (client: RedisLike, like: RedisLike = client): Made => {
  const options = like.options as Options
  const nodes = startupNodesOf(like)
  const urls = nodes.filter((node) => typeof node === 'string')
  const parts = nodes.filter((node) => typeof node === 'object') as readonly Options[]
  return {
    client,
    server: serverOf(like),
    keyPrefix: options.keyPrefix ?? '',
    redacted: without([
      ...[options, options.redisOptions ?? {}, ...parts].flatMap(({ password, sentinelPassword }) => [
        password,
        sentinelPassword
      ]),
      ...urls.flatMap(secretsOfUrl)
    ])
  }
}

interface Options {
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly db?: number
  readonly keyPrefix?: string
  readonly name?: string
  readonly password?: string | null
  readonly sentinelPassword?: string | null
  readonly redisOptions?: Options
}

const serverOf = (client: RedisLike): string => {
  if (client.isCluster) return startupNodesOf(client).map(nodeOf).toSorted().join(',')
  const { host = 'localhost', port = 6379, path, db = 0, name } = client.options as Options
  return `${path ?? name ?? `${host}:${port}`}/${db}`
}

const startupNodesOf = (client: RedisLike): readonly unknown[] =>
  (client as { readonly startupNodes?: readonly unknown[] }).startupNodes ?? []

/** A node of a cluster as the user gave it, without what stands around host and port. */
const nodeOf = (node: unknown): string => {
  if (typeof node === 'number') return `localhost:${node}`
  if (typeof node === 'string')
    return node.replace(/^(?:(?:\w+:)?\/\/)?(?:.*@)?/s, '').replace(/(?<=.)[/?#].*$/s, '')
  const { host = 'localhost', port = 6379 } = node as Options
  return `${host}:${port}`
}

const urlError = (url: string): string | undefined => {
  if (url.startsWith('/')) return undefined
  try {
    const { protocol, pathname, searchParams } = new URL(url)
    if (protocol !== 'redis:' && protocol !== 'rediss:')
      return `a URL of ${protocol} is none of Redis; give redis://host:port, or rediss:// for TLS`
    const database = searchParams.get('db') ?? pathname.slice(1)
    return /^\d*$/.test(database)
      ? undefined
      : 'the database of a Redis URL is a number, as in redis://host:6379/0; a / in a password is %2F'
  } catch {
    return 'the URL cannot be read; give one like redis://user:password@host:6379/0, special characters percent-encoded'
  }
}

/** As written, and as it is sent. A node of a cluster may have no scheme, and then what stands first is the user. */
const secretsOfUrl = (url: string): readonly string[] => {
  const places = [/^(?:\w+:)?\/*[^/:@]*:(.*)@/s, /^\/*[^/:@]*:(.*)@/s, /[?&]password=([^&#]*)/]
  const written = places.flatMap((place) => place.exec(url)?.[1] ?? [])
  return written.flatMap((secret) => [secret, decoded(secret)])
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const without = (secrets: readonly (string | null | undefined)[]): ((text: string) => string) => {
  const known = secrets.filter((secret) => typeof secret === 'string' && secret !== '') as readonly string[]
  const longestFirst = known.toSorted((one, other) => other.length - one.length)
  return (text) => longestFirst.reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text)
}
