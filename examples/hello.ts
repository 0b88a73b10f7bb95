import { pipe } from 'fp-ts/lib/function.js'
import { type Dlq, type Processor, Resource, ack, handle, receive, route, text, withDlq } from 'missive-ts'
import { runMain, stdin } from 'missive-ts/node'
import { sqliteDlq } from 'missive-ts/sqlite'

const greeter = (dlq: Dlq): Processor =>
  pipe(
    receive(text),
    handle(
      route(
        (message) => message.body === 'Hello',
        async () => {
          console.log('Hello whoever you are')
          return ack
        }
      )
    ),
    withDlq(dlq)
  )

runMain(stdin())(pipe(sqliteDlq('hello.db'), Resource.map(greeter)))
