// Prints the lines of its standard input; 'bad' fails, 'busy' is nacked. Usage: stdin-print.ts [OPTIONS AS JSON]
import { pipe } from 'fp-ts/lib/function.js'
import { ack, failed, handle, nack, otherwise, receive, rejected, text } from 'missive-ts'
import { type StdinOptions, runMain, stdin } from 'missive-ts/node'

const options = JSON.parse(process.argv[2] ?? '{}') as StdinOptions

const processor = pipe(
  receive(text),
  handle(
    otherwise(async ({ body }) => {
      if (body === 'bad') return failed(rejected('late'))
      if (body === 'busy') return nack({ reason: 'busy' })
      console.log(body)
      return ack
    })
  )
)

runMain(stdin(options))(processor)
