/** Tracing: a span for each message, in which its handler runs. */
import type {
  Attributes,
  Context,
  Link,
  Span,
  SpanContext,
  TextMapPropagator,
  Tracer
} from '@opentelemetry/api'
import type { Message } from '../core/message.js'
import type { Outcome } from '../core/outcome.js'
import { type Processor, combinator } from '../core/processor.js'
import { httpRequestOf } from '../http/request.js'
import { loadApi, quietlyFor, scope } from './api.js'
import { Carrier, headerGetter } from './carrier.js'
import { traceIn } from './event.js'
import { ownOf, placeOf, spanNameOf } from './place.js'
import * as names from './semconv.js'
import { failureOf, routeOf, thrownOf, told } from './told.js'

// model

/** Who makes the spans, whose children they are, and what they say. */
export interface TracingOptions {
  /** The global one, unless it is said. */
  readonly tracer?: Tracer
  /** Reads the sender's context from the headers: the global one, unless it is said. */
  readonly propagator?: Pick<TextMapPropagator<unknown>, 'extract'>
  /** Says more of where a message comes from, such as `messaging.system` for a source of one's own. */
  readonly attributes?: (message: Message) => Attributes
  /**
   * Whose child a span is: of what sent the `message`, or of the span that is `active` where the processor is called.
   * By default `active` for requests, which a server's own instrumentation may be tracing, and `message` otherwise.
   */
  readonly parent?: 'message' | 'active'
  /** Is what was thrown recorded, with its message and stack? It is by default. */
  readonly recordExceptions?: boolean
}

// combinators

/**
 * Makes a span for each message, of kind `CONSUMER` and named like `process orders`, after the semantic conventions for
 * messaging. The outcome passes through unchanged, also where tracer, propagator or exporter throw;
 * what they throw goes to the API's own log, `diag`.
 *
 * The parent is the span that sent the message, as the headers `traceparent` and `tracestate` or what the propagator
 * reads instead say; where they say nothing, the one that a CloudEvent names in its attribute `traceparent`. A message
 * that is tried again, brought back or replayed links to that span and begins a trace of its own. The span that an event
 * names, and one that is active, are linked to where they are not the parent. The handler runs with the span as the
 * active one, and with the sender's baggage, so that its own spans are children; across an `await` that needs a context
 * manager, which an SDK brings.
 *
 * Attributes are where the message comes from, its id, route, outcome, delivery and attempts. `Failed` and
 * `DeadLettered` set the status and `error.type`, the failure's tag; what was thrown is recorded. Payloads, headers and
 * the texts of notes, reasons and rejections are in no attribute. Around `withRetry` it is one span for all attempts of
 * a delivery, inside one for each.
 *
 * @example
 * const processor = pipe(receive(text), handle(otherwise(async () => ack)), withTracing())
 * assert.equal(await processor(message('Hello'))(), ack)
 *
 * @throws Error if @opentelemetry/api is not installed
 * @since 0.1.0
 */
export const withTracing = (options: TracingOptions = {}): (<P extends Processor>(processor: P) => P) => {
  const api = loadApi('withTracing')
  const quietly = quietlyFor('withTracing', api)
  const { context, trace } = api
  const { tracer = trace.getTracer(scope), propagator = api.propagation } = options
  const { attributes, parent: wanted, recordExceptions = true } = options

  const begin = (message: Message): Begun => {
    const active = context.active()
    const rootless = trace.deleteSpan(active)
    const extracted = (carrier: Carrier): Context =>
      quietly(() => propagator.extract(rootless, carrier, headerGetter)) ?? rootless
    const spanIn = (context: Context): SpanContext | undefined => {
      const found = trace.getSpanContext(context)
      return found !== undefined && api.isSpanContextValid(found) ? found : undefined
    }
    const ambient = spanIn(active)
    const carrier = new Carrier(message)
    const carried = extracted(carrier)
    const event = carrier.found && traceIn(carrier.found, message)
    const origin = event && spanIn(extracted(new Carrier({ headers: event })))
    const sender = spanIn(carried) ?? origin

    const nests = (wanted ?? (httpRequestOf(message) === undefined ? 'message' : 'active')) === 'active'
    const parent = nests && ambient !== undefined ? ambient : isAgain(message) ? undefined : sender
    const links = [sender, origin, ambient].flatMap((context, index, all): Link[] =>
      context === undefined || [parent, ...all.slice(0, index)].some((other) => isSame(context, other))
        ? []
        : [{ context }]
    )
    const around = parent === undefined ? trace.deleteSpan(carried) : trace.setSpanContext(carried, parent)

    const said = attributes === undefined ? undefined : quietly(() => attributes(message))
    const place = placeOf(message, said)
    const span = tracer.startSpan(
      spanNameOf(place),
      { kind: api.SpanKind.CONSUMER, attributes: { ...place, ...ownOf(message) }, links },
      around
    )
    return { span, inside: trace.setSpan(around, span) }
  }

  const tell = (span: Span, message: Message, outcome: Outcome): void => {
    if (!span.isRecording()) return
    const { length: failed } = message.trace.attempts
    span.setAttributes({
      ...told(outcome),
      ...routeOf(message),
      ...(failed > 0 && { [names.failedAttempts]: failed })
    })
    const failure = failureOf(outcome)
    if (failure === undefined) return
    span.setStatus({ code: api.SpanStatusCode.ERROR })
    const thrown = recordExceptions ? thrownOf(failure) : undefined
    if (thrown !== undefined) span.recordException(exceptionOf(thrown))
  }

  return combinator('withTracing', (processor) => (message) => async () => {
    const begun = quietly(() => begin(message))
    if (begun === undefined) return processor(message)()
    const { span, inside } = begun
    let running: Promise<Outcome> | undefined
    const run = () => (running ??= processor(message)())
    quietly(() => void context.with(inside, run))
    const outcome = await run()
    quietly(() => tell(span, message, outcome))
    quietly(() => span.end())
    return outcome
  })
}

// helpers

interface Begun {
  readonly span: Span
  readonly inside: Context
}

const isSame = (one: SpanContext, other: SpanContext | undefined): boolean =>
  one.spanId === other?.spanId && one.traceId === other.traceId

const isAgain = ({ deliveryCount, letter, trace }: Message): boolean =>
  deliveryCount > 1 || letter !== undefined || trace.attempts.length > 0

const exceptionOf = ({ name, message, stack }: { name: string; message: string; stack?: string }) => ({
  name,
  message,
  ...(stack !== undefined && { stack })
})
