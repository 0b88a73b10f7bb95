/** How sources are broken on purpose, and what becomes of a law over them. */
import { type Message, type MessageFields, amend } from '../../lib/core/message.js'
import { right } from '../../lib/core/result.js'
import type { Delivery, OpenSource, Settle, Source } from '../../lib/ports/source.js'
import { type SourceBench, sourceLaws } from '../../lib/testing.js'
import { type BrokenSource, brokerBench } from '../support/source-broker.js'

/** What a source gives, changed; it is asked about what it gave itself. */
export const changing = (
  source: BrokenSource,
  change: (message: Message) => MessageFields
): Partial<Source> => {
  const given = new WeakMap<Delivery, Delivery>()
  const own = (delivery: Delivery): Delivery => given.get(delivery) ?? delivery
  const changed = (delivery: Delivery): Delivery => {
    const { message } = delivery
    const other: Delivery = {
      message: amend(message, change(message)),
      interrupt: (reason) => delivery.interrupt(reason)
    }
    given.set(other, delivery)
    return other
  }
  return {
    pull: pulling(source, (items) => items.map(changed)),
    start: (delivery) => source.start?.(own(delivery)),
    renew: (held) => source.renew?.(held.map(own)) ?? (async () => []),
    settle: (batch) => source.settle(batch.map((each) => ({ ...each, delivery: own(each.delivery) })))
  }
}

/** Pulls, and gives something else. */
export const pulling =
  (source: Source, change: (items: readonly Delivery[]) => readonly Delivery[]): Source['pull'] =>
  (max, signal) =>
  async () => {
    const pulled = await source.pull(max, signal)()
    return pulled._tag === 'Right' && pulled.right._tag === 'Batch'
      ? right({ _tag: 'Batch', items: change(pulled.right.items) })
      : pulled
  }

/** Settles something else. */
export const settling = (source: BrokenSource, change: (settle: Settle) => Settle): Partial<Source> => ({
  settle: (batch) => source.settle(batch.map(change))
})

export const textOf = ({ bytes }: Message): string => Buffer.from(bytes).toString()

/** What becomes of the law with this name when it is run: what it says, if it is broken. */
export const brokenBy = async (bench: SourceBench, name: string): Promise<string> => {
  const meant = sourceLaws(bench, { deadlineMs: 1_000, recoverMs: 1_000 }).find((each) => each.name === name)
  if (meant === undefined) throw new Error(`there is no law that says: it ${name}`)
  const { run } = meant
  const broken = await run().catch((error: Error) => error)
  return broken === undefined ? 'kept' : `${broken.name}: ${broken.message}`
}

/** The same bench, with a source that is opened in another way. */
export const openedBy = (open: (open: OpenSource) => OpenSource): SourceBench => {
  const { promises, fresh } = brokerBench()
  return {
    promises,
    fresh: async () => {
      const broker = await fresh()
      return { ...broker, open: open(broker.open) }
    }
  }
}
