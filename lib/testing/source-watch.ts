/** A source that is watched in all that it is asked, whoever asks: what every law finds out. */
import { Buffer } from 'node:buffer'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Clock } from '../core/clock.js'
import { type ResourceError, resourceError } from '../core/resource.js'
import { left, right } from '../core/result.js'
import type { Delivery, OpenSource, Settle, Settlement, Source } from '../core/source.js'
import { shown } from './comparing.js'

// model

export interface Watch {
  /** What was found that no source may do. */
  readonly problems: string[]
  /** What was said to a source, and what it answered. */
  readonly settled: Settled[]
  /** Why pulls gave nothing. */
  readonly errors: unknown[]
  /** How long a delivery stays with whoever has it. */
  leaseMs: number | undefined
}

export interface Settled extends Settle {
  readonly answer: Settlement
}

// constructors

export const emptyWatch = (): Watch => ({ problems: [], settled: [], errors: [], leaseMs: undefined })

/**
 * The same source. It may not reject, answer with more than it was asked for, keep an aborted pull waiting, leave a
 * settlement without an answer, or give again what it has answered for as done; `done` is what is done by now.
 */
export const watched =
  (open: OpenSource, watch: Watch, done: Set<string>, clock: Clock): OpenSource =>
  (limits) => ({
    open: async () => {
      const { problems, settled, errors } = watch
      const opened = await asked('open', () => open(limits).open(), problems)
      if (opened === undefined) return left(resourceError('source', problems.at(-1) ?? ''))
      if (opened._tag === 'Left') return opened
      const { value: source, close } = opened.right
      watch.leaseMs = source.traits.leaseMs
      const value: Source = {
        ...source,
        pull: (max, signal) => async () => {
          const cancel = watchAbort(signal, clock, () =>
            problems.push(`pull: no answer ${abortMs} ms after its signal had aborted`)
          )
          const pulled = await asked('pull', () => source.pull(max, signal)(), problems)
          cancel()
          if (pulled === undefined) return left({ _tag: 'Fatal', cause: new Error('pull rejected') })
          if (pulled._tag === 'Left') errors.push(pulled.left.cause)
          else if (pulled.right._tag === 'Batch') {
            const { items } = pulled.right
            if (items.length > max) problems.push(`pull: asked for ${max}, answered with ${items.length}`)
            for (const { message } of items)
              if (done.has(nameOf(message)))
                problems.push(`pull: ${shown(message.id)} was answered for as done, and is given again`)
          }
          return pulled
        },
        ...(source.settle && {
          settle: (batch: readonly Settle[]) => async () => {
            const { settle } = source
            const answers = (await asked('settle', () => settle?.(batch)(), problems)) ?? []
            checkAnswers('settle', batch, answers, problems)
            batch.forEach((each, index) => {
              const answer = answers[index] ?? 'unknown'
              settled.push({ ...each, answer })
              if (each.action._tag === 'Done' && answer === 'ok') done.add(nameOf(each.delivery.message))
            })
            return answers
          }
        }),
        ...(source.renew && {
          renew: (held: readonly Delivery[]) => async () => {
            const { renew } = source
            const answers = (await asked('renew', () => renew?.(held)(), problems)) ?? []
            checkAnswers('renew', held, answers, problems)
            return answers
          }
        }),
        ...(source.start && {
          start: (delivery: Delivery) => {
            const task = source.start?.(delivery)
            return task && (async () => (await asked('start', task, problems)) ?? 'unknown')
          }
        })
      }
      return right({
        value,
        close: async (): Promise<Either<ResourceError, void>> =>
          (await asked('close', close, problems)) ?? right(undefined)
      })
    }
  })

// helpers

/** Nobody who is stopped wants to wait for longer. */
const abortMs = 1_000

const answers: ReadonlySet<unknown> = new Set(['ok', 'lost', 'unknown'])

/** Bytes too, as ids may turn out to be the same. */
const nameOf = ({ id, bytes }: Delivery['message']): string =>
  `${id} ${bytes.length} ${Buffer.from(bytes.subarray(0, 64)).toString('hex')}`

const asked = async <A>(
  name: string,
  ask: () => A | Promise<A>,
  problems: string[]
): Promise<A | undefined> => {
  try {
    return await ask()
  } catch (thrown) {
    problems.push(`${name}: it threw or rejected: ${shown(thrown)}`)
    return undefined
  }
}

const checkAnswers = (
  name: string,
  batch: readonly unknown[],
  given: readonly unknown[],
  problems: string[]
): void => {
  if (given.length !== batch.length || !given.every((answer) => answers.has(answer)))
    problems.push(`${name}: asked about ${batch.length}, answered ${shown(given)}`)
}

const watchAbort = (signal: AbortSignal, clock: Clock, call: () => void): (() => void) => {
  let cancelTimer = (): void => undefined
  const onAbort = (): void => {
    cancelTimer = clock.after(abortMs, call)
  }
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort)
  return () => {
    cancelTimer()
    signal.removeEventListener('abort', onAbort)
  }
}
