/** GitHub's webhooks: signed, handled once each, and kept where they cannot be handled, as GitHub sends none again. */
import * as t from 'io-ts'
import { pipe } from 'fp-ts/lib/function.js'
import {
  type Dlq,
  type Processor,
  Resource,
  ack,
  and,
  byField,
  byHeader,
  handle,
  json,
  otherwise,
  receive,
  route,
  withDlq
} from 'missive-ts'
import { github, http } from 'missive-ts/http'
import { runMain } from 'missive-ts/node'
import { sqliteDlq, sqliteIdempotency } from 'missive-ts/sqlite'

// model

const Opened = t.type({ action: t.literal('opened'), issue: t.type({ number: t.number, title: t.string }) })

// route

export const webhooks = (log: (line: string) => void, dlq: Dlq): Processor =>
  pipe(
    receive(json),
    handle(
      route(byHeader('x-github-event', 'ping'), async () => ack),
      route(
        and(byHeader('x-github-event', 'issues'), byField('action', 'opened', Opened)),
        async ({ issue }) => {
          log(`#${issue.number} ${issue.title}`)
          return ack
        }
      ),
      // Most of what GitHub sends is for nobody here.
      otherwise(async () => ack)
    ),
    withDlq(dlq)
  )

// main

const {
  PORT = '8080',
  HOST = '127.0.0.1',
  WEBHOOK_SECRET,
  DLQ = 'webhooks.db',
  DONE = 'done.db'
} = process.env
if (WEBHOOK_SECRET === undefined) throw new Error('say WEBHOOK_SECRET, as it was given to GitHub')

runMain(
  http({
    port: Number(PORT),
    host: HOST,
    path: '/github',
    verify: github(WEBHOOK_SECRET),
    keyOf: ({ headers }) => headers['x-github-delivery'],
    idempotency: sqliteIdempotency(DONE),
    senderRetries: false,
    health: true
  })
)(
  pipe(
    sqliteDlq(DLQ),
    Resource.map((dlq) => webhooks(console.log, dlq))
  )
)
