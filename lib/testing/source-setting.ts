/** What the runs and the hands of a trial share: how they wait, and what they leave to be ended. */
import type { OpenSource } from '../ports/source.js'
import { sleep } from '../ports/waiting.js'
import { broken, shown } from './comparing.js'
import { after, inTime } from './deadline.js'
import { machineClock as clock } from './machine-clock.js'
import type { Sent } from './source-bench.js'
import type { Payload, Trial } from './source-trial.js'
import type { Watch } from './source-watch.js'
import { watched } from './source-watched.js'

// model

export interface Setting extends Pick<Trial, 'broker' | 'promises' | 'watch' | 'until' | 'soon' | 'send'> {
  readonly deadlineMs: number
  readonly watchedOf: (open: OpenSource) => OpenSource
  /** What is to be ended when the trial is over, the last one first. */
  readonly endings: (() => Promise<void>)[]
}

// constructors

/** `over` aborts when nothing is waited for any more. */
export const settingOf = (
  { broker, promises, watch }: Pick<Setting, 'broker' | 'promises' | 'watch'>,
  deadlineMs: number,
  over: AbortSignal
): Setting => {
  const done = new Set<string>()

  const soon: Trial['soon'] = (what, promise) => {
    const soonGiven = inTime(promise, after(clock, deadlineMs).wait, over).then((given) =>
      given === undefined ? broken(`expected ${what} within ${deadlineMs} ms${reasons(watch)}`) : given.value
    )
    // Whoever is to wait for it may have failed before.
    soonGiven.catch(() => undefined)
    return soonGiven
  }

  const until: Trial['until'] = async (what, holds, found = () => 'nothing') => {
    const startedAt = clock.monotonic()
    for (;;) {
      if (watch.problems.length > 0) broken(watch.problems[0] as string)
      if (await holds()) return
      if (clock.monotonic() - startedAt > deadlineMs)
        broken(`expected ${what} within ${deadlineMs} ms, found ${shown(found())}${reasons(watch)}`)
      await sleep(clock, pollMs, over)
    }
  }

  const send: Trial['send'] = async (sent) => {
    const messages = sent.map(toSent).map(({ headers, ...rest }) => ({
      ...rest,
      ...(headers !== undefined && promises.headers === true && { headers })
    }))
    await soon(`${sent.length} messages to be sent`, broker.send(messages))
  }

  return {
    broker,
    promises,
    watch,
    deadlineMs,
    endings: [],
    soon,
    until,
    send,
    // What is done for one of several sources is done for all, unless each begins anew.
    watchedOf: (open) =>
      watched(open, watch, {
        done: promises.keeps === true && open === broker.open ? done : new Set(),
        clock,
        deadlineMs
      })
  }
}

// helpers

export const pollMs = 5

/** The source's last word. */
export const reasons = ({ errors }: Watch): string =>
  errors.length === 0 ? '' : `; the source's last error was ${shown(errors.at(-1))}`

const toSent = (payload: Payload): Sent =>
  typeof payload === 'string' ? { bytes: new TextEncoder().encode(payload) } : payload
