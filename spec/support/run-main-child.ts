/** Programs under spec/support as processes of their own. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { repository, wordsOf } from './program.js'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Child {
  readonly process: ChildProcess
  readonly pid: number
  /** All that was written there, once it holds this text. */
  readonly until: (stream: 'stdout' | 'stderr', text: string) => Promise<string>
  readonly ended: Promise<Ended>
  /** Its exit code, also while what it wrote is not read. */
  readonly exited: Promise<number | null>
}

export interface ChildOptions {
  /** Its standard input: a pipe by default. */
  readonly stdin?: 'pipe' | 'ignore' | number
  /** Reads its standard output only when told to, by `process.stdout.resume()`. */
  readonly isHeld?: boolean
  /** It is killed then. */
  readonly deadlineMs?: number
}

const alive = new Set<number>()

/** What runs a program, for a shell to put around it. */
export const command = (name: string, ...args: readonly string[]): string =>
  [process.execPath, ...wordsOf(`spec/support/${name}.ts`), ...args].map((part) => `'${part}'`).join(' ')

export const program = (name: string, args: readonly string[] = [], options: ChildOptions = {}): Child =>
  child(process.execPath, [...wordsOf(`spec/support/${name}.ts`), ...args], options)

/** Runs a line in a shell whose process becomes that of its last command, where it is written with `exec`. */
export const shell = (line: string, options: ChildOptions = {}): Child => child('bash', ['-c', line], options)

/** Ends what still runs; for after a suite. */
export const killAll = (): void => {
  for (const pid of alive) {
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // it has ended meanwhile
    }
  }
}

const child = (file: string, args: readonly string[], options: ChildOptions): Child => {
  const { stdin = 'pipe', isHeld = false, deadlineMs = 30_000 } = options
  const stdio: StdioOptions = [stdin, 'pipe', 'pipe']
  const started = spawn(file, args, { cwd: repository, stdio, detached: true })
  const pid = started.pid as number
  alive.add(pid)
  const texts = { stdout: '', stderr: '' }
  const waiting = new Set<() => void>()
  let hasEnded = false
  const note = (): void => {
    for (const look of waiting) look()
  }
  for (const stream of ['stdout', 'stderr'] as const) {
    started[stream]?.setEncoding('utf8').on('data', (text) => {
      texts[stream] += String(text)
      note()
    })
  }
  if (isHeld) started.stdout?.pause()
  // A child may end without reading what is written to it.
  started.stdin?.on('error', () => undefined)

  const timer = setTimeout(() => process.kill(-pid, 'SIGKILL'), deadlineMs)
  const ended = new Promise<Ended>((resolve) => {
    started.on('close', (code) => {
      clearTimeout(timer)
      alive.delete(pid)
      hasEnded = true
      note()
      resolve({ code, ...texts })
    })
  })

  const exited = new Promise<number | null>((resolve) => void started.on('exit', resolve))

  const until: Child['until'] = (stream, text) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!texts[stream].includes(text) && !hasEnded) return
        waiting.delete(look)
        if (texts[stream].includes(text)) resolve(texts[stream])
        else reject(new Error(`ended without '${text}' on ${stream}: ${JSON.stringify(texts)}`))
      }
      waiting.add(look)
      look()
    })

  return { process: started, pid, until, ended, exited }
}
