/** Running a Redis as a process that ends with ours. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { type Socket, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { within } from './deadline.js'
import { type RedisBinary, onPath } from './redis-binary.js'

/** Starts the program, and waits until it says that it listens: a ping might be answered by another on its port. */
export const launched = async (
  { command, env }: RedisBinary,
  args: readonly string[]
): Promise<ChildProcess> => {
  // Not detached: who kills a spec's group kills its servers. This is for a spec that is killed alone.
  const setpriv = process.platform === 'linux' ? onPath(['setpriv']) : undefined
  const mortal = setpriv === undefined ? [] : ['--pdeathsig', 'KILL', command]
  const child = spawn(setpriv ?? command, [...mortal, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  endWithUs(child)
  let output = ''
  const ready = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
        if (output.includes('Ready to accept connections')) resolve()
      })
    child.on('error', reject)
    child.on('close', (code, signal) => reject(new Error(`Redis ended with ${code ?? signal}:\n${output}`)))
  })
  await within('Redis is ready', ready)
  return child
}

export const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

/** Ends it by a signal, though it stand still, and waits. */
export const end = async (child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
  if (hasEnded(child)) return
  const ended = once(child, 'exit')
  child.kill(signal)
  child.kill('SIGCONT')
  await within(`Redis ends by ${signal}`, ended)
}

/** A folder that is removed when this process ends, if not before. */
export const newFolder = (): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'missive-ts-redis-')))
  folders.add(folder)
  return folder
}

export const remove = (folder: string): void => {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  folders.delete(folder)
}

/**
 * Below the ports that systems give to clients: no client gets it while its server is away, or connects to itself. The
 * second port of a cluster's node is 10,000 above.
 */
export const freePort = async (): Promise<number> => {
  const port = randomInt(11_000, 22_000)
  return (await isFree(port)) ? port : freePort()
}

// helpers

const children = new Set<ChildProcess>()
const folders = new Set<string>()
let isWatching = false

/** Lets this process end while the child runs, and the child with it. */
const endWithUs = (child: ChildProcess): void => {
  if (!isWatching) watchOurEnd()
  isWatching = true
  children.add(child)
  child.unref()
  for (const stream of [child.stdout, child.stderr]) (stream as Socket).unref()
}

const watchOurEnd = (): void => {
  process.once('exit', endAll)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      // Whoever else listens decides whether this is the end.
      if (process.listenerCount(signal) > 0) return
      endAll()
      process.kill(process.pid, signal)
    })
}

const endAll = (): void => {
  for (const child of children) child.kill('SIGKILL')
  for (const folder of folders) remove(folder)
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.on('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
