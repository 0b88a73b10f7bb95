/** Messages: what a processor receives. */
import type { Failure } from './failure.js'
import type { Attempt, StoredLetter } from './letter.js'

// model

/**
 * A message, never changed once made. It is declared as a class so that a spread (`{ ...message }`), which
 * would copy no lazily made field, does not compile where a message is asked for: write `amend`.
 *
 * @since 0.1.0
 */
export declare abstract class Message<B = unknown> {
  /** Names the message within its source. */
  get id(): string
  /** The payload as it arrived. */
  get bytes(): Uint8Array
  /** What the pipeline's format made of the bytes; `undefined` before, and so in what stands outside of `handle`. */
  get body(): B
  get headers(): Readonly<Record<string, string>>
  /** The instance that it came from: a server with database, stream and group; a file; an address with path. */
  get source(): string
  /** How many times a handler was started for it, this one included. */
  get deliveryCount(): number
  /** Can the source bring the message back? */
  get redelivers(): boolean
  /** Milliseconds since the epoch. */
  get receivedAt(): number
  /** Aborts when this delivery is no longer wanted; `interruptionOf` reads why. What a listener throws ends the process. */
  get signal(): AbortSignal
  /** What happened to this delivery so far. */
  get trace(): Trace
  /** The source's own form of the message. */
  get raw(): unknown
  /**
   * What the source found wrong with it: then no format is tried, and the outcome is this failure. What is `Malformed`
   * stays so in its dead letter; any other failure is of this delivery alone.
   */
  get fault(): Failure | undefined
  /** The dead letter that it was, where it is replayed. Set by the replay alone: no sender can. */
  get letter(): StoredLetter | undefined
}

/** A delivery's record, for letters, logs and metrics. Shared by all that is made of the same delivery. */
export interface Trace {
  /** The route that took the message. */
  route: string | undefined
  /** When the attempt under way began, in milliseconds since the epoch; set where something asks for it. */
  startedAt: number | undefined
  /** The attempts that failed. */
  attempts: readonly Attempt[]
  /** The last attempt, which the queue could not store yet: `withDlq` stores it before anything is run again. */
  unstored: Attempt | undefined
  /** Whose queue could not, as a message may be given to several processors. Where it is not said, any stores it. */
  unstoredBy?: unknown
  /** Where the message's dead letter lies. */
  storedIn: string | undefined
  /** Settles when a queue has answered whether it stored the message: its handler may go on meanwhile. */
  storing?: { readonly by: unknown; readonly answer: Promise<unknown> }
  /** Settles when a handler does after all that was given up as hanging. */
  abandoned?: Promise<unknown> | undefined
}

/** What a source knows of a message. Fields may be getters that work when first asked. */
export interface Origin extends Omit<Message, 'body' | 'trace' | 'fault' | 'letter'> {
  readonly fault?: Failure | undefined
  readonly letter?: StoredLetter | undefined
  /** The payload as text, where the source can read it without making `bytes`; `undefined` if it is not UTF-8. */
  readonly text?: () => string | undefined
  /** Why the delivery is no longer wanted, where that can be said without making a signal. */
  readonly interrupted?: () => Interruption | undefined
}

/** The fields that `message` and `amend` take. */
export type MessageFields = { readonly [K in Exclude<keyof Message, 'trace'>]?: Message[K] }

/** A limit of time on the handling of a message; its signal is made when somebody first asks for it. */
export interface Limit {
  /** The message without the limit. */
  readonly outer: Message
  /** Aborts when the limit expires, or the outer message's signal does. */
  readonly signal: AbortSignal
  readonly abandoned: Promise<Failure>
}

/** Why a delivery is no longer wanted. */
export type Interruption = 'shutdown' | 'leaseLost'

// constructors

/**
 * Makes a message, for tests and for sources: a string becomes UTF-8, bytes stay as they are, anything else
 * becomes JSON. What is not said is that of a first delivery that can be brought back: `id` and `source` are `test`,
 * and there are no headers.
 *
 * @example
 * const order = message({ type: 'order.placed', total: 3 }, { id: '17' })
 * assert.equal(new TextDecoder().decode(order.bytes), '{"type":"order.placed","total":3}')
 *
 * @throws TypeError if the payload has no JSON form
 * @since 0.1.0
 */
export const message = (payload: unknown, fields: MessageFields = {}): Message =>
  amend(fromOrigin(new Made(payloadBytes(payload))), fields)

/** A message as its source knows it. */
export const fromOrigin = (origin: Origin): Message =>
  new Envelope(origin, undefined, {
    route: undefined,
    startedAt: undefined,
    attempts: none,
    unstored: undefined,
    storedIn: undefined
  })

/** The reason for which a source or an interpreter aborts a message's signal. */
export const interruption = (reason: Interruption): Error =>
  Object.assign(new Error(reason === 'shutdown' ? 'the process shuts down' : 'the lease is lost'), {
    _tag: 'Interrupted' as const,
    reason
  })

// combinators

/**
 * A message with some fields changed; everything else stays, unread if it was not read yet.
 *
 * @example
 * const tagged = amend(message('Hello'), { headers: { tenant: 'a' } })
 * assert.equal([tagged.headers, tagged.id], [{ tenant: 'a' }, 'test'])
 *
 * @since 0.1.0
 */
export const amend = <B>(message: Message<B>, fields: MessageFields): Message<B> =>
  relaid(
    message,
    'body' in fields ? (fields.body as B) : message.body,
    fields.signal === undefined ? fields : { ...fields, limit: undefined }
  )

export const withBody = <B>(message: Message, body: B): Message<B> => relaid(message, body, undefined)

/** A message whose handler has only so long: it may be expired, and be given up. */
export const withLimit = (message: Message, limit: Limit): Message => relaid(message, message.body, { limit })

// readers

/** Why this delivery is no longer wanted; `undefined` while it is. */
export const interruptionOf = (message: Message): Interruption | undefined => {
  const origin = originOf(message)
  const changes = changesOf(message)
  if (changes?.limit !== undefined) return interruptionOf(changes.limit.outer)
  if (origin.interrupted !== undefined && changes?.signal === undefined) return origin.interrupted()
  const { signal } = message
  return signal.aborted && signal.reason?._tag === 'Interrupted' ? signal.reason.reason : undefined
}

/** Settles once the handler of this message is given up as hanging; hooks are to be destroyed then, not given back. */
export const abandonmentOf = (message: Message): Promise<Failure> | undefined =>
  changesOf(message)?.limit?.abandoned

/** The payload as text, without a leading byte order mark; `undefined` if it is not UTF-8. */
export const textOf = (message: Message): string | undefined => {
  const origin = originOf(message)
  if (origin.text !== undefined && changesOf(message)?.bytes === undefined) return origin.text()
  try {
    return utf8.decode(message.bytes)
  } catch {
    return undefined
  }
}

/**
 * The message itself, also where a caller spread it into a plain object that lost what is lazily made.
 *
 * @throws TypeError if it is none
 */
export const restored = <B>(given: Message<B>): Message<B> => {
  if (given?.trace === undefined) throw new TypeError('a processor takes a message(...)')
  return Object.getPrototypeOf(given) === Object.prototype && envelope in given ? amend(given, given) : given
}

// helpers

const none: readonly never[] = []
const utf8 = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true })
const utf8Encoder = /* @__PURE__ */ new TextEncoder()

/**
 * A registered symbol, so that two copies of this module in one process read each other's messages. By a name it would
 * be some ns cheaper, and a message that is compared or logged would go round between its delivery and itself.
 */
const envelope: unique symbol = Symbol.for('missive-ts/envelope') as never

interface Changes extends MessageFields {
  readonly limit?: Limit | undefined
}

const unchanged: Changes = {}

/** An origin with a body, a trace and changed fields laid over it. */
class Envelope<B> implements Message<B> {
  readonly [envelope]: Origin
  constructor(
    origin: Origin,
    readonly body: B,
    readonly trace: Trace,
    readonly changes: Changes = unchanged
  ) {
    this[envelope] = origin
  }
  get id() {
    return this.changes.id ?? this[envelope].id
  }
  get bytes() {
    return this.changes.bytes ?? this[envelope].bytes
  }
  get headers() {
    return this.changes.headers ?? this[envelope].headers
  }
  get source() {
    return this.changes.source ?? this[envelope].source
  }
  get deliveryCount() {
    return this.changes.deliveryCount ?? this[envelope].deliveryCount
  }
  get redelivers() {
    return this.changes.redelivers ?? this[envelope].redelivers
  }
  get receivedAt() {
    return this.changes.receivedAt ?? this[envelope].receivedAt
  }
  get signal() {
    return this.changes.limit?.signal ?? this.changes.signal ?? this[envelope].signal
  }
  // What may be `undefined` can be taken away.
  get raw() {
    return ('raw' in this.changes ? this.changes : this[envelope]).raw
  }
  get fault() {
    return ('fault' in this.changes ? this.changes : this[envelope]).fault
  }
  get letter() {
    return ('letter' in this.changes ? this.changes : this[envelope]).letter
  }
}

/** What lies under a message; one that somebody wrote by hand is an origin itself. */
const originOf = (message: Message): Origin => (message as Partial<Envelope<unknown>>)[envelope] ?? message

const changesOf = (message: Message): Changes | undefined => (message as Partial<Envelope<unknown>>).changes

const relaid = <B>(message: Message, body: B, fields: Changes | undefined): Message<B> => {
  const changes = changesOf(message)
  return new Envelope(
    originOf(message),
    body,
    message.trace,
    fields === undefined ? changes : { ...changes, ...fields }
  )
}

class Made implements Origin {
  readonly id = 'test'
  readonly headers = {}
  readonly source = 'test'
  readonly deliveryCount = 1
  readonly redelivers = true
  readonly receivedAt = 0
  readonly raw = undefined
  private controller: AbortController | undefined
  constructor(readonly bytes: Uint8Array) {}
  get signal() {
    return (this.controller ??= new AbortController()).signal
  }
}

const payloadBytes = (payload: unknown): Uint8Array => {
  if (payload instanceof Uint8Array) return payload
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
  if (text === undefined)
    throw new TypeError(`message: a ${typeof payload} has no JSON form; give text or bytes`)
  return utf8Encoder.encode(text)
}
