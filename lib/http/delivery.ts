/** Deliveries of requests: what their messages know is read when somebody asks for it. */
import type { Failure } from '../core/failure.js'
import { type Message, type Origin, fromOrigin } from '../core/message.js'
import type { Outcome } from '../core/outcome.js'
import { Interruptible } from '../ports/interruptible.js'
import type { Incoming } from './incoming.js'
import { sourceOf } from './request.js'

/** What an event says in the place of its request. */
export interface EventParts {
  readonly source: string | undefined
  readonly headers: Readonly<Record<string, string>> | undefined
}

export class HttpDelivery extends Interruptible implements Origin {
  readonly message: Message
  readonly deliveryCount = 1
  /** What became of it when it was to be stored while its handler goes on. */
  declare storing: Promise<Outcome> | undefined
  private name: string | undefined
  constructor(
    readonly raw: Incoming,
    readonly bytes: Uint8Array,
    id: string | undefined,
    /** Where it came in, before its path. */
    private readonly place: string,
    readonly redelivers: boolean,
    /** Milliseconds since the epoch. */
    readonly receivedAt: number,
    readonly fault: Failure | undefined,
    private readonly event?: EventParts
  ) {
    super()
    this.name = id
    this.message = fromOrigin(this)
  }
  get id(): string {
    return (this.name ??= crypto.randomUUID())
  }
  get source(): string {
    return sourceOf(this.place, this.raw, this.event?.source)
  }
  text(): string | undefined {
    return this.raw.text(this.bytes)
  }
  /** With what else routes are chosen by, so that a letter is routed as its request was. No sender can forge these. */
  get headers(): Readonly<Record<string, string>> {
    const { method, path, query, headers } = this.raw
    return {
      ...(this.event?.headers ?? headers),
      ':method': method,
      ':path': path,
      ...(query === '' ? {} : { ':query': query })
    }
  }
}
