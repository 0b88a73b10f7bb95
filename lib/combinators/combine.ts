/** Joining processors: of many modules' routes, exactly one may take a message. */
import { multipleMatches, noMatch } from '../core/failure.js'
import type { Message } from '../core/message.js'
import { refuseOverlaps } from '../core/mistakes.js'
import { failed, unlessInterrupted } from '../core/outcome.js'
import { type Description, type Processor, type Selection, fromRun, runOf } from '../core/processor.js'
import { maxMisses } from '../core/router.js'
import type { Run } from '../core/run.js'
import { renderFailure } from '../failures/render.js'

/**
 * Joins processors to one, each with its own format, hooks and combinators: a message goes to the one whose
 * route takes it. None, or several, are a failure, and nothing is run. An `otherwise` takes what no route of
 * any of them takes; there may be one in all.
 *
 * @example
 * const greeting = pipe(receive(text), handle(route(named('hi', ({ body }) => body === 'hi'), async () => ack)))
 * const orders = pipe(receive(json), handle(route(byField('type', 'order'), async () => nack())))
 * const both = combine(greeting, orders)
 * assert.equal([await both(message('hi'))(), await both(message({ type: 'order' }))()], [ack, nack()])
 *
 * @throws TypeError if two routes must take the same messages, or a processor does not tell its routes
 * @since 0.1.0
 */
export const combine = (...processors: readonly Processor[]): Processor => {
  const members = processors.map((processor, index): Member => {
    if (processor.description !== undefined)
      return { run: runOf(processor), description: processor.description }
    throw new TypeError(
      `combine: processor ${index + 1} does not tell its routes; make what wraps it with combinator(name, wrap)`
    )
  })
  const routes = members.flatMap(({ description }, index) =>
    description.routes.map((route) => ({ ...route, place: `${memberPlace}${index + 1}, ${route.place}` }))
  )
  refuseOverlaps(routes)
  const select = selectAmong(members)

  const run: Run = (message) => {
    const { member, selection } = select(message)
    if (member !== undefined) return member.run(message)
    return unlessInterrupted(message, failed((selection as Unsuccessful).failure))
  }
  return fromRun(run, { combinators: [], routes, select: (message) => select(message).selection })
}

// readers

/** Is it of several processors, as far as it tells its routes? */
export const isCombined = ({ description }: Processor): boolean =>
  description?.routes.some(({ place }) => place.startsWith(memberPlace)) === true

// helpers

const memberPlace = 'processor '

interface Member {
  readonly run: Run
  readonly description: Description
}

type Unsuccessful = Exclude<Selection, { readonly _tag: 'Taken' }>

interface Selected {
  /** The member to run, if there is exactly one. */
  readonly member?: Member
  readonly selection: Selection
}

const selectAmong =
  (members: readonly Member[]) =>
  (message: Message): Selected => {
    const answers = members.map((member) => ({ member, selection: member.description.select(message) }))
    const undecided = answers.find(({ selection }) => selection._tag === 'Undecided')
    if (undecided !== undefined) return { selection: undecided.selection }
    const takers = answers.filter(({ selection }) => selection._tag === 'Taken' && !selection.otherwise)
    const [first, second] =
      takers.length > 0 ? takers : answers.filter(({ selection }) => selection._tag === 'Taken')
    if (first === undefined) return { selection: passedByAll(answers.map(({ selection }) => selection)) }
    return second === undefined
      ? first
      : { selection: takenBySeveral(takers.map(({ selection }) => selection)) }
  }

/** What none can decode stays that; otherwise each route, and each format that could not read it, has its say. */
const passedByAll = (selections: readonly Selection[]): Selection => {
  const failures = selections.flatMap((selection) => (selection._tag === 'Passed' ? [selection.failure] : []))
  const undecodable = failures.every(({ _tag }) => _tag !== 'NoMatch')
  if (undecodable && failures[0] !== undefined) return { _tag: 'Passed', failure: failures[0] }
  const misses = failures.flatMap((failure, index) =>
    failure._tag === 'NoMatch'
      ? failure.routes
      : [{ route: `processor ${index + 1}`, reason: renderFailure(failure) }]
  )
  const more = failures.reduce(
    (sum, failure) => sum + (failure._tag === 'NoMatch' ? (failure.more ?? 0) : 0),
    0
  )
  const named = misses.slice(0, maxMisses)
  return { _tag: 'Passed', failure: noMatch(named, more + misses.length - named.length) }
}

const takenBySeveral = (selections: readonly Selection[]): Selection => ({
  _tag: 'Undecided',
  failure: multipleMatches(
    selections.flatMap((selection) => (selection._tag === 'Taken' ? [selection.route] : []))
  )
})
