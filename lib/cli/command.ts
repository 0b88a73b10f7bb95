/** What all commands have in common: how they are declared, and how they read what is given to them. */
import { type Command, InvalidArgumentError } from 'commander'
import { bytesOf, durationOf } from './time.js'

// model

export interface CommonOptions {
  readonly json?: boolean
  readonly color: boolean
}

export interface Declared {
  readonly name: string
  readonly summary: string
  /** Command lines without the program's name. */
  readonly examples: readonly string[]
  /** What `--json` prints. */
  readonly json: string
}

// declaring

export const declare = (parent: Command, { name, summary, examples, json }: Declared): Command =>
  parent
    .command(name)
    .description(summary)
    .option('--json', json)
    .option('--no-color', 'no colour; as NO_COLOR')
    .addHelpText('after', `\nExamples:\n${examples.map((line) => `  missive dlq ${line}`).join('\n')}`)
    .addHelpText('after', exitCodes)

export const exitCodes = `
Exit codes:
  0  done, also where no letter is meant
  1  something is left or could not be done: letters that failed again or would be refused, bad lines,
     a key that no letter has
  2  the command line is wrong, or nothing was done as a file or an answer was missing`

export const queueArgument = 'the file of the queue, or redis://host:6379/0#name'
export const keyArgument = 'the beginning of the key of a letter, at least 4 digits'

// reading

export const wholeNumber = (text: string): number => {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Give a whole number.')
  return Number(text)
}

export const countOf = (text: string): number => {
  const count = wholeNumber(text)
  if (count < 1) throw new InvalidArgumentError('Give a whole number of at least 1.')
  return count
}

/** As it is said where a page ends. */
export const cursorText = (text: string): string => {
  if (!/^\d{1,15}\.\d{1,15}$/.test(text))
    throw new InvalidArgumentError('Give what a page before said: --after and a cursor.')
  return text
}

export const rateOf = (text: string): number => {
  const rate = Number(text)
  if (!(rate > 0 && rate < Infinity)) throw new InvalidArgumentError('Give letters per second, more than 0.')
  return rate
}

export const lasting = (text: string): number => {
  const durationMs = durationOf(text)
  if (durationMs === undefined) throw new InvalidArgumentError('Give a duration like 90s, 15min, 2h or 3d.')
  return durationMs
}

export const sized = (text: string): number => {
  const bytes = bytesOf(text)
  if (bytes === undefined) throw new InvalidArgumentError('Give a size like 500kB, 20MiB or 1GB.')
  return bytes
}

/** For arguments that may be several. */
export const keys = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  keyBeginning(text)
]

export const keyBeginning = (text: string): string => {
  if (!/^[0-9a-f]{4,40}$/i.test(text)) throw new InvalidArgumentError('Give 4 to 40 hexadecimal digits.')
  return text.toLowerCase()
}

/** For options that may be given several times. */
export const listed =
  <A>(read: (text: string) => A) =>
  (text: string, before: readonly A[] = []): readonly A[] => [...before, read(text)]
