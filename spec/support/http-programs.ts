// Servers as processes of their own, for the specs of http. Usage: http-programs.ts NAME [FILE]
import { appendFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { pipe } from 'fp-ts/lib/function.js'
import { ack, ackWith, byHeader, bytes, handle, json, otherwise, receive, route } from 'missive-ts'
import { http } from 'missive-ts/http'
import { runMain } from 'missive-ts/node'

const programs: Record<string, (file: string) => void> = {
  /** Says at /memory how much the process took at most since it was asked last, in bytes. */
  measured: () => {
    let most = 0
    const look = (): void => void (most = Math.max(most, process.memoryUsage.rss()))
    setInterval(look, 5)
    runMain(http({ port: 0 }))(
      pipe(
        receive(bytes),
        handle(
          route(byHeader(':path', '/memory'), async () => {
            look()
            const reply = { most }
            most = 0
            look()
            return ackWith({ reply })
          }),
          otherwise(async () => ack)
        )
      )
    )
  },
  /** Appends each id to the file, and acks then, some of them later. */
  appends: (file) =>
    runMain(http({ port: 0, drainMs: 3_000, graceMs: 1_000 }))(
      pipe(
        receive(json),
        handle(
          otherwise(async ({ body }) => {
            const id = Number(body)
            if (id % 3 === 0) await delay(id % 7)
            appendFileSync(file, `${id}\n`)
            if (id % 2 === 0) await delay(id % 5)
            return ack
          })
        )
      )
    )
}

programs[process.argv[2] as string]?.(process.argv[3] as string)
