/** Prints the files that are dropped into a folder, `inbox` or the first argument; start it as often as you like. */
import { fileURLToPath } from 'node:url'
import { pipe } from 'fp-ts/lib/function.js'
import {
  type Dlq,
  type Processor,
  Resource,
  ack,
  handle,
  nack,
  otherwise,
  receive,
  text,
  withDlq,
  withMaxDeliveries
} from 'missive-ts'
import { consume, runMain } from 'missive-ts/node'
import { sqliteDlq } from 'missive-ts/sqlite'
import { folder } from './source.js'

export const printing = (print: (line: string) => void, dlq: Dlq): Processor =>
  pipe(
    receive(text),
    handle(
      otherwise(async ({ id, body }) => {
        if (body === '') return nack({ reason: 'still empty', afterMs: 1_000 })
        print(`${id}: ${body.trimEnd()}`)
        return ack
      })
    ),
    withMaxDeliveries(5),
    withDlq(dlq)
  )

if (process.argv[1] === fileURLToPath(import.meta.url))
  runMain(consume(folder(process.argv[2] ?? 'inbox')))(
    pipe(
      sqliteDlq('inbox.db'),
      Resource.map((dlq) => printing(console.log, dlq))
    )
  )
