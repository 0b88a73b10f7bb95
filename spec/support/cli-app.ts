// A processor for the specs of the command, told by its environment what to do.
// APP_LOG: a file that is told of every order, and of opening and closing. APP_LATE: orders of this total fail.
// APP_HANG: orders of this total say that they were started, and wait for SIGUSR2.
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { Resource, ack, failed, handle, json, receive, rejected, route } from 'missive-ts'
import { right } from 'fp-ts/lib/Either.js'

const { APP_LOG, APP_LATE, APP_HANG } = process.env

const told = (line: string): void => {
  if (APP_LOG !== undefined) appendFileSync(APP_LOG, `${line}\n`)
}

const Order = t.type({ type: t.literal('order'), total: t.number })

const processor = pipe(
  receive(json),
  handle(
    route(Order, async ({ total }, { message: { id } }) => {
      told(id)
      if (String(total) === APP_HANG) {
        const released = once(process, 'SIGUSR2')
        console.log(`started ${id}`)
        await released
      }
      return String(total) === APP_LATE ? failed(rejected('late', { total })) : ack
    })
  )
)

export default Resource.make(
  'orders database',
  async () => {
    told('opened')
    return right(processor)
  },
  async () => told('closed')
)
