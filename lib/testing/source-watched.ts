/** A source that is watched in all that it is asked. */
import { Buffer } from 'node:buffer'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Clock } from '../core/clock.js'
import { left, right } from '../core/result.js'
import { isPulled } from '../ports/pulled.js'
import { type ResourceError, resourceError } from '../ports/resource.js'
import type { Delivery, Input, OpenSource, Settle, Settlement, Source } from '../ports/source.js'
import { shown } from './comparing.js'
import { after, afterAbort, never } from './deadline.js'
import { type Watch, answerOf, asked, told } from './source-watch.js'

// model

/** What the answers are measured by. */
interface Measures {
  /** What is done by now. */
  readonly done: Set<string>
  readonly clock: Clock
  /** How long an answer may take. */
  readonly deadlineMs: number
}

// constructors

/**
 * The same source. It may not reject, be silent, answer with more than it was asked for, keep an aborted pull waiting,
 * leave a settlement without an answer, or give again what it has answered for as done.
 */
export const watched =
  (open: OpenSource, watch: Watch, measures: Measures): OpenSource =>
  (limits) => ({
    open: async () => {
      const { clock, deadlineMs } = measures
      const opened = await asked(watch, 'open', () => open(limits).open(), after(clock, deadlineMs))
      if (opened === undefined) return left(resourceError('source', watch.problems.at(-1) ?? ''))
      if (opened._tag === 'Left') return opened
      const { value: source, close } = opened.right
      watch.leaseMs = source.traits.leaseMs
      return right({
        value: watchedSource(source, watch, measures),
        close: async (): Promise<Either<ResourceError, void>> =>
          (await answerOf(watch, 'close', close, after(clock, deadlineMs), never)) ?? right(undefined)
      })
    }
  })

const watchedSource = (source: Source, watch: Watch, { done, clock, deadlineMs }: Measures): Source => {
  const { problems, settled, errors } = watch
  const soon = after(clock, deadlineMs)

  const checkGiven = (max: number, items: readonly Delivery[]): void => {
    if (items.length > max) problems.push(`pull: asked for ${max}, answered with ${items.length}`)
    for (const { message } of items)
      if (done.has(nameOf(message)))
        problems.push(`pull: ${shown(message.id)} was answered for as done, and is given again`)
  }

  /** Asks about several. Those that nobody answers for are not ours any more, so that a run over it ends. */
  const settlements = async (
    name: string,
    batch: readonly unknown[],
    ask: () => Promise<readonly Settlement[]> | undefined
  ): Promise<readonly Settlement[]> => {
    const answers = await asked(watch, name, ask, soon)
    if (answers === undefined && watch.over.signal.aborted) return batch.map(() => 'lost')
    checkAnswers(name, batch, answers ?? [], problems)
    return answers ?? []
  }

  return {
    ...source,
    pull: (max, signal) => async () => {
      const before = problems.length
      const pulled = await asked(
        watch,
        'pull',
        () => source.pull(max, signal)(),
        afterAbort(signal, clock, abortMs)
      )
      if (pulled === undefined || !isPulled(pulled)) {
        if (problems.length === before && !watch.over.signal.aborted)
          problems.push(`pull: it answered ${shown(pulled)}`)
        return left({ _tag: 'Fatal', cause: new Error(problems.at(-1) ?? 'the law is over') })
      }
      if (pulled._tag === 'Left') errors.push(pulled.left.cause)
      else if (pulled.right._tag === 'Batch') checkGiven(max, pulled.right.items)
      return pulled
    },
    ...(source.settle && {
      settle: (batch: readonly Settle[]) => async () => {
        const answers = await settlements('settle', batch, () => source.settle?.(batch)())
        batch.forEach((each, index) => {
          const answer = answers[index] ?? 'unknown'
          settled.push({ ...each, answer })
          if (each.action._tag === 'Done' && answer === 'ok') done.add(nameOf(each.delivery.message))
        })
        return answers
      }
    }),
    ...(source.renew && {
      renew: (held: readonly Delivery[]) => () => settlements('renew', held, () => source.renew?.(held)())
    }),
    ...(source.start && {
      start: (delivery: Delivery) => {
        const task = told('start', () => source.start?.(delivery), problems)
        const silence = (): Settlement => (watch.over.signal.aborted ? 'lost' : 'unknown')
        return task && (async () => (await asked(watch, 'start', task, soon)) ?? silence())
      }
    }),
    ...(source.measure && {
      measure: () => () => asked(watch, 'measure', () => source.measure?.()(), soon)
    }),
    ...(source.input && {
      input: (): Input => told('input', () => source.input?.(), problems) ?? noInput
    })
  }
}

// helpers

/** Nobody who is stopped wants to wait for longer. */
const abortMs = 1_000

const answers: ReadonlySet<unknown> = new Set(['ok', 'lost', 'unknown'])

const noInput: Input = { readBytes: 0, knownBytes: 0, isAll: false }

/** Bytes too, as ids may turn out to be the same. */
const nameOf = ({ id, bytes }: Delivery['message']): string =>
  `${id} ${bytes.length} ${Buffer.from(bytes.subarray(0, 64)).toString('hex')}`

const checkAnswers = (
  name: string,
  batch: readonly unknown[],
  given: readonly unknown[],
  problems: string[]
): void => {
  if (given.length !== batch.length || !given.every((answer) => answers.has(answer)))
    problems.push(`${name}: asked about ${batch.length}, answered ${shown(given)}`)
}
