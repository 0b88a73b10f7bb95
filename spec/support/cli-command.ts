/** The command `missive`: as a process, in a terminal, and called. */
import { copyFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { Readable } from 'node:stream'
import * as assert from 'uvu/assert'
import type { ExitCode } from '../../lib/cli/io.js'
import { runProgram } from '../../lib/cli/program.js'
import { defect, malformed, noMatch, rejected } from '../../lib/core/failure.js'
import type { DeadLetter, StoredLetter } from '../../lib/core/letter.js'
import { sqliteDlq } from '../../lib/dlq/sqlite.js'
import type { DeadLetterStore } from '../../lib/ports/letters.js'
import { Resource } from '../../lib/ports/resource.js'
import { systemClock } from '../../lib/system.js'
import { letter } from './letters.js'
import { type Ended, compiled, run, wordsEnv, wordsOf } from './program.js'

const words = wordsOf('lib/cli/main.ts')
const env = { ...wordsEnv, NO_COLOR: '' }

/** The module of the processor that letters are replayed through. */
export const app = compiled('spec/support/cli-app.ts')

export interface Given {
  readonly cwd: string
  readonly input?: string
  readonly env?: NodeJS.ProcessEnv
}

/** Runs `missive dlq …` to its end. */
export const dlq = (given: Given, ...parts: readonly string[]): Promise<Ended> =>
  missive(given, 'dlq', ...parts)

export const missive = (given: Given, ...parts: readonly string[]): Promise<Ended> =>
  run(process.execPath, [...words, ...parts], { ...given, env: { ...env, ...given.env } })

/** A line of a shell that runs `missive dlq …`. */
export const lineOf = (...parts: readonly string[]): string =>
  [process.execPath, ...words, 'dlq', ...parts].map((part) => `'${part}'`).join(' ')

/** Runs a line of a shell. */
export const shell = (given: Given, line: string): Promise<Ended> =>
  run('bash', ['-c', line], { ...given, env: { ...env, ...given.env } })

/** Runs `missive dlq …` in a terminal, which shows stdout and stderr together; `input` is typed. */
export const inTerminal = (given: Given, ...parts: readonly string[]): Promise<Ended> =>
  run('script', ['-qec', `stty cols 80; ${lineOf(...parts)}`, '/dev/null'], {
    ...given,
    env: { ...env, TERM: 'xterm', ...given.env }
  })

/** Calls `missive dlq …` in this process, where there is no terminal. */
export const called = async (cwd: string, ...parts: readonly string[]): Promise<Ended> => {
  const texts = { stdout: '', stderr: '' }
  const outputTo = (name: keyof typeof texts) => ({
    isTerminal: false,
    columns: 80,
    write: async (data: string | Uint8Array) => {
      texts[name] += typeof data === 'string' ? data : Buffer.from(data).toString()
    }
  })
  let code: ExitCode = 0
  const ended = await runProgram(
    ['dlq', ...parts],
    {
      cwd,
      env: {},
      stdin: Readable.from([]),
      stdout: outputTo('stdout'),
      stderr: outputTo('stderr'),
      now: Date.now,
      onSignal: () => () => undefined,
      quit: () => undefined,
      end: (said) => {
        code = said
      }
    },
    () => code
  )
  return { code: ended, ...texts }
}

// queues

export const using = async <A>(
  path: string,
  use: (store: DeadLetterStore) => Promise<A>,
  now: () => number = Date.now
): Promise<A> => {
  const used = await Resource.use((store: DeadLetterStore) => () => use(store))(
    sqliteDlq(path, { clock: { ...systemClock, now } })
  )()
  if (used._tag === 'Left') throw new Error(used.left.message)
  return used.right
}

export const lettersOf = (path: string): Promise<readonly StoredLetter[]> =>
  using(path, async (store) => {
    const page = await store.page({ limit: 1_000 })()
    if (page._tag === 'Left') throw new Error(page.left.reason)
    return page.right.letters
  })

/** A letter that must be there. */
export const at = (letters: readonly StoredLetter[], index: number): StoredLetter => {
  const found = letters[index]
  if (found === undefined) throw new Error(`there is no letter ${index}`)
  return found
}

export interface Put extends Partial<DeadLetter> {
  /** Milliseconds before now. */
  readonly age?: number
}

/** Makes a queue of these letters; one after the other, so that they lie in this order. */
export const madeQueue = async (path: string, letters: readonly Put[]): Promise<readonly StoredLetter[]> => {
  const startedAt = Date.now()
  let now = startedAt
  await using(
    path,
    async (store) => {
      for (const { age = 0, ...fields } of letters) {
        now = startedAt - age
        const put = await store.put(letter(fields))()
        assert.is(put._tag, 'Right')
      }
    },
    () => now
  )
  return lettersOf(path)
}

/** A copy of a closed queue, for a command that changes it. */
export const copied = (from: string, to: string): string => {
  copyFileSync(from, to)
  return to
}

export const bytes = (value: unknown): Uint8Array =>
  Uint8Array.from(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)))

/** Orders of all kinds. */
export const orders: readonly Put[] = [
  {
    id: 'o-1',
    bytes: bytes({ type: 'order', total: 'ten', customer: { id: 17 } }),
    route: 'order',
    failure: malformed([{ path: '.total', message: 'expected number' }]),
    age: 3 * 86_400_000
  },
  {
    id: 'o-2',
    bytes: bytes({ type: 'order', total: 'twelve', customer: { id: '17' } }),
    headers: { tenant: 'b' },
    route: 'order',
    failure: malformed([{ path: '.total', message: 'expected number' }]),
    age: 2 * 86_400_000
  },
  {
    id: 'o-3',
    source: 'other',
    bytes: bytes({ type: 'refund' }),
    route: undefined,
    failure: noMatch([{ route: 'order', reason: '.type is "refund", not "order"' }]),
    age: 3_700_000
  },
  {
    id: 'o-4',
    bytes: bytes({ type: 'order', total: 4, customer: { id: 18 } }),
    route: 'order',
    failure: rejected('late', { total: 4 }),
    attempts: [1, 2, 3].map((startedAt) => ({
      startedAt: 1_700_000_000_000 + startedAt,
      durationMs: startedAt,
      failure: rejected('late', { total: 4 })
    })),
    age: 90_000
  },
  {
    id: 'o-5',
    bytes: Uint8Array.from({ length: 600 }, (_, index) => index % 256),
    route: undefined,
    failure: defect('the hook', new TypeError('no such customer: 17', { cause: new Error('the disk') }))
  }
]

// letters that would act on a terminal

const acting = 'a\u001b]0;owned\u0007\u009b31m\u202eb\nc\rd\u2066e\u007f'

export const hostile: readonly Put[] = [
  {
    id: acting,
    source: acting,
    route: acting,
    headers: { [acting]: acting },
    bytes: bytes('{"type":"\u009b\u202e","total":"\u007f"}'),
    failure: malformed([{ path: '.total', message: acting }]),
    fault: rejected(acting)
  },
  {
    id: `text ${acting}`,
    bytes: bytes(acting),
    route: undefined,
    failure: noMatch([{ route: acting, reason: acting }])
  },
  {
    id: `raw ${acting}`,
    bytes: Uint8Array.from([0, 27, 93, 48, 59, 7, 155, 255]),
    failure: defect(acting, Object.assign(new Error(acting), { name: acting })),
    attempts: [{ startedAt: 1, durationMs: 2, failure: rejected(acting, { [acting]: acting }) }]
  }
]

export const act = acting

/** No character went out that a terminal would act on, but the ends of lines. */
export const assertHarmless = ({ stdout, stderr }: Ended, what: string): void => {
  const found = /[^\P{Cc}\n]|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.exec(stdout + stderr)
  assert.is(found?.[0], undefined, `${what}: ${JSON.stringify((stdout + stderr).slice(0, 2_000))}`)
}

/** Names that differ from one machine to the next. */
export const host = hostname()
