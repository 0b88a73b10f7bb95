/** Runs over Pub/Sub, and what publishes to them. */
import type { Redis } from 'ioredis'
import {
  type Event,
  type Message,
  type Processor,
  type Report,
  type Unsettled,
  type Verdict,
  ack,
  bytes,
  handle,
  otherwise,
  receive
} from 'missive-ts'
import { pipe } from 'fp-ts/lib/function.js'
import { redisPubSub } from 'missive-ts/redis'
import { until, within } from './deadline.js'

type Options = Parameters<typeof redisPubSub>[0]

export interface Running {
  readonly events: readonly Event[]
  /** What handlers were given. */
  readonly messages: readonly Message[]
  readonly texts: () => readonly string[]
  /** The events of a kind, so far. */
  readonly told: <T extends Event['_tag']>(tag: T) => readonly (Event & { readonly _tag: T })[]
  /** Waits for so many messages. */
  readonly got: (count: number) => Promise<void>
  readonly abort: () => void
  readonly report: Promise<Report>
  readonly stop: () => Promise<Report>
}

/** Starts a run, and waits until it is ready or over. */
export const running = async (
  options: Options,
  handler: (message: Message) => Verdict | Promise<Verdict> = () => ack,
  around: (processor: Unsettled) => Processor = (processor) => processor
): Promise<Running> => {
  const events: Event[] = []
  const messages: Message[] = []
  const stopping = new AbortController()
  const processor = around(
    pipe(
      receive(bytes),
      handle(
        otherwise(async (message) => {
          messages.push(message)
          return handler(message)
        })
      )
    )
  )
  const report = redisPubSub(options)(processor)(stopping.signal, (event) => events.push(event))()
  let isOver = false
  void report.then(() => (isOver = true))
  await until('the run is ready', () => isOver || events.some(({ _tag }) => _tag === 'Ready'))
  return {
    events,
    messages,
    texts: () => messages.map(textOf),
    told: <T extends Event['_tag']>(tag: T) =>
      events.filter((event): event is Event & { readonly _tag: T } => event._tag === tag),
    got: (count) => until(`${count} messages`, () => messages.length >= count),
    abort: () => stopping.abort(),
    report,
    stop: () => {
      stopping.abort()
      return within('the run ends', report)
    }
  }
}

export const textOf = ({ bytes }: Message): string => new TextDecoder().decode(bytes)

/** Uses a client, and disconnects it whatever happened. */
export const withClient = async <C extends Pick<Redis, 'disconnect'>, A>(
  client: C,
  use: (client: C) => Promise<A>
): Promise<A> => {
  try {
    return await use(client)
  } finally {
    client.disconnect()
  }
}

/** A gate that is closed until it is opened. */
export const gate = () => {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}
