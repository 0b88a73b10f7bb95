/** Batches: handlers that get many messages at once, as one INSERT takes a hundred rows. */
import type { Task } from 'fp-ts/lib/Task.js'
import { hush } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import { gatheredBy } from '../core/gathering.js'
import type { Message } from '../core/message.js'
import { type Verdict, toVerdict } from '../core/outcome.js'
import type { BatchLimits, Processor } from '../core/processor.js'
import type { Handler } from '../core/route.js'

// model

/** One message of a batch: what its route's matcher gives, and what its hooks provide. */
export interface BatchItem<A, C> {
  readonly input: A
  readonly context: C
}

/** Gives a verdict for each message, in their order, or one for all of them. */
export type BatchHandler<A, C> = (
  items: readonly BatchItem<A, C>[]
) => Task<Verdict | readonly Verdict[]> | Promise<Verdict | readonly Verdict[]>

// constructors

/** Gathers what is in flight at the same time; `handler` is called for `max` messages, or after `withinMs`. */
export const batched = <A, C>(
  max: number,
  withinMs: number,
  handler: BatchHandler<A, C>,
  clock: Clock
): Handler<A, C & HasMessage> => {
  if (!(Number.isInteger(max) && max >= 1))
    throw new RangeError('batched: max is a whole number of at least 1')
  if (!(withinMs >= 0 && withinMs < 2 ** 31))
    throw new RangeError('batched: withinMs is a number of milliseconds of at least 0')
  const batch = { max, withinMs }
  return gatheredBy(batch, () => gathering(batch, handler, clock))
}

// readers

/** What to say of batches that so few messages in flight can never fill. Of a processor that tells no routes: nothing. */
export const batchProblem = ({ description }: Processor, concurrency: number): string | undefined => {
  for (const { label, batch } of description?.routes ?? [])
    if (batch !== undefined && batch.max > concurrency)
      return `the route ${label} is batched by ${batch.max} and concurrency is ${concurrency}, so no batch would ever be full and each would wait ${batch.withinMs} ms; say concurrency: ${batch.max}, or batched(${concurrency}, ...)`
  return undefined
}

// helpers

interface HasMessage {
  readonly message: Message<any>
}

interface Waiting<A, C> {
  readonly item: BatchItem<A, C>
  readonly give: (verdict: Promise<Verdict>) => void
  /** Makes it deaf to its signal. */
  readonly stay: () => void
}

const gathering = <A, C>(
  { max, withinMs }: BatchLimits,
  handler: BatchHandler<A, C>,
  clock: Clock
): Handler<A, C & HasMessage> => {
  const waiting = new Set<Waiting<A, C>>()
  let cancel = (): void => undefined

  const start = (): void => {
    cancel()
    const batch = Array.from(waiting)
    waiting.clear()
    for (const { stay } of batch) stay()
    const given = verdictsOf(
      handler,
      batch.map(({ item }) => item)
    )
    for (const [index, { give }] of batch.entries())
      give(given.then((verdicts) => checked(verdicts[index], index)))
  }

  return (input, context) =>
    new Promise((give, reject) => {
      const { signal } = context.message
      const leave = (): void => {
        waiting.delete(call)
        if (waiting.size === 0) cancel()
        reject(signal.reason)
      }
      const stay = () => signal.removeEventListener('abort', leave)
      const call: Waiting<A, C> = { item: { input, context }, give, stay }
      if (signal.aborted) return leave()
      signal.addEventListener('abort', leave, { once: true })
      waiting.add(call)
      if (waiting.size === max) start()
      else if (waiting.size === 1) cancel = clock.after(withinMs, start)
    })
}

/** As many as there are items, whatever they are; rejects for all where that cannot be said. */
const verdictsOf = async <A, C>(
  handler: BatchHandler<A, C>,
  items: readonly BatchItem<A, C>[]
): Promise<readonly unknown[]> => {
  const { length } = items
  const result = handler(items)
  const given: unknown = await (typeof result === 'function' ? result() : result)
  if (!Array.isArray(given)) {
    const verdict = toVerdict(given)
    // Not of `items`, which its handler may have emptied meanwhile.
    if (verdict !== undefined) return Array.from({ length }, () => verdict)
    throw new TypeError('gave neither a verdict nor an array of verdicts')
  }
  if (given.length === length) return given
  for (const each of given) hush(each)
  throw new TypeError(
    `gave ${given.length} verdicts for ${length} messages; give one for each, or one for all`
  )
}

const checked = (given: unknown, index: number): Verdict => {
  const verdict = toVerdict(given)
  if (verdict !== undefined) return verdict
  hush(given)
  throw new TypeError(
    `gave something that is no verdict for message ${index + 1} of its batch; give ack, nack() or failed(...)`
  )
}
