/** The command line of `missive`. */
import { Command, CommanderError, Help } from 'commander'
import { capture } from '../core/captured.js'
import { printable } from '../failures/render.js'
import { exitCodes } from './command.js'
import { discard } from './discard.js'
import { edit } from './edit.js'
import { explain } from './explain.js'
import { exportLetters } from './export.js'
import { groups } from './groups.js'
import { health } from './health.js'
import { importLetters } from './import.js'
import { type ExitCode, Gone, type Io, Stop, say } from './io.js'
import { ls } from './ls.js'
import { prune } from './prune.js'
import { redisHelp } from './redis.js'
import { replay } from './replay.js'
import { show } from './show.js'
import { stats } from './stats.js'
import { tail } from './tail.js'
import { version } from './version.js'

/** Runs the command that the words say. Resolves with how it ended, and never rejects; `ended` is what `io.end` heard. */
export const runProgram = async (
  words: readonly string[],
  io: Io,
  ended: () => ExitCode
): Promise<ExitCode> => {
  const said: Promise<void>[] = []
  const program = programOf(io, (task) => said.push(task))
  try {
    await program.parseAsync(words, { from: 'user' })
    return ended()
  } catch (thrown) {
    return thrown instanceof Gone ? ended() : await codeOf(thrown, io)
  } finally {
    await Promise.allSettled(said)
  }
}

// helpers

const programOf = (io: Io, said: (task: Promise<void>) => void): Command => {
  const program = new Command('missive')
    .description('Work with the dead letters of a missive-ts queue, and ask how a run does.')
    .version(version(), '--version')
    .exitOverride()
    .showHelpAfterError('(--help says more)')
    .configureHelp({
      optionDescription: (option) =>
        `${plainHelp.optionDescription(option)}${option.mandatory ? ' (required)' : ''}`
    })
    .configureOutput({
      writeOut: (text) => said(io.stdout.write(text)),
      writeErr: (text) => said(io.stderr.write(text)),
      outputError: (text, write) => write(`${complaint(text.trimEnd())}\n`),
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
      getOutHasColors: () => false,
      getErrHasColors: () => false
    })
    .addHelpText('after', exitCodes)
  const dlq = program
    .command('dlq')
    .description('dead letters in the file of a queue, or in Redis')
    .addHelpText(
      'after',
      '\nExamples:\n  missive dlq groups shop.db\n  missive dlq groups redis://localhost:6379/0#orders\n  missive dlq replay --help'
    )
    .addHelpText('after', redisHelp)
    .addHelpText('after', exitCodes)
  const commands = [
    ls,
    groups,
    show,
    explain,
    replay,
    edit,
    discard,
    exportLetters,
    importLetters,
    stats,
    tail,
    prune
  ]
  for (const add of commands) add(dlq, io)
  health(program, io)
  return program
}

const helpWidth = 100
const plainHelp = new Help()

/** What was typed is escaped; the line in which commander says what may have been meant stays one. */
const complaint = (text: string): string =>
  text
    .split(/\n(?=\(Did you mean [^\n]*\)$)/)
    .map(printable)
    .join('\n')

const codeOf = async (thrown: unknown, { stderr }: Io): Promise<ExitCode> => {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2
  const [code, text] =
    thrown instanceof Stop ? [thrown.code, thrown.message] : [1 as const, printable(capture(thrown).message)]
  await say(stderr, `missive: ${text}`).catch(() => undefined)
  return code
}
