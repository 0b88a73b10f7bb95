/** Letters that come in the same turn of the event loop are stored by one script. */
import { capture } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import { portion } from '../ports/portion.js'

/** Gives what `ask` answers for each, which must be as many and in the same order. */
export const gathered = <A extends { readonly weight: number }, B>(
  ask: (items: readonly A[]) => Promise<readonly B[]>,
  clock: Clock
): ((item: A) => Promise<B>) => {
  let waiting: Waiting<A, B>[] = []

  const askAll = async (some: readonly Waiting<A, B>[]): Promise<void> => {
    try {
      const answers = await ask(some.map(({ item }) => item))
      some.forEach(({ resolve }, index) => resolve(answers[index] as B))
    } catch (thrown) {
      for (const { reject } of some)
        reject(thrown instanceof Error ? thrown : new Error(capture(thrown).message))
    }
  }

  const flush = (): void => {
    const all = waiting
    waiting = []
    for (let rest: readonly Waiting<A, B>[] = all; rest.length > 0;) {
      const some = portion(rest, maxItems, maxBytes)
      rest = rest.slice(some.length)
      void askAll(some)
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, weight: item.weight, resolve, reject })
      if (waiting.length === 1) clock.after(0, flush)
    })
}

// helpers

interface Waiting<A, B> {
  readonly item: A
  readonly weight: number
  readonly resolve: (answer: B) => void
  readonly reject: (error: Error) => void
}

/** Redis does nothing else meanwhile; and while it stores some, others can be made ready. */
const maxItems = 32
const maxBytes = 1_048_576
