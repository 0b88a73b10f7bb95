/** Replies of Redis about streams, as data. */

// model

/** An entry, how many starts were counted, and what it was. */
export type Claimed = readonly [id: Buffer, values: readonly Buffer[], count: number, kind: Kind]

/** Parked and due; left by a process that may have died of it; or ours in a reply that got lost. */
export type Kind = 0 | 1 | 2

export interface Taken {
  /** How long until the next scan, in milliseconds. */
  readonly waitMs: number
  readonly claimed: readonly Claimed[]
  /** Pending entries that are no longer in the stream. */
  readonly gone: readonly string[]
  /** How many entries were trimmed that nobody had read. */
  readonly unread: number
}

export interface Pending {
  readonly id: string
  readonly consumer: string
  readonly count: number
}

export interface PendingSummary {
  readonly count: number
  readonly oldest: string | undefined
  readonly byConsumer: ReadonlyMap<string, number>
}

// readers

export const takenOf = (reply: unknown): Taken => {
  const [waitMs, claimed, gone, unread] = reply as [number, readonly Claimed[], readonly Buffer[], number]
  return { waitMs, claimed, gone: gone.map(String), unread }
}

export const recoveredOf = (reply: unknown): Pick<Taken, 'claimed' | 'gone'> => {
  const [claimed, gone] = reply as [readonly Claimed[], readonly Buffer[]]
  return { claimed, gone: gone.map(String) }
}

export const pendingOf = (reply: unknown): readonly Pending[] =>
  (reply as readonly (readonly [string, string, number, number])[]).map(([id, consumer, , count]) => ({
    id,
    consumer,
    count
  }))

export const summaryOf = (reply: unknown): PendingSummary => {
  const [count, oldest, , consumers] = reply as [
    number,
    string | null,
    string | null,
    readonly (readonly [string, string])[] | null
  ]
  return {
    count,
    oldest: oldest ?? undefined,
    byConsumer: new Map((consumers ?? []).map(([name, pending]) => [name, Number(pending)]))
  }
}

/** A flat reply of names and values. */
export const fieldsOf = (reply: unknown): ReadonlyMap<string, unknown> => {
  const flat = reply as readonly unknown[]
  return new Map(
    flat.flatMap((name, index) => (index % 2 === 0 ? [[String(name), flat[index + 1]] as const] : []))
  )
}

/** When an entry was added, in milliseconds since the epoch, if its id was made by the server. */
export const timeOf = (id: string): number => Number.parseInt(id, 10)
