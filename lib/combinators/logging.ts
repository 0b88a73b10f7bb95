/** Logging: one line for each outcome, on whatever logger there is, and nothing of a payload that was not asked for. */
import { hush } from '../core/captured.js'
import type { Clock } from '../core/clock.js'
import { type Failure, matchFailure } from '../core/failure.js'
import { json } from '../core/format.js'
import { toJson } from '../core/json.js'
import { reader, valueAt } from '../core/key.js'
import { type SensitivePath, masked } from '../core/masked.js'
import type { Message } from '../core/message.js'
import { type Outcome, matchOutcome } from '../core/outcome.js'
import { type Description, type Processor, described, fromRun, marked, runOf } from '../core/processor.js'
import { type Run, stepped } from '../core/run.js'
import { publicMessage } from '../failures/render.js'
import { maskedAt, sensitiveOn } from '../matchers/masking.js'

// model

/** What pino, bunyan and `console` are: fields first, then a text. */
export interface Logger {
  /** By default for `Released`. */
  readonly debug: (fields: LogFields, text: string) => unknown
  /** By default for `Acked`. */
  readonly info: (fields: LogFields, text: string) => unknown
  /** By default for `Nacked`. */
  readonly warn: (fields: LogFields, text: string) => unknown
  /** By default for `Failed` and `DeadLettered`. */
  readonly error: (fields: LogFields, text: string) => unknown
}

/** The fields of one line, by their names. */
export type LogFields = Readonly<Record<string, unknown>>

/** The method of the logger that writes the line; `silent`: none. */
export type LogLevel = keyof Logger | 'silent'

/** What of a message is logged, and at which level. */
export interface LoggingOptions {
  /** The level of a line; by default `debug` for Released, `info` for Acked, `warn` for Nacked, `error` for the rest. */
  readonly level?: (outcome: Outcome, message: Message) => LogLevel | undefined
  /** Names of headers that are logged. */
  readonly headers?: readonly string[]
  /** Dotted paths of fields in a JSON body that are logged; what a codec marks as sensitive is not. */
  readonly fields?: readonly string[]
  /** More fields, which are logged as they are. */
  readonly extra?: (message: Message, outcome: Outcome) => LogFields
}

// combinators

/** Logs each outcome, and changes none. */
export const withLogging = (
  logger: Logger,
  options: LoggingOptions,
  clock: Clock
): (<P extends Processor>(processor: P) => P) => {
  if (logger === undefined || logger === null) throw new TypeError('withLogging: give a logger')
  return <P extends Processor>(processor: P): P => {
    const inner = runOf(processor)
    const read = reading(options, processor.description)
    const run: Run = (message) => {
      const startedAt = clock.monotonic()
      return stepped(inner(message), message, (_, outcome) => {
        attempted(() => {
          const durationMs = Math.round((clock.monotonic() - startedAt) * 1_000) / 1_000
          const wanted = attempted(() => options.level?.(outcome, message))
          const level = wanted !== undefined && levels.has(wanted) ? wanted : defaultLevel(outcome)
          if (level === 'silent') return
          const extra = attempted(() => options.extra?.(message, outcome))
          // A payload that is nested too deep to be read is no reason to say nothing of its message.
          const named = attempted(() => read(message))
          const fields = { ...extra, ...fieldsOf(message, outcome), durationMs, ...named }
          const said: unknown = logger[level](fields, textFor(outcome))
          if (said !== undefined) hush(said)
        })
        return outcome
      })
    }
    const logged = fromRun(run, described(processor, 'withLogging'))
    // All that a P can say beyond Processor is the settled mark, and it is carried on.
    return marked(processor, logged) as P
  }
}

// helpers

/** What is read, or the user's code gives; nothing if that throws, or gives a promise: it is not to change what becomes of a message. */
const attempted = <A>(call: () => A): A | undefined => {
  try {
    const given: unknown = call()
    if (typeof given !== 'object' || given === null || !('then' in given)) return given as A
    hush(given)
  } catch {
    // Nobody could be told but by the logger.
  }
  return undefined
}

const levels: ReadonlySet<LogLevel> = new Set(['debug', 'info', 'warn', 'error', 'silent'])

const defaultLevel = matchOutcome<keyof Logger>({
  Acked: () => 'info',
  Nacked: () => 'warn',
  Failed: () => 'error',
  DeadLettered: () => 'error',
  Released: () => 'debug'
})

const textFor = matchOutcome<string>({
  Acked: () => 'message acked',
  Nacked: () => 'message nacked',
  Failed: ({ failure }) => `message failed: ${publicMessage(failure)}`,
  DeadLettered: ({ failure }) => `message dead-lettered: ${publicMessage(failure)}`,
  Released: () => 'message released'
})

/** No name that pino or bunyan have for themselves is among them: level, time, msg, name, pid, hostname, v. */
const fieldsOf = ({ id, source, trace, deliveryCount }: Message, outcome: Outcome): LogFields => ({
  outcome: outcome._tag,
  messageId: id,
  source,
  ...(trace.route !== undefined && { route: trace.route }),
  deliveryCount,
  attempt: trace.attempts.length + 1,
  ...outcomeFields(outcome)
})

const outcomeFields = matchOutcome<LogFields>({
  Acked: () => ({}),
  Nacked: ({ reason, afterMs }) => ({
    ...(reason !== undefined && { reason }),
    ...(afterMs !== undefined && { afterMs })
  }),
  Failed: ({ failure }) => ({ failure: failureFields(failure) }),
  DeadLettered: ({ failure }) => ({ failure: failureFields(failure) }),
  Released: ({ reason }) => ({ reason })
})

const failureFields = (failure: Failure): LogFields => ({
  tag: failure._tag,
  text: publicMessage(failure),
  ...matchFailure<LogFields>({
    MultipleMatches: ({ routes }) => ({ routes }),
    Rejected: ({ code }) => ({ code }),
    Defect: ({ _tag, where, ...error }) => ({ where, error }),
    HookFailed: ({ hook, phase, error }) => ({ hook, phase, error }),
    TimedOut: ({ afterMs, abandoned }) => ({ afterMs, abandoned }),
    TooManyDeliveries: ({ count }) => ({ count }),
    DlqUnavailable: ({ reason, failure }) => ({ reason, failure: failureFields(failure) }),
    otherwise: () => ({})
  })(failure)
})

/** Reads the headers and fields that are named, and are there. */
const reading = (
  { headers = [], fields = [] }: LoggingOptions,
  description: Description | undefined
): ((message: Message) => LogFields) => {
  const readHeaders = headers.map((name) => [name, reader('header', name)] as const)
  const readFields = fields.map((path) => [path, valueAt(path)] as const)
  return (message) => ({
    ...(headers.length > 0 && { headers: present(readHeaders.map(([name, read]) => [name, read(message)])) }),
    ...(fields.length > 0 && { body: namedIn(message, readFields, description) })
  })
}

const namedIn = (
  message: Message,
  fields: readonly (readonly [string, (body: unknown) => unknown])[],
  description: Description | undefined
): LogFields => {
  const body = bodyOf(message)
  const sensitive = description === undefined ? all : sensitiveOn(description.routes, message.trace.route)
  const shown = maskedAt(sensitive, body, sensitive)
  return present(
    fields.map(([path, read]) => {
      const value = read(shown)
      // What lies within something sensitive is not found in the copy.
      return [path, value === undefined && read(body) !== undefined ? masked : value]
    })
  )
}

/** Of a processor that does not tell its routes, nothing is known to be harmless. */
const all: readonly SensitivePath[] = [[]]

const present = (entries: readonly (readonly [string, unknown])[]): LogFields =>
  Object.fromEntries(
    entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, toJson(value)] as const]))
  )

/** Outside a pipeline a message has no body yet. */
const bodyOf = (message: Message): unknown => {
  if (message.body !== undefined) return message.body
  const decoded = json(message)
  return decoded._tag === 'Right' ? decoded.right : undefined
}
