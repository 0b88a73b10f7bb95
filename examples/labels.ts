/** A matcher of one's own: a function that makes one, with the name by which failures and logs call its route. */
import { fileURLToPath } from 'node:url'
import { pipe } from 'fp-ts/lib/function.js'
import { type Json, type Message, type Processor, ack, handle, json, named, receive, route } from 'missive-ts'
import { runMain, stdin } from 'missive-ts/node'

/** `byField('label', label)` takes the same messages, and is looked up instead of asked. */
export const hasLabel = (label: string) =>
  named(
    `label ${label}`,
    ({ body }: Message<Json>) =>
      typeof body === 'object' && body !== null && 'label' in body && body.label === label
  )

export const signIns = (record: (line: string) => void): Processor =>
  pipe(
    receive(json),
    handle(
      route(hasLabel('sign-in'), async ({ id }) => {
        record(`signed in: ${id}`)
        return ack
      }),
      route(hasLabel('sign-out'), async ({ id }) => {
        record(`signed out: ${id}`)
        return ack
      })
    )
  )

if (process.argv[1] === fileURLToPath(import.meta.url)) runMain(stdin())(signIns(console.log))
