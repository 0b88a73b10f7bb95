/** A hook that logs how long each message takes, for any pipeline. */
import { fileURLToPath } from 'node:url'
import { pipe } from 'fp-ts/lib/function.js'
import { type Clock, type Processor, ack, handle, hook, otherwise, receive, text } from 'missive-ts'
import { runMain, stdin, systemClock } from 'missive-ts/node'

/** Time starts once a route has taken the message, and stops when its outcome is known. */
export const timing = (clock: Clock, log: (line: string) => void) =>
  hook(
    'startedAt',
    async () => clock.monotonic(),
    async (startedAt, outcome) => log(`${outcome._tag} took ${Math.round(clock.monotonic() - startedAt)} ms`)
  )

export const shouter = (
  clock: Clock,
  write: (line: string) => void,
  log: (line: string) => void
): Processor =>
  pipe(
    receive(text),
    timing(clock, log),
    handle(
      otherwise(async ({ body }) => {
        write(body.toUpperCase())
        return ack
      })
    )
  )

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  runMain(stdin())(shouter(systemClock, console.log, console.error))
}
