/** missive health: whether a run that keeps its health in a file is live and ready. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { capture } from '../core/captured.js'
import { printable } from '../failures/render.js'
import { type Io, Stop, say } from './io.js'

interface Options {
  readonly maxAge: number
  readonly live?: boolean
}

export const health = (program: Command, io: Io): void => {
  program
    .command('health')
    .description('say whether a run is live and ready, by the file that healthFile keeps')
    .argument('<file>', 'the file')
    .option('--max-age <seconds>', 'how old it may be', secondsOf, 15)
    .option('--live', 'ask only whether it is live')
    .addHelpText('after', '\nExample:\n  missive health /run/billing.json --live')
    .action(async (file: string, { maxAge, live = false }: Options) => {
      const { at, isLive, isReady, reason } = statusIn(resolve(io.cwd, file))
      const ageMs = io.now() - at
      if (!(Math.abs(ageMs) <= maxAge * 1_000)) throw new Stop(1, `not live: ${renderAge(ageMs)}`)
      if (!isLive || (!live && !isReady))
        throw new Stop(
          1,
          `${isLive ? 'not ready' : 'not live'}: ${printable(reason ?? 'no reason is known')}`
        )
      await say(io.stdout, live ? 'live' : 'ready')
    })
}

// helpers

interface Status {
  readonly at: number
  readonly isLive: boolean
  readonly isReady: boolean
  readonly reason?: string
}

const statusIn = (path: string): Status => {
  try {
    const status = JSON.parse(readFileSync(path, 'utf8')) as Partial<Status> | null
    if (typeof status?.at === 'number') return status as Status
  } catch (thrown) {
    throw new Stop(1, `not live: ${printable(capture(thrown).message)}`)
  }
  throw new Stop(2, `${printable(path)} is no file of healthFile`)
}

/** What is from the future may be as old as the clock was put back. */
const renderAge = (ageMs: number): string => {
  const seconds = Math.round(Math.abs(ageMs) / 1_000)
  return ageMs < 0
    ? `what was heard last is ${seconds} s in the future, so that a clock was put back`
    : `nothing was heard for ${seconds} s`
}

const secondsOf = (text: string): number => {
  const seconds = Number(text)
  if (text.trim() !== '' && seconds > 0) return seconds
  throw new InvalidArgumentError('It is a number of seconds above 0.')
}
