/** Runs of `consume` over a source on trial. */
import { pipe } from 'fp-ts/lib/function.js'
import { withMaxDeliveries } from '../combinators/deliveries.js'
import { withDlq } from '../core/dlq.js'
import { bytes } from '../core/format.js'
import { handle } from '../core/handle.js'
import type { DeadLetter, Dlq } from '../core/letter.js'
import type { Message } from '../core/message.js'
import { type Verdict, ack } from '../core/outcome.js'
import { receive } from '../core/pipeline.js'
import { right } from '../core/result.js'
import { consume } from '../interpreters/consume.js'
import { otherwise } from '../matchers/route.js'
import type { Event, Report } from '../ports/interpreter.js'
import { broken, shown } from './comparing.js'
import { machineClock as clock } from './machine-clock.js'
import { mortal } from './source-mortal.js'
import { type Setting, reasons } from './source-setting.js'
import { type How, type Running, type Start, type Trial, textOf } from './source-trial.js'

// constructors

export const runOf =
  ({ broker, promises, watch, endings, watchedOf, soon, until, send }: Setting): Trial['run'] =>
  async (how = {}) => {
    const { sent = [], open = broker.open, options = {} } = how
    if (promises.live !== true && sent.length > 0) await send(sent)
    const { open: openMortal, kill, dead, bury } = mortal(watchedOf(open))
    const events: Event[] = []
    const controller = new AbortController()
    if (how.isStopped === true) controller.abort()
    const { starts, letters, dlq, recorded, inFlight, maxInFlight } = recording(how, dead)
    let report: Report | undefined
    const processor =
      how.processor === undefined
        ? pipe(
            receive(bytes),
            handle(otherwise(recorded)),
            withMaxDeliveries(how.maxDeliveries ?? Number.MAX_SAFE_INTEGER),
            withDlq(dlq, clock)
          )
        : how.processor(dlq)
    const interpreter = consume(openMortal, { drainMs, graceMs, clock, ...options })
    const reporting = interpreter(processor)(controller.signal, (event) => events.push(event))()
    void reporting.then((given) => (report = given))
    endings.push(async () => {
      controller.abort()
      await soon('the run to end after it was stopped', reporting)
      if (dead.aborted) await soon('what was killed to be closed', bury())
    })

    const untilOrEnd: Running['until'] = (what, holds, found = () => starts.map(({ text }) => text)) =>
      until(
        what,
        async () => {
          const hasEnded = report !== undefined && !controller.signal.aborted
          if (await holds()) return true
          if (hasEnded) broken(`expected ${what}, but the run ended: ${shown(report)}${reasons(watch)}`)
          return false
        },
        found
      )
    // One that was stopped before need not be opened.
    const isOver = (): boolean => controller.signal.aborted && report !== undefined
    await untilOrEnd('the source to be opened', () => isOver() || events.some(({ _tag }) => _tag === 'Ready'))
    if (promises.live === true && sent.length > 0) await send(sent)

    return {
      starts,
      texts: () => starts.map(({ text }) => text),
      letters,
      events,
      inFlight,
      maxInFlight,
      until: untilOrEnd,
      abort: () => controller.abort(),
      stop: () => {
        controller.abort()
        return soon('a report after the run was stopped', reporting)
      },
      ended: () => soon('a report', reporting),
      kill: () => {
        kill()
        controller.abort()
      }
    }
  }

// helpers

const drainMs = 3_000
const graceMs = 1_000

/** What is called for each message and each letter, and writes that down. */
const recording = ({ handler = () => ack, put }: How, dead: AbortSignal) => {
  const starts: Start[] = []
  const letters: DeadLetter[] = []
  const times = new Map<string, number>()
  let [inFlight, maxInFlight] = [0, 0]
  const dying = new Promise<never>((_, reject) =>
    dead.addEventListener('abort', () => reject(new Error('the process was killed')))
  )
  dying.catch(() => undefined)

  const dlq: Dlq = {
    location: 'the laws',
    put: (letter, raw) => async () => {
      if (dead.aborted) return right(undefined)
      const answer = await put?.(letter, raw)()
      if (answer?._tag !== 'Left') letters.push(letter)
      return answer ?? right(undefined)
    }
  }

  const recorded = async (message: Message<Uint8Array>): Promise<Verdict> => {
    const text = textOf(message)
    const time = (times.get(text) ?? 0) + 1
    times.set(text, time)
    const start = { text, message, time, at: clock.monotonic() }
    starts.push(start)
    inFlight += 1
    maxInFlight = Math.max(maxInFlight, inFlight)
    try {
      return await Promise.race([handler(message, start), dying])
    } finally {
      inFlight -= 1
    }
  }

  return { starts, letters, dlq, recorded, inFlight: () => inFlight, maxInFlight: () => maxInFlight }
}
