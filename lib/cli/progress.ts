/** How far long work is, on a terminal alone. */
import type { Io } from './io.js'
import { cutTo, widthOf } from './table.js'
import { clockTime, counted } from './time.js'

export interface Progress {
  /** So many are done, of those that were said or of these. */
  readonly at: (done: number, share?: number) => void
  /** Takes the bar away. */
  readonly end: () => void
}

/** `total`: how many there are, if that is known. */
export const progressOf = ({ stderr, now, env }: Io, total?: number): Progress => {
  if (!stderr.isTerminal || env.TERM === 'dumb') return { at: () => undefined, end: () => undefined }
  const startedAt = now()
  let drawnAt = -Infinity
  const draw = (text: string): void =>
    void stderr.write(`\r\u001b[K${cutTo(text, widthOf(stderr) - 1)}`).catch(() => undefined)
  return {
    at: (done, share = total === undefined ? undefined : done / Math.max(total, 1)) => {
      if (now() - drawnAt < everyMs && done !== total) return
      drawnAt = now()
      draw(barOf(done, total, share, now() - startedAt))
    },
    end: () => draw('')
  }
}

/** Like `[=====>    ] 137/1,000  52/s  0:16 left`. */
const barOf = (
  done: number,
  total: number | undefined,
  share: number | undefined,
  elapsedMs: number
): string => {
  const rate = elapsedMs <= 0 ? 0 : Math.round((done / elapsedMs) * 1_000)
  const part = share === undefined ? undefined : Math.min(1, Math.max(0, share))
  const filled = Math.round((part ?? 0) * size)
  const leftSeconds =
    part === undefined || part === 0 ? undefined : Math.ceil((elapsedMs * (1 / part - 1)) / 1_000)
  return [
    ...(part === undefined ? [] : [`[${'='.repeat(filled)}${' '.repeat(size - filled)}]`]),
    total === undefined ? counted(done) : `${counted(done)}/${counted(total)}`,
    `${counted(rate)}/s`,
    ...(leftSeconds === undefined ? [] : [`${clockTime(leftSeconds)} left`])
  ].join('  ')
}

// helpers

const size = 24
const everyMs = 100
