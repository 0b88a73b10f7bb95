/** What the command has of the world, given to it, so that it can be called as well as run. */
import type { Readable } from 'node:stream'

// model

export interface Output {
  /** Resolves once it was taken; rejects with `Gone` when nobody reads any more. */
  readonly write: (data: string | Uint8Array) => Promise<void>
  readonly isTerminal: boolean
  readonly columns: number
}

export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Calls on SIGINT and SIGTERM, which then do not end the process; until the answer is called. */
  readonly onSignal: (call: () => void) => () => void
  /** Ends the process without waiting for anything. */
  readonly quit: (code: ExitCode) => void
  /** Says how the command ends when it ends by itself; 0 by default. */
  readonly end: (code: ExitCode) => void
}

/** 0: done. 1: something is left. 2: nothing was done, as the command must be another. */
export type ExitCode = 0 | 1 | 2

/** Ends the command with a text for stderr, which is shown as it is: what came from letters must be escaped. */
export class Stop extends Error {
  override readonly name = 'Stop'
  constructor(
    readonly code: ExitCode,
    message: string
  ) {
    super(message)
  }
}

/** Whoever read our output has gone (`| head`): nobody wants the rest. */
export class Gone extends Error {
  override readonly name = 'Gone'
}

// writing

export const say = (output: Output, ...lines: readonly string[]): Promise<void> => sayAll(output, lines)

/** For any number of lines, of which neither a call nor a text could take all. */
export const sayAll = async (output: Output, lines: readonly string[]): Promise<void> => {
  for (let from = 0; from < lines.length; from += linesAtOnce) {
    await output.write(`${lines.slice(from, from + linesAtOnce).join('\n')}\n`)
  }
}

// helpers

const linesAtOnce = 10_000
