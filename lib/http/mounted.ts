/** Endpoints that live in somebody else's server. */
import { batchProblem } from '../combinators/batch.js'
import { telling } from '../combinators/observers.js'
import { type Processor, isSettled } from '../core/processor.js'
import type { Event } from '../ports/interpreter.js'
import { renderEvent } from '../ports/rendering.js'
import { systemClock } from '../system.js'
import { type Endpoint, endpointOf } from './endpoint.js'
import { type Access, type EndpointOptions, accessProblem, settingsOf } from './options.js'

// model

/** Who may send to an endpoint in another server, what it takes, and how it stops. */
export type MountOptions = Access &
  EndpointOptions & {
    /** Names the endpoint as the source of its messages, before their path: for servers that share a queue. `http` by default. */
    readonly name?: string
    /** Says that the server stops: what comes then is refused, and what runs may finish. */
    readonly signal?: AbortSignal
    /** How long running handlers may take to finish after that, before their signals abort. 25 s by default. */
    readonly drainMs?: number
  }

// constructors

/** Failures that no queue took go to the console unless somebody else is told, as no sender is told of them. */
export const mounted = (name: string, processor: Processor, options: MountOptions): Endpoint => {
  const { verify, signal, drainMs = 25_000, name: place = 'http' } = options
  const problem = accessProblem(options)
  if (problem !== undefined) throw new TypeError(`${name}: ${problem}`)
  if (!(drainMs >= 0 && drainMs < 2 ** 31))
    throw new RangeError(`${name}: drainMs is a number of milliseconds of at least 0`)
  const settings = settingsOf(name, isSettled(processor), options, {
    clock: systemClock,
    onEvent: logged
  })
  const unfilled = batchProblem(processor, settings.concurrency)
  if (unfilled !== undefined) throw new TypeError(`${name}: ${unfilled}`)
  const endpoint = endpointOf({
    processor,
    settings: { ...settings, onEvent: telling(settings.onEvent) },
    verify,
    refusesPages: false,
    place,
    onOutcome: () => undefined
  })
  const stop = (): void => {
    const cancel = settings.clock.after(drainMs, () => endpoint.interrupt('shutdown'))
    void endpoint.drain().then(cancel)
  }
  if (signal?.aborted === true) stop()
  else signal?.addEventListener('abort', stop, { once: true })
  return endpoint
}

// helpers

const logged = (event: Event): void => {
  if (event._tag === 'Reported' || event._tag === 'Paused') console.error(renderEvent(event))
}
