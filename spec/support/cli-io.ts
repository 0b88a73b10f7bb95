/** What the command has of the world, in the hands of a spec. */
import { Readable } from 'node:stream'
import type { ExitCode, Io } from '../../lib/cli/io.js'

export interface Held {
  readonly io: Io
  /** Sends a signal. */
  readonly signal: () => void
  /** How the process would have been ended. */
  readonly quits: readonly ExitCode[]
  /** What was written to stderr, one write after the other. */
  readonly said: readonly string[]
}

/** `columns`: of a terminal, which stderr is where they are given. */
export const ioOf = (cwd: string, env: Io['env'] = {}, columns?: number): Held => {
  const listeners = new Set<() => void>()
  const quits: ExitCode[] = []
  const said: string[] = []
  const output = (write: (text: string) => void) => ({
    write: async (data: string | Uint8Array) => write(String(data)),
    isTerminal: columns !== undefined,
    columns: columns ?? 80
  })
  const io: Io = {
    cwd,
    env,
    stdin: Readable.from([]),
    stdout: output(() => undefined),
    stderr: output((text) => void said.push(text)),
    now: Date.now,
    onSignal: (call) => {
      listeners.add(call)
      return () => void listeners.delete(call)
    },
    quit: (code) => void quits.push(code),
    end: () => undefined
  }
  return { io, signal: () => listeners.forEach((call) => call()), quits, said }
}
