/** Programs that use a queue in processes of their own, and are looked after until they end. */
import { type ChildProcess, spawn } from 'node:child_process'
import { wordsOf } from './program.js'
import { soon } from './sqlite-queues.js'

export interface Child {
  readonly process: ChildProcess
  /** The lines that it has told so far; the last one only once it is whole. */
  readonly told: () => readonly string[]
  /** Waits until the lines are such. */
  readonly until: (what: string, isReached: (told: readonly string[]) => boolean) => Promise<void>
  /** Waits until it has ended, and all that it told has arrived. */
  readonly ended: () => Promise<{
    readonly code: number | null
    readonly told: readonly string[]
    readonly errors: string
  }>
}

/** Starts a program of `spec/support`. `by`: a command that starts it; `after`: modules that are loaded before it. */
export const start = (
  program: string,
  parts: readonly string[],
  { by = [], after = [] }: { readonly by?: readonly string[]; readonly after?: readonly string[] } = {}
): Child => {
  const words = wordsOf(
    `spec/support/${program}`,
    after.map((name) => `spec/support/${name}`)
  )
  const [command = '', ...rest] = [...by, process.execPath, ...words, ...parts]
  const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'] })
  let [output, errors] = ['', '']
  let changed = (): void => undefined
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    changed()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  child.stdin.on('error', () => undefined)
  const closed = new Promise<number | null>((resolve, reject) => {
    child.on('close', (code) => {
      resolve(code)
      changed()
    })
    child.on('error', reject)
  })
  const told = () => output.split('\n').slice(0, -1)
  const lookedAfter = async <A>(what: string, promise: Promise<A>): Promise<A> => {
    try {
      return await soon(`${program}: ${what}`, promise)
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
  }
  return {
    process: child,
    told,
    until: (what, isReached) =>
      lookedAfter(
        what,
        new Promise((resolve, reject) => {
          changed = () => {
            if (isReached(told())) resolve()
            else if (child.exitCode !== null || child.signalCode !== null)
              reject(new Error(`${program} ended before ${what}: ${output}${errors}`))
          }
          changed()
        })
      ),
    ended: async () => {
      const code = await lookedAfter('to end', closed)
      return { code, told: told(), errors }
    }
  }
}
