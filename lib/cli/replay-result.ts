/** What became of letters that were replayed, in numbers and in words. */
import { printable, renderFailure } from '../failures/render.js'
import type { Report } from '../ports/interpreter.js'
import { counted, letters } from './time.js'

// model

export interface Result {
  readonly resolved: number
  readonly stillDead: number
  /** Not finished, and dead again as they were. */
  readonly givenBack: number
  /** Somebody else's by the time they were done. */
  readonly lost: number
  /** Handled, and the queue could not be told. */
  readonly untold: number
  /** Being replayed by somebody else. */
  readonly elsewhere: number
}

// readers

export const resultOf = (
  { acked, nacked, failed, deadLettered, released, unsettled }: Report,
  lost: number,
  elsewhere: number
): Result => ({
  resolved: acked,
  stillDead: nacked + failed + deadLettered,
  givenBack: released,
  lost,
  untold: unsettled,
  elsewhere
})

export const resultLines = (result: Result, { received, ended }: Report): readonly string[] => {
  const { resolved, stillDead, givenBack, lost, untold, elsewhere } = result
  return [
    received === 0
      ? 'no letters to replay'
      : [
          `${counted(resolved)} resolved`,
          `${counted(stillDead)} still dead`,
          ...(givenBack > 0 ? [`${counted(givenBack)} given back`] : [])
        ].join(', '),
    ...(lost > 0 ? [`${letters(lost)} went to somebody else meanwhile`] : []),
    ...(untold > 0 ? [`of ${letters(untold)} the queue could not be told; they are dead again soon`] : []),
    ...(elsewhere > 0 ? [`${letters(elsewhere)} more: somebody else replays them`] : []),
    ...endLines(ended)
  ]
}

export const endLines = (ended: Report['ended']): readonly string[] => {
  switch (ended._tag) {
    case 'Drained':
      return []
    case 'Aborted':
      return ['stopped before the end']
    case 'Stopped':
      return [`stopped at ${printable(ended.id)}: ${renderFailure(ended.failure).split('\n')[0]}`]
    case 'NotStarted':
      return [`not started: ${printable(ended.error.message)}`]
    case 'SourceLost':
      return [`the queue is lost: ${printable(ended.error.message)}`]
    case 'TooManyAbandoned':
      return [`stopped: ${ended.count} handlers do not end, and were given up`]
  }
}
