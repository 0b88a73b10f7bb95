/** Sources that break a promise on purpose: what a judge is worth is what it finds. */
import { pipe } from 'fp-ts/lib/function.js'
import { type Delivery, type OpenSource, type Pulled, Resource, type Source } from 'missive-ts'
import type { Mode } from './worker-options.js'

export const broken =
  (mode: Mode) =>
  (open: OpenSource): OpenSource =>
  (limits) =>
    pipe(
      open(limits),
      Resource.map((source): Source => ({ ...source, ...breaks[mode](source) }))
    )

// helpers

const breaks: Readonly<Record<Mode, (source: Source) => Partial<Source>>> = {
  sound: () => ({}),

  /** Acknowledges what it pulls, and nothing afterwards. */
  'acks-early': (source) => ({
    ...pulling(source, async (items) => {
      const done = { outcome: { _tag: 'Acked' }, action: { _tag: 'Done' } } as const
      await source.settle?.(items.map((delivery) => ({ delivery, ...done })))()
      return items
    }),
    settle: (batch) => async () => batch.map(() => 'ok'),
    renew: (held) => async () => held.map(() => 'ok')
  }),

  /** Starts what was abandoned beside others, as if nothing had happened. */
  'side-by-side': (source) => pulling(source, async (items) => items.map(together)),

  /** Counts what it takes, as XAUTOCLAIM does, though it starts none of it. */
  'counts-claims': (source) =>
    pulling(source, async (items) => {
      const suspects = items.filter(({ alone }) => alone === true).map(together)
      for (const delivery of suspects) await source.start?.(delivery)?.()
      return items
    }),

  /** Gives each message twice. */
  'delivers-twice': (source) =>
    pulling(source, async (items) => items.flatMap((delivery) => [delivery, delivery]))
}

const pulling = (
  source: Source,
  change: (items: readonly Delivery[]) => Promise<readonly Delivery[]>
): Partial<Source> => ({
  pull: (max, signal) => async () => {
    const pulled = await source.pull(max, signal)()
    if (pulled._tag === 'Left' || pulled.right._tag === 'End') return pulled
    const items = await change(pulled.right.items)
    const right: Pulled = { _tag: 'Batch', items }
    return { ...pulled, right }
  }
})

/** The same delivery, suspected of nothing. */
const together = (delivery: Delivery): Delivery => Object.assign(delivery, { alone: false })
