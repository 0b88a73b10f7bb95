/** Where a command writes what it makes: stdout, or a file of its owner alone. */
import { randomUUID } from 'node:crypto'
import { existsSync, rmSync, statSync } from 'node:fs'
import { link, open, rename, unlink } from 'node:fs/promises'
import { resolve } from 'node:path'
import { capture } from '../core/captured.js'
import { printable } from '../failures/render.js'
import { type Io, Stop } from './io.js'
import { isOfQueue } from './open.js'

export type Write = (text: string) => Promise<void>

export interface Target {
  readonly output?: string
  readonly force?: boolean
  /** The file of the queue, which is never written over. */
  readonly queue: string
}

/** A file is there whole or not at all, though the process be killed. Without `force` none is written over. */
export const writing = async <A>(
  { stdout, cwd, onSignal, quit }: Io,
  { output, force = false, queue }: Target,
  use: (write: Write) => Promise<A>
): Promise<A> => {
  if (output === undefined) return use(stdout.write)
  const path = resolve(cwd, output)
  const partial = `${path}.${randomUUID().slice(0, 8)}.partial`
  let isMade = false
  const remove = (): void => {
    if (isMade) rmSync(partial, { force: true })
  }
  const listenNoMore = onSignal(() => {
    remove()
    quit(1)
  })
  try {
    const refusal = refusalOf(path, force, resolve(cwd, queue))
    if (refusal !== undefined) throw new Stop(2, printable(`${path} ${refusal}`))
    const file = await open(partial, 'wx', 0o600)
    isMade = true
    let used: A
    try {
      used = await use((text) => file.appendFile(text))
      await file.sync()
    } finally {
      await file.close()
    }
    await (force ? rename(partial, path) : named(partial, path))
    return used
  } catch (thrown) {
    remove()
    throw thrown instanceof Error && 'syscall' in thrown
      ? new Stop(1, printable(`${path} cannot be written: ${capture(thrown).message}`))
      : thrown
  } finally {
    listenNoMore()
  }
}

// helpers

/** Unlike a rename it leaves alone what was made there meanwhile; some file systems have no links. */
const named = async (partial: string, path: string): Promise<void> => {
  try {
    await link(partial, path)
  } catch (thrown) {
    if (existsSync(path)) throw thrown
    return rename(partial, path)
  }
  return unlink(partial)
}

const refusalOf = (path: string, force: boolean, queue: string): string | undefined => {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return undefined
  if (!stat.isFile()) return 'is no file; give another path, or redirect stdout'
  if (isOfQueue(path, queue)) return 'is the queue itself; give another path'
  return force ? undefined : 'exists; --force writes over it'
}
