/** A disk as strict as it may be: what is left of a folder when the power goes, read from a trace of system calls. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

// tracing

/**
 * A command that runs another one and writes a trace. `faults`: what strace is to inject, such as
 * `fsync:error=EIO:when=4`.
 */
export const traced = (trace: string, faults?: string): readonly string[] => [
  'strace',
  // A file for each thread, so that no line is broken off by another; text in hexadecimal, and none of it cut.
  '-ff',
  '-y',
  '-xx',
  '-ttt',
  '-T',
  '-s10000000',
  `-o${trace}`,
  `-etrace=${calls.join()}`,
  ...(faults === undefined ? [] : [`-einject=${faults}`])
]

/** Installs strace where it is missing and may be installed; throws with what to do where it may not. */
export const ensureStrace = (): void => {
  const isThere = () => spawnSync('strace', ['-V']).status === 0
  if (isThere()) return
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const install = () => spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'strace'], { env })
  if (install().status !== 0) {
    spawnSync('apt-get', ['update'], { env })
    install()
  }
  if (!isThere()) {
    throw new Error('this spec needs strace, and could not install it: apt-get install strace, as root')
  }
}

// reading a trace

/** Something that happened to a path, or was told. Times are in seconds. */
export interface Call {
  readonly name: 'write' | 'truncate' | 'create' | 'unlink' | 'sync' | 'told'
  readonly at: number
  readonly path: string
  readonly isDone: boolean
  readonly bytes: Buffer
  readonly offset: number
}

/** What happened in a folder, in its order, and the lines that were told meanwhile. */
export const callsIn = (trace: string, folder: string): readonly Call[] => {
  const isOurs = ({ name, path }: Call): boolean =>
    name === 'told' || path === folder || dirname(path) === folder
  return readdirSync(dirname(trace))
    .filter((name) => name.startsWith(`${basename(trace)}.`))
    .flatMap((name) =>
      readFileSync(join(dirname(trace), name), 'latin1')
        .split('\n')
        .flatMap(callOf)
    )
    .filter(isOurs)
    .toSorted((a, b) => a.at - b.at)
}

// the disk

/**
 * What is sure to be left at each `told` of a folder that held these files before. Of a file that is what was there when it was last synced; of a folder
 * the names that were. What was written before a sync that failed is not on the disk, and no later sync brings it
 * there: the system takes it for written (as Linux does).
 */
export const leftAtEach = (
  calls: readonly Call[],
  folder: string,
  before: ReadonlyMap<string, Buffer>,
  isLeft: (told: string, write: (into: string) => void) => void
): void => {
  let names = new Map(
    [...before].map(([name, durable]): [string, Inode] => [join(folder, name), { durable, unsynced: [] }])
  )
  let durableNames = names
  for (const { name, path, isDone, bytes, offset } of calls) {
    const inode = names.get(path)
    if (name === 'told') isLeft(bytes.toString(), (into) => restored(durableNames, into))
    else if (name === 'sync' && path === folder) durableNames = isDone ? new Map(names) : durableNames
    else if (name === 'sync' && inode !== undefined) {
      if (isDone) inode.durable = inode.unsynced.reduce((content, change) => change(content), inode.durable)
      inode.unsynced = []
    } else if (!isDone) continue
    else if (name === 'create' && inode === undefined)
      names = new Map(names).set(path, { durable: Buffer.alloc(0), unsynced: [] })
    else if (name === 'unlink') {
      names = new Map(names)
      names.delete(path)
    } else if (name === 'write') inode?.unsynced.push((content) => written(content, bytes, offset))
    else if (name === 'truncate') inode?.unsynced.push((content) => truncated(content, offset))
  }
}

// helpers

const calls = ['openat', 'pwrite64', 'write', 'ftruncate', 'unlink', 'fsync', 'fdatasync'] as const

interface Inode {
  durable: Buffer
  unsynced: ((content: Buffer) => Buffer)[]
}

/** 1700000000.123456 pwrite64(21<path>, "bytes", 24, 32) = 24 (INJECTED) <0.000010> */
const lineForm = /^(\d+\.\d+) (\w+)\((.*)\) += (-?\d+)[^<]*(?:<[^<>]*>)?[^<]*<(\d+\.\d+)>$/

const callOf = (line: string): readonly Call[] => {
  const [, began = '', called = '', given = '', result = '', took = ''] = lineForm.exec(line) ?? []
  const [path = ''] = /(?<=<)[^<>]*(?=>)/.exec(given) ?? []
  const [text = ''] = /(?<=")[^"]*(?=")/.exec(given) ?? []
  const last = Number(given.split(', ').at(-1))
  const done = { at: Number(began) + Number(took), isDone: Number(result) >= 0 }
  const about = (name: Call['name'], more: Partial<Call> = {}): readonly Call[] => [
    { name, path: unhexed(path).toString(), bytes: Buffer.alloc(0), offset: 0, ...done, ...more }
  ]
  switch (called) {
    case 'openat':
      return given.includes('O_CREAT') ? about('create', { path: unhexed(text).toString() }) : []
    case 'unlink':
      return about('unlink', { path: unhexed(text).toString() })
    case 'fsync':
    case 'fdatasync':
      return about('sync')
    case 'ftruncate':
      return about('truncate', { offset: last })
    case 'pwrite64':
      return about('write', { bytes: unhexed(text).subarray(0, Math.max(0, Number(result))), offset: last })
    case 'write':
      // Told when it began: whoever is told may read it before this call has returned.
      return given.startsWith('1<') ? about('told', { bytes: unhexed(text), at: Number(began) }) : []
    default:
      return []
  }
}

const unhexed = (text: string): Buffer => Buffer.from(text.replaceAll('\\x', ''), 'hex')

const written = (content: Buffer, bytes: Buffer, offset: number): Buffer => {
  const longer =
    content.length >= offset + bytes.length
      ? Buffer.from(content)
      : Buffer.concat([content, Buffer.alloc(offset + bytes.length - content.length)])
  bytes.copy(longer, offset)
  return longer
}

const truncated = (content: Buffer, size: number): Buffer =>
  content.length >= size
    ? content.subarray(0, size)
    : Buffer.concat([content, Buffer.alloc(size - content.length)])

const restored = (names: ReadonlyMap<string, Inode>, into: string): void => {
  mkdirSync(into)
  for (const [path, { durable }] of names)
    if (!path.endsWith('-shm')) writeFileSync(join(into, basename(path)), durable)
}
