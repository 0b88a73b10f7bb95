/** Streams as one source: each delivery's group is asked about it, and suspects are started one after the other. */
import type { Clock } from '../core/clock.js'
import type { Settle, Settlement, Source, SourceGauges, Traits } from '../ports/source.js'
import { sleep } from '../ports/waiting.js'
import type { Connection } from '../redis/connection.js'
import type { EntryDelivery } from './redis-stream-entry.js'
import type { StreamGroup } from './redis-stream-group.js'

// model

export interface StreamSourceNeeds {
  readonly traits: Traits
  readonly groups: readonly StreamGroup[]
  readonly pull: Source['pull']
  readonly connections: readonly Connection[]
  /** Aborts when the source is closed. */
  readonly closing: AbortSignal
  readonly clock: Clock
}

// constructors

export const streamSource = ({
  traits,
  groups,
  pull,
  connections,
  closing,
  clock
}: StreamSourceNeeds): Source => {
  const byKey = new Map(groups.map((each) => [each.key, each]))
  const groupOf = ({ stream }: EntryDelivery): StreamGroup => byKey.get(stream) as StreamGroup

  /** Asks each group about its own, and answers in the order of all. */
  const eachGroup = async <A>(
    all: readonly A[],
    entryOf: (one: A) => EntryDelivery,
    ask: (group: StreamGroup, some: readonly A[]) => Promise<readonly Settlement[]>
  ): Promise<readonly Settlement[]> => {
    const [only, another] = groups
    if (only !== undefined && another === undefined) return ask(only, all)
    const answers = new Map<A, Settlement>()
    await Promise.all(
      groups.map(async (group) => {
        const some = all.filter((one) => groupOf(entryOf(one)) === group)
        const settled = await ask(group, some)
        some.forEach((one, index) => answers.set(one, settled[index] ?? 'unknown'))
      })
    )
    return all.map((one) => answers.get(one) ?? 'unknown')
  }

  /** The one of those that are started alone which was started last. */
  let suspect: EntryDelivery | undefined

  /**
   * Waits until the last suspect is settled as well as done, and makes this one the last. Else a process that dies of
   * this one would leave that one behind, one start more each time, until both are over the limit.
   */
  const suspectSettled = async (next: EntryDelivery): Promise<void> => {
    while (
      suspect !== undefined &&
      suspect !== next &&
      !suspect.isOver &&
      suspect.interrupted() === undefined &&
      !closing.aborted
    )
      await sleep(clock, suspectPauseMs, closing)
    suspect = next
  }

  return {
    traits,
    pull,
    start: (delivery) => {
      const entry = delivery as EntryDelivery
      // Read just now, an entry carries its start already.
      if (entry.isCounted && entry.until > clock.monotonic()) return undefined
      return async () => {
        if (entry.alone) await suspectSettled(entry)
        return groupOf(entry).start(entry)
      }
    },
    settle: (batch) => () =>
      eachGroup(
        batch,
        ({ delivery }: Settle) => delivery as EntryDelivery,
        (group, some) => group.settle(some)
      ),
    renew: (held) => () =>
      eachGroup(
        held as readonly EntryDelivery[],
        (entry) => entry,
        (group, some) => group.renew(some)
      ),
    measure: () => async () => {
      const reconnects = connections.reduce((sum, connection) => sum + connection.reconnects(), 0)
      try {
        const measured = await Promise.all(groups.map((each) => each.measure()))
        return { ...measured.reduce(added), reconnects }
      } catch {
        return { reconnects }
      }
    }
  }
}

// helpers

const suspectPauseMs = 1

const added = (one: SourceGauges, other: SourceGauges): SourceGauges => {
  const sum = (a: number | undefined, b: number | undefined): number | undefined =>
    a === undefined || b === undefined ? undefined : a + b
  const lag = sum(one.lag, other.lag)
  const ages = [one.oldestPendingMs, other.oldestPendingMs].filter((age) => age !== undefined)
  return {
    ...(lag !== undefined && { lag }),
    pending: (one.pending ?? 0) + (other.pending ?? 0),
    parked: (one.parked ?? 0) + (other.parked ?? 0),
    lost: (one.lost ?? 0) + (other.lost ?? 0),
    ...(ages.length > 0 && { oldestPendingMs: Math.max(...ages) })
  }
}
