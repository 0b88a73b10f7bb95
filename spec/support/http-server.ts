/** Servers of a spec: the interpreter on a free port of the loopback, ended with what used it. */
import { pipe } from 'fp-ts/lib/function.js'
import { type HttpOptions, http } from '../../lib/http.js'
import {
  type Event,
  type Processor,
  type Report,
  type Verdict,
  ack,
  handle,
  json,
  otherwise,
  receive
} from '../../lib/index.js'
import { within } from './deadline.js'
import { hangUp } from './http-client.js'

// model

export interface Serving {
  readonly address: string
  readonly events: readonly Event[]
  readonly stop: () => Promise<Report>
}

export interface Counting {
  readonly processor: Processor
  /** The bodies that a handler was given. */
  readonly bodies: readonly unknown[]
}

// constructors

export const started = async (processor: Processor, options: Partial<HttpOptions> = {}): Promise<Serving> => {
  const stopping = new AbortController()
  const events: Event[] = []
  let tell: (address: string) => void = () => undefined
  const listening = new Promise<string>((resolve) => (tell = resolve))
  const report = http({ port: 0, ...options })(processor)(stopping.signal, (event) => {
    events.push(event)
    if (event._tag === 'Listening') tell(event.address)
  })()
  const stop = (): Promise<Report> => {
    stopping.abort()
    return within('the end of the server', report)
  }
  return { address: await within('an address', listening), events, stop }
}

/** Runs it while it is used; then it is stopped, and whoever is still connected is hung up on. */
export const serving = async (
  processor: Processor,
  options: Partial<HttpOptions>,
  use: (serving: Serving) => Promise<void>
): Promise<void> => {
  const server = await started(processor, options)
  try {
    await use(server)
  } finally {
    hangUp()
    await server.stop()
  }
}

/** A processor that keeps the bodies that reach its handler. */
export const counting = (
  handler: (body: unknown, signal: AbortSignal) => Promise<Verdict> = async () => ack
): Counting => {
  const bodies: unknown[] = []
  const processor = pipe(
    receive(json),
    handle(
      otherwise(({ body, signal }) => {
        bodies.push(body)
        return handler(body, signal)
      })
    )
  )
  return { processor, bodies }
}

// asking

export const post = (address: string, body: string | Uint8Array<ArrayBuffer> = '{}') =>
  fetch(address, { method: 'POST', body })

/** Where a program listens, by what it says on its standard error. */
export const addressIn = (text: string): string => {
  const [, address] = /^listening on (http:\/\/\S+)$/m.exec(text) ?? []
  if (address === undefined) throw new Error(`no address: ${text}`)
  return address
}

/** A door that what waits before it passes once it is open. */
export const gate = () => {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { open, opened }
}

/** How many of each. */
export const countsOf = (values: readonly (string | number)[]): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}
