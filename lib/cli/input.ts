/** Files and stdin, read. */
import { type ReadStream, createReadStream, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { capture } from '../core/captured.js'
import { printable } from '../failures/render.js'
import { type Io, Stop } from './io.js'

export interface Lines {
  /** Without their ends; bytes, as they may be no text. */
  readonly lines: AsyncIterable<Uint8Array>
  /** How much of the file was read, from 0 to 1; `undefined` of stdin. */
  readonly share: () => number | undefined
}

/** All of a file; `-` is stdin. */
export const bytesIn = async ({ stdin, cwd }: Io, path: string): Promise<Uint8Array> => {
  if (path !== '-') return readable(path, () => readFileSync(resolve(cwd, path)))
  const parts: Buffer[] = []
  for await (const part of stdin) parts.push(Buffer.from(part as Uint8Array))
  return Buffer.concat(parts)
}

export const linesIn = ({ stdin, cwd }: Io, path: string): Lines => {
  if (path === '-') return { lines: split(stdin), share: () => undefined }
  const file = resolve(cwd, path)
  const total = readable(path, () => {
    const stat = statSync(file)
    if (stat.isDirectory()) throw new Error('it is a folder')
    return stat.size
  })
  let stream: ReadStream | undefined
  // Opened when its lines are asked for, when somebody hears what goes wrong.
  const chunks = { [Symbol.asyncIterator]: () => (stream = createReadStream(file))[Symbol.asyncIterator]() }
  return { lines: split(chunks), share: () => (total === 0 ? 1 : (stream?.bytesRead ?? 0) / total) }
}

// helpers

const readable = <A>(path: string, read: () => A): A => {
  try {
    return read()
  } catch (thrown) {
    throw new Stop(2, printable(`${path} cannot be read: ${capture(thrown).message}`))
  }
}

/** Lines end with a line feed alone, as JSON may hold other ends in its texts. */
async function* split(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let parts: Uint8Array[] = []
  for await (const chunk of chunks) {
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
