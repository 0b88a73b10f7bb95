/** Files and stdin, read. */
import {
  type ReadStream,
  closeSync,
  createReadStream,
  openSync,
  readFileSync,
  readSync,
  statSync
} from 'node:fs'
import { resolve } from 'node:path'
import { capture } from '../core/captured.js'
import { printable } from '../failures/render.js'
import { type Io, Stop } from './io.js'

export interface Lines {
  /** Without their ends; bytes, as they may be no text. */
  readonly lines: AsyncIterable<Uint8Array>
  /** How much of the file was read, from 0 to 1; `undefined` of what has no size. */
  readonly share: () => number | undefined
}

/** All of a file; `-` is stdin. */
export const bytesIn = async ({ stdin, cwd }: Io, path: string): Promise<Uint8Array> => {
  if (path !== '-') return readable(path, () => readFileSync(resolve(cwd, path)))
  const parts: Buffer[] = []
  for await (const part of stdin) parts.push(Buffer.from(part as Uint8Array))
  return Buffer.concat(parts)
}

/** Files that cannot be read or are no text are refused at once; pipes when their lines are asked for. */
export const linesIn = ({ stdin, cwd }: Io, path: string): Lines => {
  if (path === '-') return { lines: split('stdin', stdin), share: () => undefined }
  const file = resolve(cwd, path)
  const total = readable(path, () => {
    const stat = statSync(file)
    if (stat.isDirectory()) throw new Error('it is a folder')
    if (!stat.isFile()) return undefined
    refuseBinary(path, beginningOf(file))
    return stat.size
  })
  let stream: ReadStream | undefined
  // Opened when its lines are asked for, when somebody hears what goes wrong.
  const chunks = { [Symbol.asyncIterator]: () => (stream = createReadStream(file))[Symbol.asyncIterator]() }
  return {
    lines: split(path, chunks),
    share: () => (total === undefined ? undefined : (stream?.bytesRead ?? 0) / Math.max(total, 1))
  }
}

// helpers

const readable = <A>(path: string, read: () => A): A => {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof Stop) throw thrown
    throw new Stop(2, printable(`${path} cannot be read: ${capture(thrown).message}`))
  }
}

const beginningOf = (file: string): Uint8Array => {
  const descriptor = openSync(file, 'r')
  try {
    const beginning = new Uint8Array(beginningBytes)
    return beginning.subarray(0, readSync(descriptor, beginning))
  } finally {
    closeSync(descriptor)
  }
}

/** Files of databases and archives have a NUL soon, and no text has one. */
const refuseBinary = (path: string, bytes: Uint8Array): void => {
  const beginning = Buffer.from(bytes.subarray(0, beginningBytes))
  if (!beginning.includes(0)) return
  const what = beginning.toString('latin1').startsWith('SQLite format 3')
    ? 'is an SQLite database; if it is a queue, give what `missive dlq export` writes of it'
    : 'is no text; give what `missive dlq export` wrote, unpacked'
  throw new Stop(2, printable(`${path} ${what}`))
}

const beginningBytes = 16

/** Lines end with a line feed alone, as JSON may hold other ends in its texts. */
async function* split(path: string, chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let parts: Uint8Array[] = []
  let isFirst = true
  for await (const chunk of chunks) {
    if (isFirst) refuseBinary(path, chunk)
    isFirst = false
    let start = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end)])
      parts = []
      start = end + 1
    }
    parts.push(chunk.subarray(start))
  }
  const last = Buffer.concat(parts)
  if (last.length > 0) yield last
}
