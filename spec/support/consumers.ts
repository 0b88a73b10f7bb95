/** Tools of its users that are none of ours: installed once, into .cache, each pinned. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { repository } from './program.js'

const tools = {
  jest: '30.5.2',
  vitest: '4.1.12',
  typescript5: 'npm:typescript@5.9.3'
}

const deadlineMs = 150_000

/** What a command prints. Its tools are slow where much else is running. */
export const printedBy = async (
  cwd: string,
  command: string,
  ...parts: readonly string[]
): Promise<string> => {
  const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', CI: '1' }
  try {
    const { stdout } = await promisify(execFile)(command, parts, { cwd, env, timeout: deadlineMs })
    return stdout
  } catch (thrown) {
    const { stdout, stderr } = thrown as { readonly stdout: string; readonly stderr: string }
    throw new Error(`${command} ${parts.join(' ')} failed: ${stdout}${stderr}`, { cause: thrown })
  }
}

const quietly = ['--no-audit', '--no-fund', '--no-update-notifier', '--ignore-scripts', '--prefer-offline']

/** Installs what it is given, or what the folder's package.json says. */
export const npmInstall = (cwd: string, ...packages: readonly string[]): Promise<string> =>
  printedBy(cwd, 'npm', 'install', ...packages, ...quietly)

/** The folder in which the tools are. */
export const toolsInstalled = async (): Promise<string> => {
  const cache = join(repository, '.cache', 'consumers')
  const manifest = JSON.stringify({ private: true, dependencies: tools })
  const kept = join(cache, createHash('sha256').update(manifest).digest('hex').slice(0, 12))
  if (!existsSync(kept)) {
    mkdirSync(cache, { recursive: true })
    const made = mkdtempSync(join(cache, 'new-'))
    try {
      writeFileSync(join(made, 'package.json'), manifest)
      await npmInstall(made)
      renameSync(made, kept)
    } catch (thrown) {
      rmSync(made, { recursive: true, force: true })
      // Another run may have been faster.
      if (!existsSync(kept)) throw thrown
    }
  }
  return join(kept, 'node_modules')
}
