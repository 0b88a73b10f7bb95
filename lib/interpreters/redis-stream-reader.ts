/** Reading streams: what is new, what is due, and what was given to us in replies that got lost. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Clock } from '../core/clock.js'
import { left, right } from '../core/result.js'
import type { Pulled, Source, SourceError } from '../ports/source.js'
import { type Connection, Unanswered } from '../redis/connection.js'
import type { Read } from '../redis/entries.js'
import type { EntryDelivery } from './redis-stream-entry.js'
import { type StreamGroup, isGroupLost } from './redis-stream-group.js'
import { scanMs } from './redis-stream-take.js'

// model

export interface ReaderNeeds {
  readonly groups: readonly StreamGroup[]
  readonly group: string
  readonly consumer: string
  readonly batch: number
  readonly blockMs: number
  /** A connection that nothing else uses, as a blocked read holds up all that comes after it. */
  readonly connection: Connection
  readonly commands: Connection
  readonly clock: Clock
}

export interface Reader {
  readonly pull: Source['pull']
  /** Resolves once nothing is being read any more, and never rejects. */
  readonly end: () => Promise<void>
}

// constructors

export const reader = (needs: ReaderNeeds): Reader => {
  const { groups, group, consumer, batch, blockMs, connection, commands, clock } = needs
  const byKey = new Map(groups.map((each) => [each.key, each]))
  const keys = groups.map(({ key }) => key)
  const places = keys.map(() => '>')
  let scanAt = -Infinity
  let mustRecover = false
  let reconnects = -1
  let clientId: number | undefined
  /** So many are asked for at most: few large ones may be all that a slow network brings before it counts as dead. */
  let most = Infinity
  /** A read whose pull was aborted, and what it brought. */
  let abandoned: Promise<void> = Promise.resolve()

  /** On a new connection: what the old one was to bring has to be asked for. */
  const arrive = async (): Promise<void> => {
    if (connection.reconnects() === reconnects) return
    const count = connection.reconnects()
    if (reconnects !== -1) mustRecover = true
    // By this a blocked read is ended. Not everybody may ask for it, and in a cluster it is one of many.
    clientId = connection.client.isCluster
      ? undefined
      : await connection.ask(['CLIENT', 'ID']).then(Number, () => undefined)
    reconnects = count
  }

  const recovered = async (max: number): Promise<readonly EntryDelivery[]> => {
    const items: EntryDelivery[] = []
    let isAll = true
    for (const each of groups) {
      if (items.length >= max) isAll = false
      else {
        const found = await unlessInVain(each.recover(max - items.length), items)
        items.push(...(found?.items ?? []))
        isAll &&= found?.isAll === true
      }
    }
    mustRecover = !isAll
    return items
  }

  const taken = async (max: number): Promise<readonly EntryDelivery[]> => {
    const items: EntryDelivery[] = []
    let waitMs = scanMs
    for (const each of groups) {
      if (items.length >= max) waitMs = 0
      else {
        const found = await unlessInVain(each.take(max - items.length), items)
        if (found === undefined) mustRecover = true
        items.push(...(found?.items ?? []))
        waitMs = Math.min(waitMs, found?.waitMs ?? 0)
      }
    }
    scanAt = clock.monotonic() + waitMs
    return items
  }

  const accepted = (reads: readonly Read[], askedAt: number): readonly EntryDelivery[] =>
    reads.flatMap(([key, entries]) => (byKey.get(key) as StreamGroup).accept(entries, askedAt))

  const read = async (max: number, signal: AbortSignal): Promise<readonly EntryDelivery[]> => {
    const askedAt = clock.monotonic()
    const waitMs = Math.max(1, Math.min(blockMs, Math.ceil(scanAt - askedAt)))
    // So many of each stream: together they have room.
    const count = Math.max(1, Math.floor(Math.min(max, batch) / keys.length))
    const command = ['XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'BLOCK', waitMs] as const
    const reading = connection.read([...command, 'STREAMS', ...keys, ...places], waitMs + patienceMs)
    const reply = await unlessAborted(reading, signal)
    if (reply !== aborted) return accepted(reply, askedAt)
    abandoned = reading
      .then(async (late) => {
        const items = accepted(late, askedAt)
        for (const each of groups) await each.giveBack(items.filter(({ stream }) => stream === each.key))
      })
      .catch(() => void (mustRecover = true))
    unblock()
    return []
  }

  const unblock = (): void => {
    if (clientId !== undefined) commands.ask(['CLIENT', 'UNBLOCK', clientId]).catch(() => undefined)
  }

  const pulled = async (max: number, signal: AbortSignal): Promise<readonly EntryDelivery[]> => {
    await abandoned
    await arrive()
    if (mustRecover) {
      const items = await recovered(max)
      if (items.length > 0) return items
    }
    if (clock.monotonic() >= scanAt) {
      const items = await taken(max)
      if (items.length > 0) return items
    }
    return signal.aborted ? [] : read(max, signal)
  }

  const failed = async (thrown: unknown, asked: number): Promise<Either<SourceError, Pulled>> => {
    mustRecover = true
    if (thrown instanceof Unanswered) most = Math.max(1, Math.floor(Math.min(asked, batch) / 2))
    if (isGroupLost(thrown)) {
      for (const each of groups) await each.rejoin()
      return right({ _tag: 'Batch', items: [] })
    }
    const cause = connection.errorOf(thrown)
    return left({ _tag: isHopeless(cause.message) ? 'Fatal' : 'Transient', cause })
  }

  return {
    pull: (max, signal) => async () => {
      const askedAt = clock.monotonic()
      const asked = Math.min(max, most)
      try {
        if (!(await connection.isReady(readyMs, signal))) {
          if (signal.aborted) return right({ _tag: 'Batch', items: [] })
          throw new Error(`there is no connection to Redis at ${connection.server}`)
        }
        const items = await pulled(asked, signal)
        // Twice as many are not too many either.
        if (clock.monotonic() - askedAt < patienceMs / 4) most *= 2
        return right({ _tag: 'Batch', items, waited: true })
      } catch (thrown) {
        return failed(thrown, asked).catch((again: unknown) =>
          left({ _tag: 'Transient', cause: connection.errorOf(again) })
        )
      }
    },
    end: () => abandoned
  }
}

// helpers

/** How long a read may take beyond its time before the connection counts as dead. */
const patienceMs = 2_000
const readyMs = 1_000

/** The key holds something else, or no server has all streams. */
const isHopeless = (message: string): boolean => /WRONGTYPE|CROSSSLOT/.test(message)

/** A group that does not answer is no reason to lose what another has given: it is asked again. */
const unlessInVain = <A>(asking: Promise<A>, given: readonly EntryDelivery[]): Promise<A | undefined> =>
  given.length === 0 ? asking : asking.catch(() => undefined)

const aborted = Symbol('aborted')

const unlessAborted = <A>(promise: Promise<A>, signal: AbortSignal): Promise<A | typeof aborted> =>
  new Promise((resolve, reject) => {
    const onAbort = (): void => resolve(aborted)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
