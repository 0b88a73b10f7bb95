/** Deliveries of entries: what they know is read from the reply when somebody asks. */
import { isAscii, isUtf8 } from 'node:buffer'
import { capture } from '../core/captured.js'
import { type Malformed, malformed } from '../core/failure.js'
import { Interruptible } from '../core/interruptible.js'
import { type Message, type Origin, fromOrigin } from '../core/message.js'
import type { Delivery } from '../core/source.js'
import type { StreamEntry } from '../redis/entry.js'

// model

/** Where the payload lies in an entry, whose fields are names and values in turn. May throw. */
export type PayloadOf = (fields: readonly Buffer[]) => Uint8Array | undefined

/** What all entries of one reply have in common. */
export interface Reply {
  readonly server: string
  readonly stream: string
  readonly group: string
  readonly consumer: string
  readonly source: string
  readonly payloadOf: PayloadOf
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
}

export class EntryDelivery extends Interruptible implements Delivery, Origin, StreamEntry {
  readonly _tag = 'StreamEntry'
  readonly message: Message
  /** Is it done with, or somebody else's by now? */
  isOver = false
  /** Its entry is no longer in the stream, so nobody else can be given it. */
  isTrimmed = false
  private knownId: string | undefined = undefined
  private read: Payload | undefined = undefined
  constructor(
    private readonly rawId: Buffer,
    readonly fields: readonly Buffer[],
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
  get id() {
    return (this.knownId ??= this.rawId.toString('latin1'))
  }
  get bytes() {
    return this.payload.bytes
  }
  get headers() {
    const { bytes } = this
    const headers: Record<string, string> = {}
    for (let index = 0; index < this.fields.length; index += 2) {
      const value = this.fields[index + 1] ?? noBytes
      if (value !== bytes) headers[String(this.fields[index])] = value.toString()
    }
    return headers
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
  get fault() {
    return this.payload.fault
  }
  text() {
    const { bytes } = this.payload
    if (isAscii(bytes)) return bytes.toString('latin1')
    if (!isUtf8(bytes)) return undefined
    const text = bytes.toString()
    return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
  }
  /** Says that its start is counted. */
  counted() {
    if (!this.isCounted) this.count += 1
    this.isCounted = true
  }
  private get payload(): Payload {
    return (this.read ??= payloadOf(this.fields, this.reply.payloadOf))
  }
}

// constructors

/** The value of this field; where none is named, that of the only one, or of the one called `payload`. */
export const payloadIn = (field: string | undefined): PayloadOf => {
  const wanted = Buffer.from(field ?? 'payload')
  return (fields) => {
    if (field === undefined && fields.length === 2) return fields[1]
    for (let index = 0; index < fields.length; index += 2)
      if (fields[index]?.equals(wanted)) return fields[index + 1]
    return undefined
  }
}

// helpers

interface Payload {
  readonly bytes: Buffer
  readonly fault: Malformed | undefined
}

const noBytes = Buffer.alloc(0)

const payloadOf = (fields: readonly Buffer[], find: PayloadOf): Payload => {
  try {
    const found = find(fields)
    if (found === undefined) return { bytes: noBytes, fault: noPayload(fields) }
    const bytes = Buffer.isBuffer(found) ? found : Buffer.from(found)
    return { bytes, fault: undefined }
  } catch (thrown) {
    const message = `the payload cannot be made of the entry: ${capture(thrown).message}`
    return { bytes: noBytes, fault: malformed([{ path: '', message }]) }
  }
}

const noPayload = (fields: readonly Buffer[]): Malformed => {
  const names = fields.filter((_, index) => index % 2 === 0 && index < 20).map(String)
  return malformed([
    {
      path: '',
      message: `the entry does not have the field of the payload, but ${names.join(', ')}; say which one it is: field`
    }
  ])
}
