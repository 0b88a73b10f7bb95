/** What is found out about a source, whoever asks it what: what it answers, and what it should not. */
import type { Settle, Settlement } from '../ports/source.js'
import { shown } from './comparing.js'
import { type Limit, ending, inTime } from './deadline.js'

// model

export interface Watch {
  /** What was found that no source may do. */
  readonly problems: string[]
  /** What was said to a source, and what it answered. */
  readonly settled: Settled[]
  /** Why pulls gave nothing. */
  readonly errors: unknown[]
  /** Aborts once something was not answered, or the trial is over: from then on nothing is asked but to close. */
  readonly over: AbortController
  /** What was not answered. */
  silent: string | undefined
  /** How long a delivery stays with whoever has it. */
  leaseMs: number | undefined
}

interface Settled extends Settle {
  readonly answer: Settlement
}

// constructors

export const emptyWatch = (): Watch => ({
  problems: [],
  settled: [],
  errors: [],
  over: ending(),
  silent: undefined,
  leaseMs: undefined
})

// asking

/** What it answers at once. */
export const told = <A>(name: string, ask: () => A, problems: string[]): A | undefined => {
  try {
    return ask()
  } catch (thrown) {
    problems.push(`${name}: it threw or rejected: ${shown(thrown)}`)
    return undefined
  }
}

/** What it answers, unless nothing is asked any more. */
export const asked = async <A>(
  watch: Watch,
  name: string,
  ask: () => A | Promise<A>,
  limit: Limit
): Promise<A | undefined> => (watch.over.signal.aborted ? undefined : answerOf(watch, name, ask, limit))

/** Who is silent once is asked nothing any more: all that waits for it would wait in vain. */
export const answerOf = async <A>(
  watch: Watch,
  name: string,
  ask: () => A | Promise<A>,
  { wait, words }: Limit,
  until: AbortSignal = watch.over.signal
): Promise<A | undefined> => {
  try {
    const answer = await inTime(Promise.resolve(ask()), wait, until)
    if (answer !== undefined) return answer.value
    if (!until.aborted) watch.problems.push((watch.silent ??= `${name}: no answer ${words}`))
    watch.over.abort()
  } catch (thrown) {
    watch.problems.push(`${name}: it threw or rejected: ${shown(thrown)}`)
  }
  return undefined
}
