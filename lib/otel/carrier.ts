/** Headers of messages, as propagators read them. */
import type { TextMapGetter } from '@opentelemetry/api'
import type { Message } from '../core/message.js'

/** Headers are made when somebody first asks for one: without a propagator nobody does. */
export class Carrier {
  /** Them, if somebody has asked. */
  found: Readonly<Record<string, string>> | undefined = undefined
  constructor(private readonly message: Pick<Message, 'headers'>) {}
  get headers(): Readonly<Record<string, string>> {
    return (this.found ??= this.message.headers)
  }
}

/** Finds a header in any case, as a producer may have written it. */
export const headerGetter: TextMapGetter<Carrier> = {
  keys: ({ headers }) => Object.keys(headers),
  get: ({ headers }, name) => {
    if (Object.hasOwn(headers, name)) return headers[name]
    const wanted = name.toLowerCase()
    const written = Object.keys(headers).find((key) => key.toLowerCase() === wanted)
    return written === undefined ? undefined : headers[written]
  }
}
