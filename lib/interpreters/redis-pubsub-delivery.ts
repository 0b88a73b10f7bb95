/** Deliveries of publications: what they know is read from what arrived when somebody asks. */
import { isUtf8 } from 'node:buffer'
import { withoutMark } from '../core/format.js'
import { type Message, type Origin, fromOrigin } from '../core/message.js'
import { Interruptible } from '../ports/interruptible.js'
import type { Delivery } from '../ports/source.js'
import type { Publication } from '../redis/publication.js'

// model

/** What all publications have in common that arrive at the same time. */
export interface Arrival {
  readonly server: string
  /** Names this opening of the source, as Redis names no publications. */
  readonly run: string
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
}

export class PublicationDelivery extends Interruptible implements Delivery, Origin, Publication {
  readonly _tag = 'Publication'
  readonly message: Message
  constructor(
    private readonly channelBytes: Buffer,
    readonly bytes: Buffer,
    readonly pattern: string | undefined,
    private readonly number: number,
    private readonly arrival: Arrival
  ) {
    super()
    this.message = fromOrigin(this)
  }
  get id() {
    return `${this.arrival.run}:${this.number}`
  }
  get channel() {
    return this.channelBytes.toString()
  }
  get headers(): Readonly<Record<string, string>> {
    const { channel, pattern } = this
    return pattern === undefined ? { channel } : { channel, pattern }
  }
  get server() {
    return this.arrival.server
  }
  get source() {
    return `${this.server}/${this.channel}`
  }
  get receivedAt() {
    return this.arrival.receivedAt
  }
  get deliveryCount() {
    return 1
  }
  get redelivers() {
    return false
  }
  get raw(): Publication {
    return this
  }
  text() {
    const text = this.bytes.toString()
    // Of what is no UTF-8 this is left.
    if (text.includes('\ufffd') && !isUtf8(this.bytes)) return undefined
    return withoutMark(text)
  }
  /** How many bytes have arrived for it. */
  get size() {
    return this.channelBytes.length + this.bytes.length
  }
}
