/** A pipeline moved here from Python's Missive, line by line: what it was in a comment, then what it is now. */
import * as assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { pipe } from 'fp-ts/lib/function.js'
import {
  type Clock,
  type Dlq,
  type Json,
  type Message,
  type Processor,
  Resource,
  ack,
  deadLettered,
  handle,
  hook,
  json,
  message,
  named,
  noMatch,
  receive,
  route,
  withDlq
} from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { runMain, stdin, systemClock } from 'missive-ts/node'
import { sqliteDlq } from 'missive-ts/sqlite'

// class HasLabelMatcher:
//     def __init__(self, label):
//         self.label = label
//     def __call__(self, json_message):
//         return json_message.get_json().get("label") == self.label

const hasLabel = (label: string) =>
  named(
    `label ${label}`,
    ({ body }: Message<Json>) =>
      typeof body === 'object' && body !== null && 'label' in body && body.label === label
  )

// logger = getLogger(__name__)

export interface Environment {
  readonly clock: Clock
  readonly log: (line: string) => void
}

export const signIns = ({ clock, log }: Environment, dlq: Dlq): Processor =>
  pipe(
    // proc: missive.Processor[missive.JSONMessage] = missive.Processor()

    receive(json),

    // @proc.before_handling
    // def record_start_time(processing_ctx, handling_ctx):
    //     handling_ctx.state.start_time = datetime.utcnow()
    //
    // @proc.after_handling
    // def print_end_time(processing_ctx, handling_ctx):
    //     logger.debug("took %s", datetime.utcnow() - handling_ctx.state.start_time)

    hook(
      'startTime',
      async () => clock.monotonic(),
      async (startTime) => log(`took ${clock.monotonic() - startTime} ms`)
    ),

    // @proc.handle_for(HasLabelMatcher("sign-in"))
    // def record_sign_ins(message, ctx):
    //     logger.debug("signed in: %s", message.message_id)
    //     ctx.ack()

    handle(
      route(hasLabel('sign-in'), async ({ id }) => {
        log(`signed in: ${id}`)
        return ack
      })
    ),

    // proc.set_dlq(dlq)

    withDlq(dlq)
  )

// test_client = proc.test_client()
// message = missive.JSONMessage(json.dumps({"label": "sign-in"}).encode("utf-8"))
// test_client.send(message)
// assert message in test_client.acked

export const test = async (environment: Environment): Promise<void> => {
  const processor = signIns(environment, memoryDlq())
  assert.deepEqual(await processor(message({ label: 'sign-in' }))(), ack)
  assert.deepEqual(
    await processor(message({ label: 'sign-out' }))(),
    deadLettered(noMatch([{ route: 'label sign-in', reason: 'says no' }]))
  )
}

// stdin_processor = StdinAdapter(missive.JSONMessage, proc)
//
// if __name__ == "__main__":
//     proc.set_dlq(SQLiteDLQ("/var/dlq.db"))
//     stdin_processor.run()

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const environment = { clock: systemClock, log: console.error }
  runMain(stdin())(
    pipe(
      sqliteDlq('dlq.db'),
      Resource.map((dlq) => signIns(environment, dlq))
    )
  )
}
