/** What a member of a group says of its entries: started, done, to come back, still held. */
import type { Clock } from '../core/clock.js'
import type { Action, Delivery, Settle, Settlement } from '../ports/source.js'
import type { Connection, Script } from '../redis/connection.js'
import type { RedisArgument } from '../redis/like.js'
import type { EntryDelivery } from './redis-stream-entry.js'
import * as scripts from './redis-stream-scripts.js'
import type { Unsettled } from './redis-stream-unsettled.js'

// model

export interface SettlingNeeds {
  readonly key: string
  readonly group: string
  readonly leaseMs: number
  readonly commands: Connection
  readonly clock: Clock
  readonly unsettled: Unsettled
  /** Runs a script for this group and this consumer. */
  readonly run: (script: Script, parts: readonly RedisArgument[]) => Promise<unknown>
  /** What the server answers for each of those, once it has the group again; where it does not, nothing. */
  readonly asked: (
    those: readonly unknown[],
    ask: () => Promise<unknown>
  ) => Promise<readonly number[] | undefined>
  /** Says that so many entries were no longer there. */
  readonly trimmed: (count: number) => void
}

/** None of these rejects. */
export interface StreamSettling {
  readonly start: (delivery: EntryDelivery) => Promise<Settlement>
  readonly settle: (batch: readonly Settle[]) => Promise<readonly Settlement[]>
  readonly renew: (held: readonly EntryDelivery[]) => Promise<readonly Settlement[]>
  /** Gives back what was not started. */
  readonly giveBack: (deliveries: readonly EntryDelivery[]) => Promise<void>
}

// constructors

export const streamSettling = (needs: SettlingNeeds): StreamSettling => {
  const { key, group, leaseMs, commands, clock, unsettled, run, asked, trimmed } = needs

  /** What almost always is the case: all is done, and surely ours. */
  const ackedAtOnce = async (batch: readonly Settle[]): Promise<readonly Settlement[] | undefined> => {
    const sureFrom = clock.monotonic() + leaseMs / 3
    const ids: string[] = []
    for (const { delivery, action } of batch) {
      const { id, until, isTrimmed } = delivery as EntryDelivery
      if (action._tag !== 'Done' || until <= sureFrom || isTrimmed) return undefined
      ids.push(id)
    }
    try {
      await commands.ask(['XACK', key, group, ...ids])
      return ids.map(() => 'ok')
    } catch {
      return ids.map(() => 'unknown')
    }
  }

  /** Asks for each kind of action what is asked for it, and answers in the order of all. */
  const settledEach = async (batch: readonly Settle[]): Promise<readonly Settlement[]> => {
    const sureFrom = clock.monotonic() + leaseMs / 3
    const answers = new Map<EntryDelivery, number>()
    const sure: EntryDelivery[] = []
    const late: EntryDelivery[] = []
    const back: Back[] = []
    for (const { delivery, action } of batch) {
      const entry = delivery as EntryDelivery
      if (entry.isTrimmed) answers.set(entry, action._tag === 'Done' ? 1 : -1)
      // It may have been taken anew by this very process, and that delivery is not this one's to give back.
      else if (entry.isOver && action._tag !== 'Done') answers.set(entry, 0)
      else if (action._tag === 'Done') (entry.until > sureFrom ? sure : late).push(entry)
      else back.push({ entry, action })
    }
    const told = (entries: readonly EntryDelivery[], given: readonly number[] | undefined): void =>
      entries.forEach((entry, index) => answers.set(entry, given?.[index] ?? unknown))
    const [acks, lateAcks, parks] = await Promise.all([
      asked(sure, async () => {
        await commands.ask(['XACK', key, group, ...idsOf(sure)])
        return sure.map(() => 1)
      }),
      asked(late, () => inParts(late, (some) => run(scripts.ackOwned, idsOf(some)))),
      parked(back)
    ])
    told(sure, acks)
    told(late, lateAcks)
    told(
      back.map(({ entry }) => entry),
      parks
    )
    trimmed([...answers.values()].filter((answer) => answer === -1).length)
    return batch.map(({ delivery }) => settlementOf(answers.get(delivery as EntryDelivery) ?? unknown))
  }

  const parked = (back: readonly Back[]): Promise<readonly number[] | undefined> =>
    asked(back, () =>
      inParts(back, (some) =>
        run(scripts.park, [
          scripts.horizonMs,
          ...some.flatMap(({ entry, action }) => [
            entry.id,
            action._tag === 'Retry' ? Math.min(Math.ceil(action.afterMs), scripts.horizonMs) : 0,
            action._tag === 'Release' && entry.isCounted ? -1 : 0
          ])
        ])
      )
    )

  /** Leaves out what is being settled when it comes to asking: a group that was made anew would take back what is done. */
  const renewed = async (some: readonly EntryDelivery[]): Promise<readonly number[]> => {
    const still = some.filter(({ isSettling }) => !isSettling)
    if (still.length === 0) return some.map(() => unknown)
    const answers = (await run(scripts.renew, idsOf(still))) as readonly number[]
    const byEntry = new Map(still.map((entry, index) => [entry, answers[index] ?? unknown]))
    return some.map((entry) => byEntry.get(entry) ?? unknown)
  }

  return {
    start: async (delivery) => {
      if (delivery.isTrimmed) return 'ok'
      const askedAt = clock.monotonic()
      const [answer = unknown] =
        (await asked([delivery], async () => [
          await run(scripts.start, [delivery.id, delivery.deliveryCount])
        ])) ?? []
      if (answer === 0) unsettled.drop(delivery)
      if (answer === 1 || answer === -1) {
        delivery.counted()
        delivery.until = Math.floor(askedAt) + leaseMs
        delivery.isTrimmed = answer === -1
      }
      return answer === -1 ? 'ok' : settlementOf(answer)
    },
    settle: async (batch) => {
      for (const { delivery } of batch) (delivery as EntryDelivery).isSettling = true
      const settled = (await ackedAtOnce(batch)) ?? (await settledEach(batch))
      batch.forEach(({ delivery }, index) => {
        const entry = delivery as EntryDelivery
        // What is done is never renewed; of the rest the group is to say whose it is.
        entry.isSettling = settled[index] === 'ok'
        if (settled[index] !== 'unknown') unsettled.drop(entry)
      })
      return settled
    },
    renew: async (held) => {
      const now = clock.monotonic()
      const due = held.filter(({ until, isTrimmed }) => !isTrimmed && until - now < (leaseMs * 2) / 3)
      const answers = await asked(due, () => inParts(due, renewed))
      const byDelivery = new Map<Delivery, number>(
        due.map((delivery, index) => [delivery, answers?.[index] ?? unknown])
      )
      return held.map((delivery): Settlement => {
        const answer = byDelivery.get(delivery) ?? 1
        if (answer === 1 && byDelivery.has(delivery)) delivery.until = now + leaseMs
        if (answer === -1) delivery.isTrimmed = true
        if (answer === 0) unsettled.drop(delivery)
        return answer === -1 ? 'ok' : settlementOf(answer)
      })
    },
    giveBack: async (entries) => {
      await parked(entries.map((entry) => ({ entry, action: { _tag: 'Release', started: false } })))
      for (const entry of entries) unsettled.drop(entry)
    }
  }
}

// helpers

const unknown = -2

const idsOf = (entries: readonly EntryDelivery[]): readonly string[] => entries.map(({ id }) => id)

/** Runs a script for some at a time, as the server does nothing else meanwhile; answers for each in turn. */
const inParts = async <A>(
  all: readonly A[],
  runFor: (some: readonly A[]) => Promise<unknown>
): Promise<readonly number[]> => {
  const answers: number[][] = []
  for (let begin = 0; begin < all.length; begin += maxPerScript)
    answers.push((await runFor(all.slice(begin, begin + maxPerScript))) as number[])
  return answers.flat()
}

const maxPerScript = 500

/** An entry that goes back. */
interface Back {
  readonly entry: EntryDelivery
  readonly action: Exclude<Action, { readonly _tag: 'Done' }>
}

const settlementOf = (answer: number): Settlement =>
  answer === unknown ? 'unknown' : answer === 1 ? 'ok' : 'lost'
