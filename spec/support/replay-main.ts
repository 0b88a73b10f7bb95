// Replays a queue as a program of its own. Its handlers write to a ledger what they start and what they have done.
// Usage: replay-main.ts FILE LEDGER [OPTIONS AS JSON]
import { appendFileSync } from 'node:fs'
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { pipe } from 'fp-ts/lib/function.js'
import { type Clock, ack, failed, handle, otherwise, receive, rejected, text } from 'missive-ts'
import { type LetterFilter, type ReplayOptions, replay } from 'missive-ts/dlq'
import { runMain, systemClock } from 'missive-ts/node'
import { sqliteDlq } from 'missive-ts/sqlite'

export interface ReplayMainOptions extends ReplayOptions {
  readonly filter?: LetterFilter
  /** How far the store's clock is ahead, in milliseconds. */
  readonly aheadMs?: number
  /** Handlers do not end before something comes on standard input. */
  readonly isGated?: boolean
  /** So many handlers are started that end. */
  readonly most?: number
  /** Runs as a user that has no name. */
  readonly isNameless?: boolean
}

const [, , file = '', ledger = '', json = '{}'] = process.argv
const {
  filter,
  aheadMs = 0,
  isGated = false,
  most = Infinity,
  isNameless = false,
  ...options
} = JSON.parse(json) as ReplayMainOptions

const note = (what: string, id: string): void => {
  appendFileSync(ledger, `${what} ${id}\n`)
  process.stdout.write(`${what} ${id}\n`)
}

let starts = 0
const gate = isGated ? once(process.stdin, 'data') : undefined

const app = pipe(
  receive(text),
  handle(
    otherwise(async ({ id, body }) => {
      note('start', id)
      await gate
      starts += 1
      if (starts > most) await new Promise(() => undefined)
      if (body === 'wait') await once(process, 'SIGUSR2')
      for (let turns = Number(id) % 7; turns > 0; turns -= 1) await turn()
      note('done', id)
      return body === 'bad' ? failed(rejected('still-bad')) : ack
    })
  )
)

const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs }

if (isNameless && process.getuid?.() === 0) process.seteuid?.(54_321)
runMain(replay(sqliteDlq(file, { create: false, clock }), filter, options))(app)
