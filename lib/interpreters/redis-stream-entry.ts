/** Deliveries of entries: what they know is read from the reply when somebody asks. */
import { isUtf8 } from 'node:buffer'
import { capture } from '../core/captured.js'
import { type Malformed, malformed } from '../core/failure.js'
import { withoutMark } from '../core/format.js'
import { type Message, type Origin, fromOrigin } from '../core/message.js'
import { Interruptible } from '../ports/interruptible.js'
import type { Delivery } from '../ports/source.js'
import type { StreamEntry } from '../redis/entry.js'
import type { Value } from '../redis/resp.js'

// model

/** Where the payload lies in an entry, whose fields are names and values in turn. May throw. */
export type PayloadOf = (fields: readonly Value[]) => string | Uint8Array | undefined

/** What an entry says besides its payload. */
export type HeadersOf = (fields: readonly Value[]) => Readonly<Record<string, string>>

/** What all entries of one reply have in common. */
export interface Reply {
  readonly server: string
  readonly stream: string
  readonly group: string
  readonly consumer: string
  readonly source: string
  readonly payloadOf: PayloadOf
  readonly headersOf: HeadersOf
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
}

export class EntryDelivery extends Interruptible implements Delivery, Origin, StreamEntry {
  readonly message: Message
  /** Is it done with, or somebody else's by now? */
  isOver = false
  /** Is the group being told what became of it, or was it? */
  isSettling = false
  /** Its entry is no longer in the stream, so nobody else can be given it. */
  isTrimmed = false
  private payload: string | Buffer | Malformed | undefined = undefined
  constructor(
    readonly id: string,
    private readonly values: readonly Value[],
    private readonly reply: Reply,
    /** How many starts the server has counted. */
    private count: number,
    /** Does that include this delivery's own? */
    public isCounted: boolean,
    readonly alone: boolean,
    /** Until when it is ours for sure, by the monotonic clock. */
    public until: number
  ) {
    super()
    this.message = fromOrigin(this)
  }
  get _tag() {
    return 'StreamEntry' as const
  }
  get bytes(): Buffer {
    const payload = this.read()
    if (Buffer.isBuffer(payload)) return payload
    if (typeof payload !== 'string') return noBytes
    const bytes = Buffer.from(payload)
    this.payload = bytes
    return bytes
  }
  get headers() {
    return this.reply.headersOf(this.values)
  }
  get fields(): Buffer[] {
    return this.values.map(toBuffer)
  }
  get server() {
    return this.reply.server
  }
  get stream() {
    return this.reply.stream
  }
  get group() {
    return this.reply.group
  }
  get consumer() {
    return this.reply.consumer
  }
  get source() {
    return this.reply.source
  }
  get receivedAt() {
    return this.reply.receivedAt
  }
  get deliveryCount() {
    return this.isCounted ? this.count : this.count + 1
  }
  get redelivers() {
    return true
  }
  get raw(): StreamEntry {
    return this
  }
  get fault(): Malformed | undefined {
    const payload = this.read()
    return typeof payload === 'string' || Buffer.isBuffer(payload) ? undefined : payload
  }
  text(): string | undefined {
    const payload = this.read()
    if (typeof payload === 'string') return withoutMark(payload)
    const { bytes } = this
    return isUtf8(bytes) ? withoutMark(bytes.toString()) : undefined
  }
  /** Says that its start is counted. */
  counted() {
    if (!this.isCounted) this.count += 1
    this.isCounted = true
  }
  private read(): string | Buffer | Malformed {
    return (this.payload ??= payloadOf(this.values, this.reply.payloadOf))
  }
}

// constructors

/** The value of this field; where none is named, that of the only one, or of the one called `payload`. */
export const payloadIn =
  (field: string | undefined): PayloadOf =>
  (values) =>
    values[placeOf(values, field) + 1]

/** All fields but that of the payload, if that is one of them. */
export const headersBeside = (field: string | undefined): HeadersOf =>
  headersWithout((values) => placeOf(values, field))

/** For a payload that is made of several fields. */
export const allHeaders: HeadersOf = (values) => headersWithout(() => nowhere)(values)

// conversions

export const toBuffer = (value: Value): Buffer => (typeof value === 'string' ? Buffer.from(value) : value)

// helpers

const noBytes = Buffer.alloc(0)

/** Where the field of the payload stands among names and values; nothing stands after the place before the first. */
const placeOf = (values: readonly Value[], field: string | undefined): number => {
  if (field === undefined && values.length === 2) return 0
  const wanted = field ?? 'payload'
  for (let index = 0; index < values.length; index += 2) if (String(values[index]) === wanted) return index
  return nowhere
}

const nowhere = -2

const headersWithout =
  (find: (values: readonly Value[]) => number): HeadersOf =>
  (values) => {
    const place = find(values)
    const pairs: [string, string][] = []
    for (let index = 0; index < values.length; index += 2)
      if (index !== place) pairs.push([String(values[index]), String(values[index + 1] ?? '')])
    return Object.fromEntries(pairs)
  }

const payloadOf = (values: readonly Value[], find: PayloadOf): string | Buffer | Malformed => {
  try {
    const found = find(values)
    if (found === undefined) return noPayload(values)
    return typeof found === 'string' || Buffer.isBuffer(found) ? found : Buffer.from(found)
  } catch (thrown) {
    const message = `the payload cannot be made of the entry: ${capture(thrown).message}`
    return malformed([{ path: '', message }])
  }
}

const noPayload = (values: readonly Value[]): Malformed => {
  const names = values.filter((_, index) => index % 2 === 0 && index < 20).map(String)
  return malformed([
    {
      path: '',
      message: `the entry does not have the field of the payload, but ${names.join(', ')}; say which one it is: field`
    }
  ])
}
