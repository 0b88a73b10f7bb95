#!/usr/bin/env node
/** The command `missive`: gives its program what it needs of this process, and ends it. */
import { type ExitCode, Gone, type Io, type Output, Stop } from './io.js'
import { runProgram } from './program.js'

/** Whoever reads may go at any time, and then nothing is written there any more. */
const outputOf = (stream: NodeJS.WriteStream, refused: (error: NodeJS.ErrnoException) => void): Output => {
  stream.on('error', () => undefined)
  return {
    write: async (data) => {
      const error = await new Promise<Error | null | undefined>((resolve) => stream.write(data, resolve))
      if (error) refused(error)
    },
    isTerminal: stream.isTTY,
    get columns() {
      return stream.columns
    }
  }
}

const goneOr = (error: NodeJS.ErrnoException): never => {
  throw error.code === 'EPIPE' ? new Gone() : new Stop(1, `stdout cannot be written: ${error.message}`)
}

/** A deployment may have removed the folder that a shell is still in. */
const folderOrEnd = (): string => {
  try {
    return process.cwd()
  } catch {
    process.stderr.write(
      'missive: the folder that it is called in is gone; go to another one, and call it there\n'
    )
    return process.exit(2)
  }
}

let code: ExitCode = 0
let isEnded = false

const leave = (exit: ExitCode): void => {
  isEnded = true
  process.exit(exit)
}

const io: Io = {
  stdin: process.stdin,
  stdout: outputOf(process.stdout, goneOr),
  // What nobody hears of the work is no reason to leave it half done.
  stderr: outputOf(process.stderr, () => undefined),
  env: process.env,
  cwd: folderOrEnd(),
  now: () => Date.now(),
  onSignal: (call) => {
    process.on('SIGINT', call)
    process.on('SIGTERM', call)
    return () => {
      process.off('SIGINT', call)
      process.off('SIGTERM', call)
    }
  },
  quit: leave,
  end: (said) => {
    code = said
  }
}

// User code may end the process, or await what never comes, so that Node ends it: neither is done.
process.on('exit', () => {
  if (isEnded) return
  process.exitCode = 1
  process.stderr.write(
    'missive: stopped before the end: the module of --through ended the process, or awaits what never comes\n'
  )
})

// Handles that user code left open do not keep the process.
void runProgram(process.argv.slice(2), io, () => code).then(leave)
