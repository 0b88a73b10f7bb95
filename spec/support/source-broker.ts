/** A broker in memory that promises everything: leases, delays, groups, and faults that can be made. */
import { type Message, type Origin, fromOrigin } from '../../lib/core/message.js'
import { left, right } from '../../lib/core/result.js'
import { Interruptible } from '../../lib/ports/interruptible.js'
import { Resource } from '../../lib/ports/resource.js'
import type { Delivery, OpenSource, Settle, Settlement, Source } from '../../lib/ports/source.js'
import type { Broker, Sent, SourceBench, SourcePromises } from '../../lib/testing.js'

export const everything: Required<SourcePromises> = {
  backlog: true,
  live: true,
  reopens: true,
  ends: true,
  redelivers: true,
  delays: true,
  keeps: true,
  ordered: true,
  shares: true,
  groups: true,
  leases: true,
  countsStarts: true,
  restarts: true,
  cuts: true,
  stalls: true,
  anyBytes: true,
  large: true,
  headers: true
}

export type BrokenSource = Source & Required<Pick<Source, 'settle'>>

/** What a broken source does in another way; it may look into the queue. */
export type Break = (source: BrokenSource, queue: Queue) => Partial<Source>

export const brokerBench = (
  change: Break = () => ({}),
  promises: SourcePromises = everything
): SourceBench => ({ promises, fresh: async () => brokerOf(change) })

const brokerOf = (change: Break): Broker => {
  const log: Sent[] = []
  const link: Link = { generation: 0, isUp: true, silent: -1 }
  const queues = new Map<string, Queue>()
  const queueOf = (group: string): Queue => {
    const queue = queues.get(group) ?? queueFor(group, log)
    queues.set(group, queue)
    return queue
  }
  const fault = async (make: () => void): Promise<void> => {
    make()
    for (const queue of queues.values()) queue.change()
  }
  return {
    open: sourceOf(queueOf('laws'), link, change),
    openFor: (group) => sourceOf(queueOf(group), link, change),
    send: async (messages) => {
      log.push(...messages)
      for (const queue of queues.values()) queue.change()
    },
    end: () =>
      fault(() => {
        for (const queue of queues.values()) queue.isEnded = true
      }),
    left: async () => queueOf('laws').left(),
    restart: async () => {
      await fault(() => (link.isUp = false))
      setTimeout(() => void fault(() => (link.isUp = true)), 30)
    },
    cut: () => fault(() => (link.generation += 1)),
    stall: () => fault(() => (link.silent = link.generation)),
    close: () =>
      fault(() => {
        for (const queue of queues.values()) queue.end()
      })
  }
}

/** The connections of a generation are cut together; silent ones are noticed after a time. */
interface Link {
  generation: number
  isUp: boolean
  silent: number
}

export interface Entry {
  readonly id: string
  readonly sent: Sent
  count: number
  dueAt: number
  token: number
  leaseUntil: number
}

// the queue of a group

export interface Queue {
  readonly group: string
  readonly entries: Map<string, Entry>
  isEnded: boolean
  readonly change: () => void
  readonly changed: (ms: number, signal: AbortSignal) => Promise<void>
  /** What may be given now, and is given. */
  readonly take: (max: number) => readonly Entry[]
  readonly left: () => number
  /** Lets go whoever still waits. */
  readonly end: () => void
  /** When something may be given next. */
  readonly nextAt: () => number
}

const leaseMs = 400

const queueFor = (group: string, log: readonly Sent[]): Queue => {
  const entries = new Map<string, Entry>()
  let read = 0
  let tokens = 0
  let wakers = new Set<() => void>()
  const fill = (): void => {
    for (; read < log.length; read += 1) {
      const id = `${group}-${read}`
      entries.set(id, { id, sent: log[read] as Sent, count: 0, dueAt: 0, token: 0, leaseUntil: 0 })
    }
  }
  const queue: Queue = {
    group,
    entries,
    isEnded: false,
    end: () => {
      fill()
      entries.clear()
      queue.isEnded = true
    },
    change: () => {
      const woken = wakers
      wakers = new Set()
      for (const wake of woken) wake()
    },
    changed: (ms, signal) =>
      new Promise((resolve) => {
        const wake = (): void => {
          clearTimeout(timer)
          wakers.delete(wake)
          signal.removeEventListener('abort', wake)
          resolve()
        }
        const timer = setTimeout(wake, ms)
        wakers.add(wake)
        if (signal.aborted) wake()
        else signal.addEventListener('abort', wake)
      }),
    take: (max) => {
      fill()
      const now = performance.now()
      const taken: Entry[] = []
      for (const entry of entries.values()) {
        if (taken.length === max) break
        if (entry.leaseUntil > now || entry.dueAt > now) continue
        tokens += 1
        Object.assign(entry, { token: tokens, leaseUntil: now + leaseMs })
        taken.push(entry)
      }
      return taken
    },
    left: () => {
      fill()
      return entries.size
    },
    nextAt: () =>
      Array.from(entries.values()).reduce(
        (next, { dueAt, leaseUntil }) => Math.min(next, Math.max(dueAt, leaseUntil)),
        Infinity
      )
  }
  return queue
}

// the source

class EntryDelivery extends Interruptible implements Delivery, Origin {
  readonly message: Message
  readonly id: string
  readonly bytes: Uint8Array
  readonly headers: Readonly<Record<string, string>>
  readonly deliveryCount: number
  readonly token: number
  readonly source: string
  readonly redelivers = true
  readonly receivedAt = Date.now()
  readonly raw = undefined
  /** Was its start counted? */
  isCounted = false
  constructor({ id, sent, count, token }: Entry, group: string) {
    super()
    this.id = id
    this.bytes = Uint8Array.from(sent.bytes)
    this.headers = { ...sent.headers }
    this.deliveryCount = count + 1
    this.token = token
    this.source = `memory/${group}`
    this.message = fromOrigin(this)
  }
}

const sourceOf =
  (queue: Queue, link: Link, change: Break): OpenSource =>
  () =>
    Resource.make(
      'broker',
      async () => {
        let generation = link.generation
        const deliveries = new WeakMap<Message, EntryDelivery>()

        /** Why the broker cannot be asked now; finding that out makes a new connection. */
        const disconnected = async (signal?: AbortSignal): Promise<Error | undefined> => {
          if (link.silent === generation) await queue.changed(100, signal ?? new AbortController().signal)
          const reason =
            link.silent === generation
              ? 'silent'
              : generation !== link.generation
                ? 'cut'
                : link.isUp
                  ? undefined
                  : 'down'
          if (reason === undefined) return undefined
          if (link.silent === generation && link.generation === generation) link.generation += 1
          generation = link.generation
          return new Error(`the connection is ${reason}`)
        }

        const held = ({ message }: Delivery): Entry | undefined => {
          const delivery = deliveries.get(message)
          const entry = delivery && queue.entries.get(delivery.id)
          return entry?.token === delivery?.token && (entry?.leaseUntil ?? 0) > performance.now()
            ? entry
            : undefined
        }

        const settled = ({ delivery, action }: Settle): Settlement => {
          const entry = held(delivery)
          if (entry === undefined) return 'lost'
          if (action._tag === 'Done') queue.entries.delete(entry.id)
          else {
            if (action._tag === 'Release' && action.started) entry.count -= 1
            if (action._tag === 'Retry') entry.dueAt = performance.now() + action.afterMs
            entry.leaseUntil = 0
          }
          queue.change()
          return 'ok'
        }

        const source: BrokenSource = {
          traits: { redelivers: true, delay: 'native', exclusive: false, leaseMs },
          pull: (max, signal) => async () => {
            for (;;) {
              const error = await disconnected(signal)
              if (error !== undefined && !signal.aborted) return left({ _tag: 'Transient', cause: error })
              if (signal.aborted) return right({ _tag: 'Batch', items: [] })
              const items = queue.take(max).map((entry) => new EntryDelivery(entry, queue.group))
              for (const item of items) deliveries.set(item.message, item)
              if (items.length > 0) return right({ _tag: 'Batch', items })
              if (queue.isEnded && queue.left() === 0) return right({ _tag: 'End' })
              const waitMs = Math.max(1, Math.min(1_000, queue.nextAt() - performance.now()))
              await queue.changed(waitMs, signal)
            }
          },
          start: (delivery) => async () => {
            if ((await disconnected()) !== undefined) return 'unknown'
            const entry = held(delivery)
            const counted = deliveries.get(delivery.message)
            if (entry === undefined || counted === undefined) return 'lost'
            if (!counted.isCounted) entry.count += 1
            counted.isCounted = true
            return 'ok'
          },
          settle: (batch) => async () =>
            (await disconnected()) === undefined ? batch.map(settled) : batch.map(() => 'unknown'),
          renew: (all) => async () => {
            if ((await disconnected()) !== undefined) return all.map(() => 'unknown')
            return all.map((delivery) => {
              const entry = held(delivery)
              if (entry !== undefined) entry.leaseUntil = performance.now() + leaseMs
              return entry === undefined ? 'lost' : 'ok'
            })
          }
        }
        return right({ ...source, ...change(source, queue) })
      },
      async () => undefined
    )
