/** Events: the trace that a CloudEvent says it began in, whoever has sent it on since. */
import { type Message, textOf } from '../core/message.js'

type Headers = Readonly<Record<string, string>>

// readers

/**
 * By the extension for distributed tracing: what the attributes `traceparent` and `tracestate` say, under these names;
 * `undefined` where there are none. https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/distributed-tracing.md
 */
export const traceIn = (headers: Headers, message: Message): Headers | undefined => {
  const { 'content-type': contentType = '', 'ce-traceparent': traceparent } = headers
  if (traceparent !== undefined) return traceOf(traceparent, decoded(headers['ce-tracestate']))
  return /^\s*application\/cloudevents\+json/i.test(contentType) ? traceInJson(message) : undefined
}

// helpers

const traceOf = (traceparent: unknown, tracestate: unknown): Headers | undefined =>
  typeof traceparent === 'string'
    ? { traceparent, ...(typeof tracestate === 'string' && { tracestate }) }
    : undefined

const traceInJson = (message: Message): Headers | undefined => {
  try {
    const { traceparent, tracestate } = JSON.parse(textOf(message) ?? '')
    return traceOf(traceparent, tracestate)
  } catch {
    // What is no event will be told by whoever has to decode it.
    return undefined
  }
}

const decoded = (value = ''): string => {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
