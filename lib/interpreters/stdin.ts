/** Standard input as a source: a message for each line. */
import { Buffer } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { createReadStream, fstatSync, readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Clock } from '../core/clock.js'
import type { Failure } from '../core/failure.js'
import { type Message, type Origin, fromOrigin } from '../core/message.js'
import { left, right } from '../core/result.js'
import type { Interpreter } from '../ports/interpreter.js'
import { Interruptible } from '../ports/interruptible.js'
import { Resource, type ResourceError, resourceError } from '../ports/resource.js'
import type { Delivery, OpenSource } from '../ports/source.js'
import { systemClock } from '../system.js'
import { type ConsumeOptions, consume } from './consume.js'
import { type Chunk, type LineOptions, lineReader, maxLineBytesOf, textOfPart } from './lines.js'

// model

/** How a stream of bytes is read as lines. */
export interface LinesOptions extends LineOptions {
  /** What the messages say of where they come from. */
  readonly source?: string
  /** How many bytes there will be, where that is known. */
  readonly totalBytes?: number
  readonly clock?: Clock
}

/** How standard input is read, and what a failed line does: `stop` by default. */
export type StdinOptions = LineOptions &
  Omit<ConsumeOptions, 'onFailed'> & { readonly onFailed?: 'stop' | 'report' }

// constructors

/**
 * Runs a processor on the lines of standard input: bytes up to `\n`, without it and one `\r` before it; the last
 * one may lack it. The end of input ends the run. A line that fails and is not dead-lettered stops it, unless
 * `onFailed` is `report`. Ids are unique across runs, and end with the line's number. `maxUnsettled` is 256 by
 * default, or twice the concurrency.
 *
 * A line cannot be brought back: what was read and not handled when the process is killed is lost.
 *
 * @throws RangeError if a number makes no sense
 * @since 0.1.0
 */
export const stdin = (options: StdinOptions = {}): Interpreter => {
  const { concurrency = 1, skipEmpty = false, clock = systemClock } = options
  const maxLineBytes = maxLineBytesOf(options)
  const open: OpenSource = (limits) =>
    Resource.flatMap(({ stream, totalBytes }: Input) => {
      const size = totalBytes === undefined ? {} : { totalBytes }
      return lines(stream, { source: 'stdin', maxLineBytes, skipEmpty, clock, ...size })(limits)
    })(
      Resource.make(
        'stdin',
        async () => standardInput(),
        async () => undefined
      )
    )
  const { maxUnsettled = Math.max(readAhead, concurrency * 2) } = options
  return consume(open, { ...options, maxUnsettled })
}

/**
 * The lines of any stream of bytes. It is destroyed when the run ends.
 *
 * @example
 * const processor = pipe(receive(text), handle(otherwise(async () => ack)), withDlq(memoryDlq()))
 * const run = consume(lines(Readable.from([Buffer.from('Hello\nGood'), Buffer.from('bye')])))
 * const report = await run(processor)(new AbortController().signal)()
 * assert.is(report.acked, 2)
 *
 * @throws RangeError if `maxLineBytes` makes no sense
 * @since 0.1.0
 */
export const lines = (
  stream: Readable,
  { source = 'lines', totalBytes, clock = systemClock, ...options }: LinesOptions = {}
): OpenSource => {
  maxLineBytesOf(options)
  return () =>
    Resource.make(
      source,
      async () => {
        const reader = lineReader(
          (chunk, start, end, number, fault) => new LineDelivery(chunk, start, end, number, fault, shared),
          options
        )
        const chunks = chunksOf(stream)
        const run = randomBytes(6).toString('hex')
        let receivedBytes = 0
        let shared: Shared = { source, run, receivedAt: clock.now() }
        let hasEnded = false
        return right({
          traits: { redelivers: false, delay: 'in-place', exclusive: true },
          pull: (max, signal) => async () => {
            for (;;) {
              const items = reader.take(max)
              if (items.length > 0) return right({ _tag: 'Batch', items })
              if (hasEnded) return right({ _tag: 'End' })
              const next = await chunks.next(signal)
              if (next === 'aborted') return right({ _tag: 'Batch', items: [] })
              if (next !== 'end' && 'cause' in next) return left({ _tag: 'Fatal', cause: next.cause })
              if (next === 'end') {
                hasEnded = true
                reader.end()
              } else {
                receivedBytes += next.length
                shared = { source, run, receivedAt: clock.now() }
                reader.feed(next)
              }
            }
          },
          input: () => ({
            readBytes: reader.takenBytes(),
            knownBytes: hasEnded ? receivedBytes : Math.max(totalBytes ?? 0, receivedBytes),
            isAll: totalBytes !== undefined
          })
        })
      },
      async () => void stream.destroy()
    )
}

// helpers

interface Input {
  readonly stream: Readable
  readonly totalBytes: number | undefined
}

/** Lines are at hand at once, and those that wait long fall out of the processor's cache. */
const readAhead = 256
const fileChunkBytes = 262_144

/** A file is read in larger pieces than `process.stdin` would, and by nobody else. */
const standardInput = (): Either<ResourceError, Input> => {
  const stats = fstatSync(0)
  if (stats.isDirectory())
    return left(resourceError('stdin', 'standard input is a directory; give a file or a pipe'))
  if (!stats.isFile()) return right({ stream: process.stdin, totalBytes: undefined })
  const stream = createReadStream('', { fd: 0, autoClose: false, highWaterMark: fileChunkBytes })
  return right({ stream, totalBytes: Math.max(0, stats.size - readBefore()) })
}

/** What others have read of standard input already. Where no system tells, it is taken for none. */
const readBefore = (): number => {
  try {
    return Number(/^pos:\s*(\d+)/m.exec(readFileSync('/proc/self/fdinfo/0', 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

/** Streams are destroyed with anything, which is no answer of ours. */
type Next = Buffer | 'end' | 'aborted' | { readonly cause: unknown }

const chunksOf = (stream: Readable) => {
  let wake = (): void => undefined
  let watched: AbortSignal | undefined
  for (const event of ['readable', 'end', 'error', 'close']) stream.on(event, () => wake())
  return {
    next: async (signal: AbortSignal): Promise<Next> => {
      for (;;) {
        if (signal.aborted) return 'aborted'
        const chunk: unknown = stream.read()
        if (chunk !== null) return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk as string | Uint8Array)
        if (stream.errored) return { cause: stream.errored }
        if (stream.readableEnded) return 'end'
        if (stream.closed) return { cause: new Error('the stream was closed before its end') }
        if (signal !== watched) signal.addEventListener('abort', () => wake(), { once: true })
        watched = signal
        await new Promise<void>((resolve) => (wake = resolve))
      }
    }
  }
}

/** What all lines of one piece of input have in common. */
interface Shared {
  readonly source: string
  readonly run: string
  readonly receivedAt: number
}

/** A delivery whose message is made of its line as far as somebody asks. */
class LineDelivery extends Interruptible implements Delivery, Origin {
  readonly message: Message
  constructor(
    private readonly chunk: Chunk,
    private readonly start: number,
    private readonly end: number,
    private readonly number: number,
    readonly fault: Failure | undefined,
    private readonly shared: Shared
  ) {
    super()
    this.message = fromOrigin(this)
  }
  get id() {
    return `${this.shared.run}:${this.number}`
  }
  get bytes() {
    return this.chunk.bytes.subarray(this.start, this.end)
  }
  get headers() {
    return noHeaders
  }
  get source() {
    return this.shared.source
  }
  get deliveryCount() {
    return 1
  }
  get redelivers() {
    return false
  }
  get receivedAt() {
    return this.shared.receivedAt
  }
  get raw() {
    return undefined
  }
  text() {
    return textOfPart(this.chunk, this.start, this.end)
  }
}

const noHeaders = {}
