/** What an interpreter tells and reports, as lines for people. */
import { matchTag } from '../core/match.js'
import type { Outcome } from '../core/outcome.js'
import { printable, renderFailure } from '../failures/render.js'
import type { Ended, Event, Report } from './interpreter.js'

// rendering

/** A report as lines for people. */
export const renderReport = (report: Report): string => {
  const { received, acked, deadLettered, nacked, failed, released, unsettled, unreadBytes, storedIn, ended } =
    report
  const counts = [
    `${received} received`,
    `${acked} acked`,
    `${deadLettered} dead-lettered`,
    ...(nacked > 0 ? [`${nacked} nacked`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(released > 0 ? [`${released} released`] : [])
  ]
  return [
    counts.join(', '),
    ...storedIn.map((location) => `dead letters: ${location}`),
    ...(unsettled > 0 ? [`left undone: ${unsettled} received messages`] : []),
    ...(unreadBytes > 0 ? [`left unread: ${unreadBytes} bytes of input`] : []),
    ...renderEnd(ended, unsettled + unreadBytes > 0)
  ].join('\n')
}

/** An event as one line or more for people; nothing for those that only programs need. */
export const renderEvent = (event: Event): string | undefined =>
  matchTag<Event, string | undefined>(event, {
    Listening: ({ address }) => `listening on ${address}`,
    Unready: ({ error }) => printable(`the source does not answer: ${error.message}`),
    Reconnected: ({ afterMs }) => `the source answers again after ${Math.round(afterMs)} ms`,
    Gap: ({ durationMs }) => `messages of ${Math.round(durationMs)} ms were missed`,
    Paused: ({ failure }) => `paused: ${renderFailure(failure)}`,
    Resumed: ({ afterMs }) => `resumed after ${Math.round(afterMs)} ms`,
    Reported: ({ id, outcome }) => renderOutcome(id, outcome),
    Lost: ({ id }) => printable(`${id} was given to somebody else`),
    GroupCreated: ({ stream, group, from }) =>
      printable(`group ${group} of ${stream} was made, to begin ${placeOf(from)}`),
    GroupLost: ({ stream, group, from }) =>
      printable(
        `group ${group} of ${stream} WAS GONE and was made again, to begin ${placeOf(from)}; what was parked before that, or left by a dead process, is lost to the group`
      ),
    Trimmed: ({ stream, count }) =>
      printable(`${count} entries of ${stream} ARE LOST: trimmed or deleted before they were done`),
    Dropped: ({ count }) => `${count} messages WERE DROPPED: they came and were not taken`,
    GateFailed: ({ gate, error }) => printable(`gate ${gate} failed: ${error.message}`),
    Draining: ({ inFlight }) => `stopping: ${inFlight} in flight; once more stops at once`,
    otherwise: () => undefined
  })

// helpers

const placeOf = (from: string): string =>
  from === '$' ? 'with what comes now' : from === '0' ? 'at the beginning' : `after ${from}`

/** Streams and servers have no end that one could stop before. */
const renderEnd = (ended: Ended, isLeft: boolean): readonly string[] =>
  matchTag<Ended, readonly string[]>(ended, {
    NotStarted: ({ error }) => [printable(`not started: ${error.message}`)],
    Drained: () => [],
    Aborted: () => [isLeft ? 'stopped before the end' : 'stopped'],
    Stopped: ({ id, failure }) => [`stopped at ${printable(id)}: ${renderFailure(failure)}`],
    SourceLost: ({ error }) => [printable(`the source is lost: ${error.message}`)],
    TooManyAbandoned: ({ count }) => [`stopped: ${count} handlers do not end, and were given up`]
  })

const renderOutcome = (id: string, outcome: Outcome): string =>
  matchTag<Outcome, string>(outcome, {
    Acked: () => printable(`${id} acked`),
    Nacked: ({ reason }) => printable(`${id} nacked${reason === undefined ? '' : `: ${reason}`}`),
    Failed: ({ failure }) => `${printable(id)} failed: ${renderFailure(failure)}`,
    DeadLettered: ({ failure }) => `${printable(id)} dead-lettered: ${renderFailure(failure)}`,
    Released: ({ reason }) => printable(`${id} released: ${reason}`)
  })
