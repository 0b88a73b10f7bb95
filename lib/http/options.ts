/** What may be said of an endpoint. */
import type { Clock } from '../core/clock.js'
import type { IdempotencyStore } from '../ports/idempotency.js'
import type { OnEvent } from '../ports/interpreter.js'
import type { AllowedOrigins } from './handshake.js'
import type { HttpRequest } from './request.js'
import type { Verify } from './verify.js'

// model

/** Who may send: whom `verify` lets in, or, said in so many words, anybody. */
export type Access =
  | { readonly verify: Verify; readonly allowAnonymous?: false }
  | { readonly verify?: undefined; readonly allowAnonymous: true }

/** What an endpoint takes as a message, and how much of it. */
export interface EndpointOptions {
  /** What messages are sent with. `POST` alone by default. */
  readonly methods?: readonly string[]
  /** Only requests with this path are messages; all by default. */
  readonly path?: string
  /** The largest body, in bytes, counted while it is read and again when it is decompressed. 1 MiB by default, or `maxBufferedBytes` where that is less. */
  readonly maxBytes?: number
  /**
   * How much of unfinished bodies is held at a time, in bytes; beyond it senders are told to try again. At least
   * `maxBytes`; 64 MiB by default, or `maxBytes` where that is more.
   */
  readonly maxBufferedBytes?: number
  /** How many handlers run at a time; beyond it senders are told to try again. 256 by default. */
  readonly concurrency?: number
  /** Only these types of content are taken; all by default, as some senders name a wrong one. */
  readonly contentTypes?: readonly string[]
  /** Whether bodies may be compressed, by gzip or deflate. Not by default. */
  readonly decompress?: boolean
  /** How many events of CloudEvents one batch may have. 100 by default. */
  readonly maxEvents?: number
  /** Whose CloudEvents may come, asked for by OPTIONS. Nobody's handshake is answered by default. */
  readonly allowedOrigins?: AllowedOrigins
  /** How many events a minute they may send, as they are told with that. Any number by default. */
  readonly allowedRate?: number
  /** What a nack answers with. 503 by default. */
  readonly nackStatus?: number
  /** When to try again, for senders that are not told by the handler, in milliseconds. 1 s by default. */
  readonly retryAfterMs?: number
  /**
   * Whether a sender tries again that is told to. One that does not loses what it is refused, so `false` makes a dead
   * letter of what would be nacked, is too much, is interrupted by a stop, or cannot be asked for in the store of
   * idempotency; then the processor needs a `withDlq`. `true` by default.
   */
  readonly senderRetries?: boolean
  /**
   * How long the sender waits, in milliseconds. A message that takes longer is stored as a dead letter and answered
   * 202, while its handler goes on; the letter is resolved if that acks. The events of a batch share it: once it has
   * passed those that are left are begun and stored at once. Needs a `withDlq`. For ever by default.
   */
  readonly deadlineMs?: number
  /** Where it is remembered what was handled. A request with the key of one that was is answered without a handler. */
  readonly idempotency?: IdempotencyStore
  /**
   * What names a request for its sender; nothing does where it gives `undefined`, `null` or an empty text, and what is
   * no text is answered like what it throws: 500. By default the header `Idempotency-Key`, or the source and id of a
   * CloudEvent.
   */
  readonly keyOf?: (request: HttpRequest) => string | null | undefined
  /**
   * How long a process that dies holds the key of what it was handling, and how long `idempotency` may take to answer,
   * in milliseconds. 30 s by default.
   */
  readonly leaseMs?: number
  /** Whether GET and HEAD of `/healthz` and `/readyz` are answered, for anybody. Not by default. */
  readonly health?: boolean
  /** Told what happens. */
  readonly onEvent?: OnEvent
  readonly clock?: Clock
}

/** The same with everything said. */
export type Settings = Required<Omit<EndpointOptions, Optional>> & Pick<EndpointOptions, Optional>

// constructors

export const settingsOf = (
  name: string,
  isSettled: boolean,
  options: EndpointOptions,
  defaults: { readonly onEvent: OnEvent; readonly clock: Clock }
): Settings => {
  const given: Settings = {
    methods: ['POST'],
    maxBytes: 1_048_576,
    maxBufferedBytes: 67_108_864,
    concurrency: 256,
    decompress: false,
    maxEvents: 100,
    nackStatus: 503,
    retryAfterMs: 1_000,
    senderRetries: true,
    leaseMs: 30_000,
    health: false,
    ...defaults,
    ...definedOf(options)
  }
  const settings = fitted(given, options)
  const excess = excessOf(given) ?? excessOfBodies(settings)
  if (excess !== undefined) throw new RangeError(`${name}: ${excess}`)
  const problem = problemOf(settings, isSettled)
  if (problem !== undefined) throw new TypeError(`${name}: ${problem}`)
  return settings
}

/** The options that are said; one that is `undefined` is not. */
export const definedOf = <A extends object>(options: A): A =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as A

/** What is wrong with it, and what to say instead. */
export const accessProblem = ({
  verify,
  allowAnonymous
}: {
  readonly verify?: Verify | undefined
  readonly allowAnonymous?: boolean | undefined
}): string | undefined => {
  if (verify !== undefined && typeof verify !== 'function')
    return 'verify is a function, like bearer(...) or github(...)'
  if (verify !== undefined && allowAnonymous === true) return 'say verify or allowAnonymous, not both'
  return verify === undefined && allowAnonymous !== true
    ? 'say who may send: verify, or allowAnonymous: true'
    : undefined
}

// helpers

type Optional =
  'path' | 'contentTypes' | 'allowedOrigins' | 'allowedRate' | 'deadlineMs' | 'idempotency' | 'keyOf'

/** A body that is taken has to fit into what all of them may have: what is not said follows what is. */
const fitted = (settings: Settings, { maxBytes, maxBufferedBytes }: EndpointOptions): Settings => ({
  ...settings,
  ...(maxBytes === undefined && { maxBytes: Math.min(settings.maxBytes, settings.maxBufferedBytes) }),
  ...(maxBufferedBytes === undefined && {
    maxBufferedBytes: Math.max(settings.maxBytes, settings.maxBufferedBytes)
  })
})

const excessOfBodies = ({ maxBytes, maxBufferedBytes }: Settings): string | undefined =>
  maxBytes > maxBufferedBytes
    ? 'maxBufferedBytes is at least maxBytes, or the largest bodies would never be taken'
    : undefined

/** Which number is out of its range. */
const excessOf = (settings: Settings): string | undefined => {
  const { nackStatus, allowedRate = 1 } = settings
  for (const name of ['maxBytes', 'maxBufferedBytes', 'concurrency', 'maxEvents'] as const)
    if (!(Number.isInteger(settings[name]) && settings[name] >= 1))
      return `${name} is a whole number of at least 1`
  for (const name of ['retryAfterMs', 'leaseMs', 'deadlineMs'] as const) {
    const { [name]: ms = 1 } = settings
    if (!(ms > 0 && ms < 2 ** 31)) return `${name} is a number of milliseconds above 0`
  }
  if (!(Number.isInteger(nackStatus) && nackStatus >= 400 && nackStatus <= 599))
    return 'nackStatus is a status from 400 to 599, or senders would take a nack for done'
  return Number.isInteger(allowedRate) && allowedRate >= 1
    ? undefined
    : 'allowedRate is a whole number of at least 1'
}

const problemOf = (
  { methods, path, senderRetries, deadlineMs }: Settings,
  isSettled: boolean
): string | undefined => {
  if (
    methods.length === 0 ||
    methods.some((method) => !/^[A-Z]+$/.test(method) || /^(?:GET|HEAD|OPTIONS)$/.test(method))
  )
    return 'methods are names in upper case, and GET, HEAD and OPTIONS send no messages'
  if (path !== undefined && !path.startsWith('/')) return 'path begins with a slash'
  if (!isSettled && !senderRetries)
    return 'with senderRetries: false what is nacked would be lost; put withDlq(...) around all of it'
  if (!isSettled && deadlineMs !== undefined)
    return 'with deadlineMs what takes longer has to be stored; put withDlq(...) around all of it'
  return undefined
}
