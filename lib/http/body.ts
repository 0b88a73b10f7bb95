/** Bodies: read within limits, and never more than is allowed for all of them together. */

// model

/** Why a body was not read; `error` is for the sender. */
export interface BodyError extends Error {
  readonly _tag: 'BodyError'
  readonly status: 400 | 413 | 503
  readonly error: string
}

/** How much bodies may take. */
export interface Budget {
  /** Of one body. */
  readonly maxBytes: number
  /** Takes so many bytes more for a body that has `size` already, or throws a `BodyError`. */
  readonly take: (bytes: number, size: number) => void
  /** Gives back what a body took, once it is read or given up. */
  readonly give: (bytes: number) => void
  /** Counts what is read and has to wait, until the answer is called. */
  readonly hold: (bytes: number) => () => void
}

// constructors

const bodyError = (status: BodyError['status'], error: string): BodyError => {
  const made = Object.assign(new Error(error), { _tag: 'BodyError' as const, status, error })
  known.add(made)
  return made
}

export const tooLarge = (maxBytes: number): BodyError =>
  bodyError(413, `a body has at most ${maxBytes} bytes`)

export const budget = ({
  maxBytes,
  maxBufferedBytes
}: {
  readonly maxBytes: number
  readonly maxBufferedBytes: number
}): Budget => {
  let buffered = 0
  const give = (bytes: number): void => void (buffered -= bytes)
  return {
    maxBytes,
    take: (bytes, size) => {
      if (size + bytes > maxBytes) throw tooLarge(maxBytes)
      if (buffered + bytes > maxBufferedBytes) throw bodyError(503, 'too much is being held')
      buffered += bytes
    },
    give,
    hold: (bytes) => {
      buffered += bytes
      let isHeld = true
      return () => {
        if (isHeld) give(bytes)
        isHeld = false
      }
    }
  }
}

/** Its sender, or what lies between, went away. */
export const endedTooEarly = (): BodyError => bodyError(400, 'the body ended too early')

// guards

/** Without reading it: what users throw may throw again where it is read. */
export const isBodyError = (thrown: unknown): thrown is BodyError => known.has(thrown as object)

// readers

/** All of a stream of bytes, within the budget. Whatever happens, the stream is not read any further. */
export const readAll = async (
  stream: AsyncIterable<Uint8Array>,
  { take, give }: Budget
): Promise<Uint8Array> => {
  let held: Uint8Array = nothing
  let size = 0
  try {
    for await (const chunk of stream) {
      take(chunk.length, size)
      held = appended(held, size, chunk)
      size += chunk.length
    }
    return held.subarray(0, size)
  } finally {
    give(size)
  }
}

/**
 * The first `size` bytes of what is held of a body, and the next chunk after them. A list of chunks would cost some
 * hundreds of bytes for each, and senders choose how small they are.
 */
export const appended = (held: Uint8Array, size: number, chunk: Uint8Array): Uint8Array => {
  if (size === 0) return chunk
  const needed = size + chunk.length
  const room = needed <= held.length ? held : new Uint8Array(Math.ceil(needed * 1.5))
  if (room !== held) room.set(held.subarray(0, size))
  room.set(chunk, size)
  return room
}

/** What is held of a body that has not begun. */
export const nothing: Uint8Array = new Uint8Array()

/** What a body says once it is decompressed, within the budget as it was before. */
export const decompressed = async (
  encoding: string | undefined,
  bytes: Uint8Array,
  budget: Budget
): Promise<Uint8Array> => {
  const coding = encoding?.toLowerCase()
  if (coding === undefined || coding === 'identity') return bytes
  const format = coding === 'deflate' ? 'deflate' : 'gzip'
  const plain = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream(format))
  try {
    return await readAll(plain, budget)
  } catch (thrown) {
    throw isBodyError(thrown) ? thrown : bodyError(400, `the body is no ${format}`)
  }
}

// helpers

const known = new WeakSet<object>()
