/** A source that keeps its promise not to reject, whoever wrote it. */
import type { Delivery, Input, Settle, Settlement, Source } from '../core/source.js'
import { left } from '../core/result.js'

/** A pull that rejects has failed for good; anything else that rejects has not answered. */
export const reliable = ({ traits, pull, settle, start, renew, input, measure }: Source): Source => ({
  traits,
  pull: (max, signal) => async () => {
    try {
      return await pull(max, signal)()
    } catch (cause) {
      return left({ _tag: 'Fatal', cause })
    }
  },
  ...(settle && {
    settle: (batch: readonly Settle[]) => async () => {
      try {
        return await settle(batch)()
      } catch {
        return []
      }
    }
  }),
  ...(start && {
    start: (delivery: Delivery) => {
      const asked = async (): Promise<Settlement> => {
        try {
          return await (start(delivery)?.() ?? 'ok')
        } catch {
          return 'unknown'
        }
      }
      try {
        return start(delivery) && asked
      } catch {
        return asked
      }
    }
  }),
  ...(renew && {
    renew: (held: readonly Delivery[]) => async () => {
      try {
        return await renew(held)()
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

// helpers

const unknownInput: Input = { readBytes: 0, knownBytes: 0, isAll: false }
