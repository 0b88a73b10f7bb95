/** Which letters are meant, as options that many commands share. */
import { type Command, InvalidArgumentError } from 'commander'
import type { Failure } from '../core/failure.js'
import type { Scalar } from '../core/key.js'
import type { LetterState } from '../core/letter.js'
import type { LetterFilter } from '../ports/letters.js'
import { listed, wholeNumber } from './command.js'
import type { Io } from './io.js'
import { timeOf } from './time.js'

// model

type Tag = Failure['_tag']
type Pair = readonly [name: string, value: string]

export interface FilterOptions {
  readonly tag?: readonly Tag[]
  readonly route?: readonly string[]
  readonly unrouted?: boolean
  readonly source?: readonly string[]
  readonly id?: readonly string[]
  readonly group?: readonly string[]
  readonly since?: number
  readonly until?: number
  readonly minAttempts?: number
  readonly maxAttempts?: number
  readonly header?: readonly Pair[]
  readonly field?: readonly Pair[]
}

export interface StateOptions {
  readonly state?: readonly (LetterState | 'any')[]
}

// declaring

export const withFilters = (command: Command, { now }: Io): Command =>
  command
    .option('--tag <tag>', 'failures of this kind, like Malformed', listed(tagOf))
    .option('--route <route>', 'taken by this route', listed(asIs))
    .option('--unrouted', 'taken by no route')
    .option('--source <source>', 'from this source', listed(asIs))
    .option('--id <id>', 'of this id', listed(asIs))
    .option(
      '--group <fingerprint>',
      'of this group, or of those whose fingerprint begins so',
      listed(groupOf)
    )
    .option('--since <time>', 'last seen then or later: 15min, 2h, 3d ago, or an ISO time (UTC)', timeAt(now))
    .option('--until <time>', 'last seen before', timeAt(now))
    .option('--min-attempts <count>', 'with at least so many attempts', wholeNumber)
    .option('--max-attempts <count>', 'with at most so many attempts', wholeNumber)
    .option('--header <name=value>', 'with this header', listed(pairOf))
    .option('--field <path=value>', 'with this value in a JSON body, like customer.id=17', listed(pairOf))
    .addHelpText('after', '\nFilters that are given several times mean any of their values.')

export const withStates = (command: Command): Command =>
  command.option(
    '--state <state>',
    'dead, replaying, resolved, discarded or any (default: dead and replaying)',
    listed(stateOf)
  )

// reading

export const filterOf = (options: FilterOptions): LetterFilter => {
  const { tag, source, id, group, since, until, minAttempts, maxAttempts, header, field } = options
  const route = [...(options.route ?? []), ...(options.unrouted === true ? [null] : [])]
  return {
    ...(tag !== undefined && { tag }),
    ...(route.length > 0 && { route }),
    ...(source !== undefined && { source }),
    ...(id !== undefined && { id }),
    ...(group !== undefined && { fingerprint: group }),
    ...(since !== undefined && { seenFrom: since }),
    ...(until !== undefined && { seenBefore: until }),
    ...(minAttempts !== undefined && { minAttempts }),
    ...(maxAttempts !== undefined && { maxAttempts }),
    ...(header !== undefined && {
      headers: gathered(header, ([name, value]) => [name.toLowerCase(), [value]])
    }),
    ...(field !== undefined && {
      fields: gathered(field, ([path, value]) => [path.replace(/^\./, ''), scalarsOf(value)])
    })
  }
}

export const isFiltered = (options: FilterOptions): boolean => Object.keys(filterOf(options)).length > 0

export const statesOf = ({ state }: StateOptions): Pick<LetterFilter, 'state'> => {
  if (state === undefined) return { state: ['dead', 'replaying'] }
  const named = state.filter((each) => each !== 'any')
  return named.length < state.length ? {} : { state: named }
}

// helpers

const asIs = (text: string): string => text

const tags: Readonly<Record<Tag, true>> = {
  NoMatch: true,
  MultipleMatches: true,
  Malformed: true,
  Rejected: true,
  Defect: true,
  HookFailed: true,
  TimedOut: true,
  TooManyDeliveries: true,
  DlqUnavailable: true
}

const states: Readonly<Record<LetterState | 'any', true>> = {
  dead: true,
  replaying: true,
  resolved: true,
  discarded: true,
  any: true
}

const oneOf =
  <A extends string>(choices: Readonly<Record<A, true>>) =>
  (text: string): A => {
    const all = Object.keys(choices) as A[]
    const found = all.find((choice) => choice.toLowerCase() === text.toLowerCase())
    if (found === undefined) throw new InvalidArgumentError(`It is one of ${all.join(', ')}.`)
    return found
  }

const tagOf = oneOf(tags)
const stateOf = oneOf(states)

const groupOf = (text: string): string => {
  if (!/^[0-9a-f]{4,12}$/i.test(text)) throw new InvalidArgumentError('Give 4 to 12 hexadecimal digits.')
  return text.toLowerCase()
}

const timeAt =
  (now: () => number) =>
  (text: string): number => {
    const at = timeOf(text, now())
    if (at === undefined)
      throw new InvalidArgumentError('Give a duration like 15min or 2h, or a time like 2026-02-03T04:05Z.')
    return at
  }

const pairOf = (text: string): Pair => {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Give a name and a value, like name=value.')
  return [text.slice(0, at), text.slice(at + 1)]
}

/** What is a number or a word of JSON is that, or the same as a text. */
const scalarsOf = (text: string): readonly Scalar[] => {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'string') return [value]
    if (value === null || typeof value === 'number' || typeof value === 'boolean') return [value, text]
  } catch {
    // a text
  }
  return [text]
}

const gathered = <A>(
  pairs: readonly Pair[],
  read: (pair: Pair) => readonly [string, readonly A[]]
): Readonly<Record<string, readonly A[]>> => {
  const values = new Map<string, readonly A[]>()
  for (const pair of pairs) {
    const [name, more] = read(pair)
    values.set(name, [...(values.get(name) ?? []), ...more])
  }
  return Object.fromEntries(values)
}
