/** Running programs as their users do: in processes of their own, away from the repository. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Where this runs from: the repository, or what `npm test` made of it. */
const base = fileURLToPath(new URL('../..', import.meta.url))

export const repository = existsSync(join(base, 'package-lock.json')) ? base : join(base, '..', '..')

const isCompiled = import.meta.url.endsWith('.js')

/** What lets Node run TypeScript, in threads too: `--import` it. */
export const typescript = pathToFileURL(join(repository, 'scripts', 'typescript.mjs')).href

/** A TypeScript file of the repository, as what runs now can import it. */
export const compiled = (file: string): string => join(base, isCompiled ? file.replace(/\.ts$/, '.js') : file)

/** What Node is told to run TypeScript files of the repository; `first`: some that it loads before. */
export const wordsOf = (file: string, first: readonly string[] = []): readonly string[] => [
  ...(isCompiled ? ['--enable-source-maps'] : ['--import', typescript]),
  ...first.flatMap((one) => ['--import', compiled(one)]),
  compiled(file)
]

/** What it needs to know where it runs in another folder. */
export const wordsEnv = { TSX_TSCONFIG_PATH: join(repository, 'tsconfig.json') }

const deadlineMs = 30_000

/** Runs a command to its end with this on its standard input; it is killed if it takes too long. */
export const run = (
  command: string,
  parts: readonly string[],
  options: { readonly cwd: string; readonly input?: string; readonly env?: NodeJS.ProcessEnv }
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const { cwd, input = '', env = {} } = options
    const child = spawn(command, parts, { cwd, env: { ...process.env, ...env }, timeout: deadlineMs })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.stdin.on('error', () => undefined)
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
    child.stdin.end(input)
  })

/** Runs a TypeScript file of the repository, in another folder. */
export const runFile = (
  file: string,
  { cwd, input = '' }: { readonly cwd: string; readonly input?: string }
): Promise<Ended> => run(process.execPath, wordsOf(file), { cwd, input, env: wordsEnv })

/** Runs a TypeScript file that a spec has written. */
export const runWritten = (
  file: string,
  { cwd, env = {} }: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv }
): Promise<Ended> =>
  run(process.execPath, ['--import', typescript, file], { cwd, env: { ...wordsEnv, ...env } })

export const inEmptyFolder = async (use: (folder: string) => Promise<void>): Promise<void> => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'missive-ts-')))
  try {
    await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
