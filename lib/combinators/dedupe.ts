/** Dedupe: a message that was handled under its key is acked without being handled again. */
import { hush } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import { defect } from '../core/failure.js'
import type { Message } from '../core/message.js'
import { type Outcome, ackWith, failed, nack } from '../core/outcome.js'
import { type Processor, combinator } from '../core/processor.js'
import type { IdempotencyError, IdempotencyStore } from '../ports/idempotency.js'
import { aborted, sleep } from '../ports/waiting.js'
import { asking, keeping } from './keeping.js'

// model

/** How long a key is held while its message is handled. */
export interface DedupeOptions {
  /**
   * How long a process that dies holds the key of what it was handling, and how long the store may take to answer, in
   * milliseconds. 30 s by default.
   */
  readonly leaseMs?: number
}

// combinators

/** Marks a message as done once it is acked, and at no other time. */
export const withDedupe = (
  store: IdempotencyStore,
  keyOf: (message: Message) => string | undefined,
  clock: Clock,
  { leaseMs = 30_000 }: DedupeOptions
): (<P extends Processor>(processor: P) => P) => {
  if (!(leaseMs > 0 && leaseMs < 2 ** 31))
    throw new RangeError('withDedupe: leaseMs is milliseconds above 0, and no more than 24 days')
  if (typeof store?.begin !== 'function')
    throw new TypeError(
      'withDedupe: give an open store; a Resource of one, as of sqliteIdempotency, opens it for Resource.map((store) => ...)'
    )
  if (typeof keyOf !== 'function')
    throw new TypeError('withDedupe: give a function that says the key of a message')
  return combinator('withDedupe', (processor) => {
    /** What is being handled here, by its key. */
    const underWay = new Map<string, Promise<Outcome>>()
    let tokens = 0
    const asked = asking(clock, leaseMs)
    const owner = `${clock.now()}-${clock.random()}`

    const first = async (message: Message, key: string): Promise<Outcome> => {
      const token = `${owner}-${(tokens += 1)}`
      for (;;) {
        const state = await asked(() => store.begin({ key, fingerprint: '', token, leaseMs }))
        if (state._tag === 'Left') return unknown(message, state.left)
        if (state.right._tag === 'Finished') return done
        if (state.right._tag === 'Begun') return handled(message, key, token)
        if (state.right._tag === 'Mismatch') return failed(defect('withDedupe', new Error(otherWork)))
        // Nobody knows yet how it ends elsewhere: it is not acked on the strength of that.
        const { leftMs } = state.right
        const mostMs = message.redelivers && message.deliveryCount > 1 ? leaseMs : firstWaitMs
        const afterMs = leftMs < mostMs ? leftMs : mostMs
        if (message.redelivers) return nack({ reason: 'it is being handled elsewhere', afterMs })
        await sleep(clock, afterMs, message.signal)
        if (message.signal.aborted) return unwanted(message)
      }
    }

    const handled = async (message: Message, key: string, token: string): Promise<Outcome> => {
      const letGo = keeping(store, { key, token, leaseMs }, clock, () => undefined)
      const outcome = await processor(message)()
      letGo()
      // Where it cannot be marked it may be handled twice, which is no reason to say that it was not handled.
      await asked<boolean | void>(() =>
        outcome._tag === 'Acked' ? store.finish({ key, token, result: '' }) : store.abandon({ key, token })
      )
      return outcome
    }

    return (message) => async () => {
      // It is to be stored, and not to be handled.
      if (message.trace.unstored !== undefined) return processor(message)()
      const key = keyFrom(keyOf(message))
      if (key === undefined) return processor(message)()
      // One for all that it waits for: Node takes many listeners of a signal for a leak, and says so.
      let gone: Promise<void> | undefined
      for (let other = underWay.get(key); other !== undefined; other = underWay.get(key)) {
        gone ??= aborted(message.signal)
        const outcome = await Promise.race([other, gone])
        if (outcome?._tag === 'Acked') return done
        if (message.signal.aborted) return unwanted(message)
      }
      const outcome = first(message, key)
      underWay.set(key, outcome)
      try {
        return await outcome
      } finally {
        underWay.delete(key)
      }
    }
  })
}

// helpers

const done = ackWith({ note: 'it was handled before' })
/** Later ones are longer: each counts as a delivery, and what `withMaxDeliveries` allows is not for waiting. */
const firstWaitMs = 1_000
const longestWaitMs = 60_000
const otherWork = 'its key stands for other work in this store: give withDedupe a store, or keys, of its own'

/**
 * An empty text is no key: all messages that lack one would be one message. No store could answer for what is no text,
 * so that its message would be asked for again and again.
 */
const keyFrom = (key: unknown): string | undefined => {
  if (key === undefined || key === '') return undefined
  if (typeof key === 'string') return key
  hush(key)
  throw new TypeError(
    `gave a key of type ${key === null ? 'null' : typeof key}; give text, or undefined for none`
  )
}

/** Nobody waits for it any more. Where its run or its lease has ended, and not only its time, `combinator` releases it. */
const unwanted = ({ signal }: Message): Outcome => failed(defect('withDedupe', signal.reason))

/** It may have been done, so that it cannot be done now; a source that brings it back has it until that is known. */
const unknown = (message: Message, { reason }: IdempotencyError): Outcome =>
  message.redelivers
    ? nack({
        reason: `the store of what was done does not answer: ${reason}`,
        afterMs: Math.min(firstWaitMs * 2 ** (message.deliveryCount - 1), longestWaitMs)
      })
    : failed(defect('withDedupe', new Error(`the store of what was done does not answer: ${reason}`)))
