/** Running programs as their users do: in processes of their own, away from the repository. */
import { spawn } from 'node:child_process'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export const repository = fileURLToPath(new URL('../..', import.meta.url))

/** What lets Node run TypeScript, in threads too: `--import` it. */
export const typescript = new URL('../../scripts/typescript.mjs', import.meta.url).href

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
): Promise<Ended> =>
  run(process.execPath, ['--import', typescript, join(repository, file)], {
    cwd,
    input,
    env: { TSX_TSCONFIG_PATH: join(repository, 'tsconfig.json') }
  })

export const inEmptyFolder = async (use: (folder: string) => Promise<void>): Promise<void> => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'missive-ts-')))
  try {
    await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
