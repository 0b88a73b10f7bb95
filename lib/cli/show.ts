/** missive dlq show: all that is known of one letter. */
import type { Command } from 'commander'
import type { Failure } from '../core/failure.js'
import type { Attempt, LetterEvent, StoredLetter } from '../core/letter.js'
import { printable, renderFailure } from '../failures/render.js'
import { type CommonOptions, declare, keyArgument, keyBeginning, queueArgument } from './command.js'
import { type Io, Stop, sayAll } from './io.js'
import { letterJson } from './json.js'
import { letterNamed } from './keys.js'
import { type MaskingOptions, maskingOption, revealOption, withMasking } from './masking.js'
import { withQueue } from './open.js'
import { isPrintable, issueLines, payloadLines } from './payload.js'
import { type Style, styleOf } from './style.js'
import { ago, iso, size } from './time.js'

interface Options extends CommonOptions, MaskingOptions {
  readonly payload?: boolean
  readonly full?: boolean
}

export const show = (dlq: Command, io: Io): void =>
  void declare(dlq, {
    name: 'show',
    summary: 'show one letter: why it failed, what was tried, its headers, its payload',
    examples: [
      'show shop.db 2f9c01',
      'show shop.db 2f9c01 --through ./app.js',
      'show shop.db 2f9c01 --payload > order.json'
    ],
    json: 'the letter as `export` writes it'
  })
    .argument('<queue>', queueArgument)
    .argument('<key>', keyArgument, keyBeginning)
    .option('--payload', 'the bytes of the payload, exactly, and nothing else')
    .option('--full', 'all of a payload that is shown in hexadecimal')
    .option(...maskingOption)
    .option(...revealOption)
    .action((queue: string, key: string, options: Options) =>
      withQueue(io, queue, async (store) => {
        const letter = await letterNamed(store, key)
        if (options.payload === true) return writePayload(io, letter, options)
        const style = styleOf(io.stdout, io, options.color)
        await withMasking(io, options, async (mask) =>
          sayAll(
            io.stdout,
            options.json === true
              ? [letterJson(mask(letter))]
              : linesOf(letter, mask(letter), io.now(), options.full ?? false, style)
          )
        )
      })
    )

// helpers

const writePayload = async (
  { stdout }: Io,
  { bytes }: StoredLetter,
  { through, reveal = false }: Options
): Promise<void> => {
  if (through !== undefined && !reveal)
    throw new Stop(2, '--payload writes the bytes as they are; with --through it needs --reveal')
  if (stdout.isTerminal && !isPrintable(bytes))
    throw new Stop(2, 'the payload would act on the terminal; redirect it: --payload > file')
  await stdout.write(bytes)
}

const linesOf = (
  letter: StoredLetter,
  shown: StoredLetter,
  now: number,
  isFull: boolean,
  style: Style
): readonly string[] => {
  const { key, id, source, state, route, failure, fingerprint, fault, lease, headers, events } = letter
  const { bytes, original, attempts, attemptCount, times, deliveryCount } = letter
  const { bold, red, dim, yellow } = style
  const titled = (title: string, lines: readonly string[]): readonly string[] =>
    lines.length === 0 ? [] : ['', bold(title), ...lines.map((line) => (line === '' ? '' : `  ${line}`))]
  const time = (at: number): string => `${iso(at)}${Math.abs(at) > 8.64e15 ? '' : ` (${ago(at, now)})`}`
  const field = (name: string, text: string): string => `${dim(name.padEnd(11))} ${text}`
  const isEmptied = bytes.length === 0 && (state === 'resolved' || state === 'discarded')
  return [
    field('key', yellow(key)),
    field('id', printable(id)),
    field('source', printable(source)),
    field('state', state),
    ...(lease === undefined
      ? []
      : [field('leased to', `${printable(lease.owner)} until ${iso(lease.until)}`)]),
    field('route', route === undefined ? 'none' : printable(route)),
    field('group', `${fingerprint} ${failure._tag}`),
    field('first seen', time(letter.firstSeenAt)),
    field('last seen', time(letter.lastSeenAt)),
    field('received', time(letter.receivedAt)),
    field('came', `${times} ${times === 1 ? 'time' : 'times'}, delivery ${deliveryCount} the last one`),
    ...titled('Failure', renderFailure(failure).split('\n').map(red)),
    ...(failure._tag === 'Malformed' && isAsItFailed(letter) && !isEmptied
      ? titled('What is there now', issueLines(failure.issues, shown.bytes))
      : []),
    ...(fault === undefined ? [] : titled('What its source found wrong', renderFailure(fault).split('\n'))),
    ...titled(
      attemptCount > attempts.length
        ? `Attempts, the last ${attempts.length} of ${attemptCount}`
        : 'Attempts',
      attempts.flatMap((attempt) => attemptLines(attempt, failure))
    ),
    ...titled(
      'Headers',
      Object.entries(headers).map(([name, value]) => `${printable(name)}: ${printable(value)}`)
    ),
    ...titled('Events', events.map(eventLine)),
    ...(isEmptied
      ? titled('Payload', [`gone, as the letter is ${state}`])
      : titled(
          `Payload, ${size(bytes.length)}${original === undefined ? '' : ', as it was edited'}`,
          payloadLines(shown.bytes, isFull)
        )),
    ...(original === undefined
      ? []
      : titled(
          `Payload, ${size(original.length)}, as it arrived`,
          payloadLines(shown.original ?? original, isFull)
        ))
  ]
}

/** Are its bytes the ones that failed? Once they were edited, only if a replay of them failed since, and nothing after it. */
const isAsItFailed = ({ original, events, lastSeenAt }: StoredLetter): boolean => {
  const last = events.at(-1)
  return original === undefined || (last?.what === 'replayed' && last.at === lastSeenAt)
}

/** The stack of the last failure was shown already. */
const attemptLines = ({ startedAt, durationMs, failure }: Attempt, last: Failure): readonly string[] => {
  const text = renderFailure(failure)
  const [first = '', ...stack] = text.split('\n')
  const line = `${iso(startedAt)}  ${Math.round(durationMs)} ms  ${first}`
  return text === renderFailure(last) ? [line] : [line, ...stack]
}

const eventLine = ({ at, by, what, note }: LetterEvent): string =>
  `${iso(at)}  ${what} by ${printable(by)}${note === undefined ? '' : `: ${printable(note)}`}`
