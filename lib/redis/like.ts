/** The part of an ioredis client that is used: ioredis 5.8 and 6, their clusters, and what is like them fit. */

/** A client that the user made: it is never used itself, but asked for connections like it. */
export interface RedisLike {
  readonly status: string
  readonly isCluster: boolean
  readonly options: object
  connect(): Promise<unknown>
  disconnect(reconnect?: boolean): void
  duplicate(...overrides: any[]): RedisLike
  call(command: string, parts: Part[]): Promise<unknown>
  callBuffer(command: string, parts: Part[]): Promise<unknown>
  on(event: string, listener: (...parts: any[]) => void): unknown
  /** The nodes that a cluster knows. */
  nodes?(role?: any): RedisLike[]
}

export type Part = string | number | Buffer

/** Where Redis is: a URL (`redis://`, `rediss://` for TLS), or a client like which connections are made. */
export type RedisTarget =
  | { readonly url: string; readonly client?: undefined }
  | { readonly client: RedisLike; readonly url?: undefined }
