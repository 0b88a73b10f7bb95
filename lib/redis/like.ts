/** The part of an ioredis client that is used: ioredis 5.8 and 6, their clusters, and what is like them fit. */

/** A client that the user made: it is never used itself, but asked for connections like it. */
export interface RedisLike {
  readonly status: string
  readonly isCluster: boolean
  readonly options: object
  /** Connects a duplicate that was made with `lazyConnect`. */
  connect(): Promise<unknown>
  /** Closes the connection at once, and with `true` makes it anew. */
  disconnect(reconnect?: boolean): void
  /** Makes a client with the same options, and with these instead. */
  duplicate(...overrides: any[]): RedisLike
  /** Sends a command, and gives its reply as text. */
  call(command: string, parts: RedisArgument[]): Promise<unknown>
  /** Sends a command, and gives its reply as bytes. */
  callBuffer(command: string, parts: RedisArgument[]): Promise<unknown>
  /** Calls the listener at each event of the connection. */
  on(event: string, listener: (...parts: any[]) => void): unknown
  /** The socket of the connection that there is. */
  readonly stream?: unknown
  /** What it waits to be answered. */
  readonly commandQueue?: { readonly length: number }
  /** The nodes that a cluster knows. */
  nodes?(role?: any): RedisLike[]
}

/** One argument of a command: text and numbers, or bytes as they are. */
export type RedisArgument = string | number | Buffer

/** Where Redis is: a URL (`redis://`, `rediss://` for TLS), or a client like which connections are made. */
export type RedisTarget =
  | { readonly url: string; readonly client?: undefined }
  | { readonly client: RedisLike; readonly url?: undefined }

/** @throws TypeError, RangeError if it is not said where Redis is, or how long it may take makes no sense */
export const refuseTarget = (
  name: string,
  { url, client, connectMs = 1 }: RedisTarget & { readonly connectMs?: number }
): void => {
  if (client === undefined && typeof url !== 'string')
    throw new TypeError(`${name}: give url: 'redis://host:6379', or a client`)
  if (!(connectMs > 0 && connectMs < 2 ** 31))
    throw new RangeError(`${name}: connectMs is a number of milliseconds above 0`)
}
