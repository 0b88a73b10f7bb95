/** A source whose process dies: from then on it is asked nothing any more, and closes nothing. */
import { right } from '../core/result.js'
import type { OpenSource, Source } from '../ports/source.js'

// model

interface Mortal {
  readonly open: OpenSource
  /** What it holds stays held until its lease ends. */
  readonly kill: () => void
  /** Aborts once it was killed. */
  readonly dead: AbortSignal
  /** Frees what a process would have lost: connections, handles. */
  readonly bury: () => Promise<void>
}

// constructors

export const mortal = (open: OpenSource): Mortal => {
  const dying = new AbortController()
  const buried = new AbortController()
  const dead = dying.signal
  const died = aborted(dead)
  const graves: (() => Promise<unknown>)[] = []

  const mortalOf = (source: Source): Source => ({
    ...source,
    pull: (max, signal) => async () => {
      if (dead.aborted) return right({ _tag: 'Batch', items: await nothingUntil(signal) })
      // Whoever is dead gives nothing back.
      const asked = new AbortController()
      const abort = (): void => asked.abort()
      const abortAlive = (): void => void (dead.aborted || abort())
      if (signal.aborted) abortAlive()
      signal.addEventListener('abort', abortAlive)
      buried.signal.addEventListener('abort', abort)
      const pulled = source.pull(max, asked.signal)()
      void pulled.then(() => buried.signal.removeEventListener('abort', abort))
      const given = await Promise.race([pulled, died])
      signal.removeEventListener('abort', abortAlive)
      return given !== undefined && !dead.aborted
        ? given
        : right({ _tag: 'Batch', items: await nothingUntil(signal) })
    },
    ...(source.settle && {
      settle: (batch) => async () => {
        const answers = dead.aborted ? undefined : await source.settle?.(batch)()
        return dead.aborted || answers === undefined ? batch.map(() => 'ok' as const) : answers
      }
    }),
    ...(source.renew && {
      renew: (held) => async () =>
        dead.aborted ? held.map(() => 'ok' as const) : ((await source.renew?.(held)()) ?? [])
    }),
    ...(source.start && { start: (delivery) => (dead.aborted ? undefined : source.start?.(delivery)) })
  })

  return {
    open: (limits) => ({
      open: async () => {
        const opened = await open(limits).open()
        if (opened._tag === 'Left') return opened
        const { value, close } = opened.right
        graves.push(close)
        return right({
          value: mortalOf(value),
          close: async () => (dead.aborted ? right(undefined) : close())
        })
      }
    }),
    kill: () => dying.abort(),
    dead,
    bury: async () => {
      buried.abort()
      await Promise.all(graves.map((close) => close()))
    }
  }
}

// helpers

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })

const nothingUntil = async (signal: AbortSignal): Promise<readonly never[]> => {
  await aborted(signal)
  return []
}
