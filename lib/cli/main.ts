#!/usr/bin/env node
/** The command `missive`: gives its program what it needs of this process, and ends it. */
import { type ExitCode, Gone, type Io, type Output } from './io.js'
import { runProgram } from './program.js'

/** Whoever reads may go at any time, and then nothing is written there any more. */
const outputOf = (stream: NodeJS.WriteStream): Output => {
  stream.on('error', () => undefined)
  return {
    write: (data) =>
      new Promise((resolve, reject) => {
        stream.write(data, (error) => {
          if (error === null || error === undefined) resolve()
          else reject((error as NodeJS.ErrnoException).code === 'EPIPE' ? new Gone() : error)
        })
      }),
    isTerminal: stream.isTTY,
    get columns() {
      return stream.columns
    }
  }
}

let code: ExitCode = 0

const io: Io = {
  stdin: process.stdin,
  stdout: outputOf(process.stdout),
  stderr: outputOf(process.stderr),
  env: process.env,
  cwd: process.cwd(),
  now: () => Date.now(),
  onSignal: (call) => {
    process.on('SIGINT', call)
    process.on('SIGTERM', call)
    return () => {
      process.off('SIGINT', call)
      process.off('SIGTERM', call)
    }
  },
  quit: (exit) => process.exit(exit),
  end: (said) => {
    code = said
  }
}

// Handles that user code left open do not keep the process.
void runProgram(process.argv.slice(2), io, () => code).then((ended) => process.exit(ended))
