/** The Redis that specs start: this machine's, or Debian's packages, unpacked into the repository's cache without root. */
import { execFile, spawn } from 'node:child_process'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync
} from 'node:fs'
import { basename, delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { within } from './deadline.js'
import { repository } from './program.js'

export interface RedisBinary {
  readonly command: string
  /** What it needs besides our environment. */
  readonly env: NodeJS.ProcessEnv
}

export const redisBinary = (): Promise<RedisBinary> => {
  found ??= findRedis(process.env.PATH ?? '', join(repository, '.cache/redis'))
  return found
}

/** Finds it on the path or in the cache, or fetches it into the cache; throws with what to do where it cannot. */
export const findRedis = async (path: string, cache: string): Promise<RedisBinary> => {
  const command = onPath(['redis-server', 'valkey-server'], path)
  if (command !== undefined) return { command, env: {} }
  try {
    return unpackedIn(cache) ?? (await fetched(cache))
  } catch (error) {
    throw new Error(`${advice}\nIt could not be fetched. ${String(error)}`, { cause: error })
  }
}

/** The first of these programs that is on the path. */
export const onPath = (names: readonly string[], path = process.env.PATH ?? ''): string | undefined =>
  names.flatMap((name) => path.split(delimiter).map((folder) => join(folder, name))).find(isExecutable)

// helpers

let found: Promise<RedisBinary> | undefined

const advice = `These specs need redis-server or valkey-server on the PATH:
  apt-get install redis-server (Debian, Ubuntu), dnf install valkey (Fedora), brew install redis (macOS).
For specs without a server of their own REDIS_URL is enough; MISSIVE_SKIP_REDIS=1 skips all that need Redis.`

const packages = ['redis-server', 'redis-tools']

const execute = promisify(execFile)

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const unpackedIn = (folder: string): RedisBinary | undefined => {
  const command = join(folder, 'usr/bin/redis-server')
  if (!isExecutable(command)) return undefined
  const libraries = ['lib', 'usr/lib']
    .map((name) => join(folder, name))
    .filter((path) => existsSync(path))
    .flatMap((path) => readdirSync(path).map((name) => join(path, name)))
    .filter((path) => basename(path).includes('-linux-'))
  return { command, env: { LD_LIBRARY_PATH: libraries.join(delimiter) } }
}

const fetched = async (cache: string): Promise<RedisBinary> => {
  mkdirSync(dirname(cache), { recursive: true })
  const unlock = await locked(`${cache}.lock`)
  try {
    if (unpackedIn(cache) === undefined) await fetchInto(cache)
  } finally {
    unlock()
  }
  return unpackedIn(cache) as RedisBinary
}

/** Waits for a lock between processes. It is given back when this one ends, too, however it does. */
const locked = async (file: string): Promise<() => void> => {
  const holder = spawn('flock', [file, 'sh', '-c', 'echo locked && exec cat'])
  const acquired = new Promise<void>((resolve, reject) => {
    holder.stdout.once('data', () => resolve())
    holder.on('error', reject)
    holder.on('exit', (code) => reject(new Error(`flock of ${file} ended with ${code}`)))
  })
  await within(`the lock ${file}`, acquired, 100_000)
  return () => holder.stdin.end()
}

const fetchInto = async (cache: string): Promise<void> => {
  const folder = mkdtempSync(`${cache}-`)
  try {
    for (const name of ['lists/partial', 'cache/archives/partial', 'root'])
      mkdirSync(join(folder, name), { recursive: true })
    await download(folder)
    const root = join(folder, 'root')
    const archives = join(folder, 'cache/archives')
    for (const name of readdirSync(archives).filter((name) => name.endsWith('.deb')))
      await execute('dpkg-deb', ['-x', join(archives, name), root])
    const unpacked = unpackedIn(root)
    if (unpacked === undefined) throw new Error('the packages of Debian have no redis-server in them')
    await execute(unpacked.command, ['--version'], { env: { ...process.env, ...unpacked.env } })
    rmSync(cache, { recursive: true, force: true })
    renameSync(root, cache)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Downloads what this machine lacks to run Redis: by its own lists, or by new ones if these will not do. */
const download = async (folder: string): Promise<void> => {
  const settings = [
    'Debug::NoLocking=true',
    'APT::Sandbox::User=root',
    'APT::Update::Error-Mode=any',
    'Acquire::Retries=1',
    'Acquire::http::Timeout=10',
    'Acquire::https::Timeout=10',
    `Dir::Cache=${join(folder, 'cache')}`
  ]
  const newLists = `Dir::State::Lists=${join(folder, 'lists')}`
  const apt = (more: readonly string[], ...parts: readonly string[]) =>
    execute('apt-get', ['-qq', '-y', ...[...settings, ...more].flatMap((one) => ['-o', one]), ...parts], {
      timeout: 40_000
    })
  // Reinstalling is for a machine that has it, but not on the path.
  const install = ['install', '--download-only', '--reinstall', '--no-install-recommends', ...packages]
  try {
    await apt([], ...install)
  } catch {
    // A source that is out of reach may not be the one that has them.
    const updated = await apt([newLists], 'update').then(() => '', String)
    await apt([newLists], ...install).catch((error: unknown) => {
      throw new Error(`By new lists: ${String(error)}\n${updated}`)
    })
  }
}
