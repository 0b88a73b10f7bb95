/** Faults to be laid around what a pipeline is made of: handlers, hooks and queues. */
import type { DeadLetter, Dlq } from '../core/letter.js'
import { left } from '../core/result.js'
import type { FaultOptions } from './faults.js'
import type { When } from './when.js'

// combinators

/**
 * Throws instead of calling a handler, an `acquire` or a `release`, or after it has done its work. `when` is asked
 * about its first argument.
 *
 * @example
 * const log: string[] = []
 * const save = async ({ body }: Message<string>) => {
 *   log.push(`saved ${body}`)
 *   return ack
 * }
 * const processor = pipe(
 *   receive(text),
 *   hook('tx', async () => 'tx', async (_, { _tag }) => void log.push(_tag === 'Acked' ? 'commit' : 'rollback')),
 *   handle(otherwise(throwing(nth(1), { ran: true })(save)))
 * )
 * assert.is((await processor(message('Hello'))())._tag, 'Failed')
 * assert.equal(log, ['saved Hello', 'rollback'])
 *
 * @since 0.1.0
 */
export const throwing =
  (when: When, { ran = false }: FaultOptions = {}) =>
  <Parts extends readonly unknown[], A>(call: (...parts: Parts) => Promise<A>) =>
  async (...parts: Parts): Promise<A> => {
    if (!when(parts[0])) return call(...parts)
    if (ran) await call(...parts)
    throw new Error('injected')
  }

/**
 * A queue that cannot store some letters, or that stores them and then does not say so.
 *
 * @example
 * const queue = memoryDlq()
 * const failure = rejected('unknown-customer')
 * const processor = pipe(
 *   receive(text),
 *   handle(otherwise(async () => failed(failure))),
 *   withDlq(flakyDlq(nth(1))(queue))
 * )
 * const order = message('Hello')
 * assert.equal(await processor(order)(), failed(dlqUnavailable('injected', failure)))
 * assert.equal([await processor(order)(), queue.letters().length], [deadLettered(failure), 1])
 *
 * @since 0.1.0
 */
export const flakyDlq =
  (when: When<DeadLetter>, { ran = false }: FaultOptions = {}) =>
  (dlq: Dlq): Dlq => ({
    location: dlq.location,
    recall: dlq.recall?.bind(dlq),
    resolve: dlq.resolve?.bind(dlq),
    put: (letter, raw) => async () => {
      if (!when(letter)) return dlq.put(letter, raw)()
      if (ran) await dlq.put(letter, raw)()
      return left({ reason: 'injected' })
    }
  })
