/** A source that keeps its promise not to reject, whoever wrote it. */
import type { Task } from 'fp-ts/lib/Task.js'
import { hush } from '../core/captured.js'
import type { Interruption } from '../core/message.js'
import { left, right } from '../core/result.js'
import { isPulled } from '../ports/pulled.js'
import type { Delivery, Input, Settle, Settlement, Source } from '../ports/source.js'

/** A pull that rejects, or gives what is none, has failed for good; anything else that does so has not answered. */
export const reliable = ({ traits, pull, settle, start, renew, input, measure }: Source): Source => ({
  traits,
  pull: (max, signal) => async () => {
    try {
      const pulled = await pull(max, signal)()
      if (!isPulled(pulled))
        throw new TypeError('it answers a pull with something else than Either a batch, or the end')
      if (pulled._tag === 'Left' || pulled.right._tag === 'End') return pulled
      // A copy: the source may use its list again, and what is missing in one is no delivery either.
      const items = [...pulled.right.items]
      if (!items.every(isDelivery))
        throw new TypeError('it gives what is no delivery: each has interrupt and a message(...)')
      return right({ ...pulled.right, items })
    } catch (cause) {
      return left({ _tag: 'Fatal', cause })
    }
  },
  ...(settle && {
    settle: (batch: readonly Settle[]) => async () => {
      try {
        return listOf(await settle(batch)())
      } catch {
        return []
      }
    }
  }),
  ...(start && {
    start: (delivery: Delivery) => {
      let next: Task<Settlement> | undefined
      try {
        next = start(delivery)
        if (next === undefined) return undefined
      } catch {
        // It is asked again.
      }
      return async () => {
        const asking = next
        next = undefined
        try {
          return await ((asking ?? start(delivery))?.() ?? 'ok')
        } catch {
          return 'unknown'
        }
      }
    }
  }),
  ...(renew && {
    renew: (held: readonly Delivery[]) => async () => {
      try {
        return listOf(await renew(held)())
      } catch {
        return []
      }
    }
  }),
  ...(measure && {
    measure: () => async () => {
      try {
        return await measure()()
      } catch {
        return undefined
      }
    }
  }),
  ...(input && {
    input: () => {
      try {
        return input()
      } catch {
        return unknownInput
      }
    }
  })
})

/** Interrupts a delivery, if there is one. What that throws, or rejects with, is nobody's. */
export const interrupt = (delivery: Delivery | undefined, reason: Interruption): void => {
  try {
    hush(delivery?.interrupt(reason))
  } catch {
    // It is not wanted all the same.
  }
}

// helpers

const isDelivery = (item: Partial<Delivery> | undefined): boolean =>
  typeof item?.message?.trace === 'object' && typeof item.interrupt === 'function'

const listOf = (answers: readonly Settlement[]): readonly Settlement[] =>
  Array.isArray(answers) ? answers : []

const unknownInput: Input = { readBytes: 0, knownBytes: 0, isAll: false }
