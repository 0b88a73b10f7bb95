/** What the items of a batch are, without annotations, and what must not compile: the type checker is the test. */
import { pipe } from 'fp-ts/lib/function.js'
import * as T from 'fp-ts/lib/Task.js'
import * as t from 'io-ts'
import {
  type BatchHandler,
  type BatchItem,
  type Handler,
  type Json,
  type Message,
  type Outcome,
  ack,
  ackWith,
  batched,
  byField,
  deadLettered,
  failed,
  handle,
  hook,
  json,
  message,
  nack,
  named,
  otherwise,
  receive,
  rejected,
  route,
  withTimeout
} from 'missive-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

type Sure<Is extends boolean> = Is extends true ? [] : [never]

/** Compiles only if the value has exactly this type. */
const has =
  <Expected>(): (<Actual>(value: Actual, ...sure: Sure<Same<Actual, Expected>>) => void) =>
  () =>
    undefined

interface Tx {
  readonly run: (sql: string) => void
}

const Order = t.type({ type: t.literal('order.placed'), total: t.number })
type Order = t.TypeOf<typeof Order>
const Refund = z.object({ type: z.literal('refund'), total: z.string().transform(Number) })

const ran: string[] = []
const withTx = hook('tx', async (): Promise<Tx> => ({ run: (sql) => void ran.push(sql) }))

// what must compile

const inferred = pipe(
  receive(json),
  withTx,
  hook('n', async () => 1),
  handle(
    route(
      Order,
      batched(1, 5, async (items) => {
        for (const { input, context, ...rest } of items) {
          has<Order>()(input)
          has<Tx>()(context.tx)
          has<number>()(context.n)
          has<Message<Json>>()(context.message)
          has<{}>()(rest)
          context.tx.run(`${input.total.toFixed(2)} ${context.message.id}`)
        }
        return items.map(({ input }) => (input.total > 0 ? ack : failed(rejected('nothing-to-pay'))))
      })
    ),
    route(
      Refund,
      batched(1, 5, async (items) => {
        for (const { input } of items) has<number>()(input.total)
        return ackWith({ note: String(items[0]?.input.total) })
      }),
      withTimeout(500)
    ),
    route(
      byField('type', 'json'),
      batched(1, 5, async (items) => {
        for (const { input } of items) has<Json>()(input)
        return items.map(() => nack())
      })
    ),
    route(
      named('text', (message: Message<Json>): message is Message<string> => typeof message.body === 'string'),
      batched(1, 5, async (items) => items.map(({ input }) => ackWith({ note: input.body.toUpperCase() })))
    ),
    route(
      ({ body }) => body === 3,
      batched(1, 5, (items) =>
        T.of(
          items.map(({ input, context }) => {
            has<Message<Json>>()(input)
            return ackWith({ note: `${JSON.stringify(input.body)} ${context.n}` })
          })
        )
      )
    ),
    otherwise(
      batched(1, 5, async (items) => {
        for (const { input, context } of items) {
          has<Message<Json>>()(input)
          has<Tx>()(context.tx)
        }
        return ack
      })
    )
  )
)

/** Handlers that live apart. */
const save: BatchHandler<Order, { readonly tx: Tx }> = async (items) => {
  for (const { input, context } of items) context.tx.run(input.total.toFixed())
  return ack
}
const count = async (items: readonly BatchItem<Order, unknown>[]) => ackWith({ reply: items.length })
const needsMessage: Handler<Order, { readonly tx: Tx; readonly message: Message }> = batched(1, 5, save)

const apart = [batched(1, 5, save), needsMessage, batched(1, 5, count)].map((handler) =>
  pipe(receive(json), withTx, handle(route(Order, handler)))
)

// what must not compile; never called

export const mistakes = {
  hookNeverProvided: () =>
    pipe(
      receive(json),
      // @ts-expect-error tx was never provided
      handle(route(Order, batched(1, 5, save)))
    ),
  inputOfAnotherType: () =>
    pipe(
      receive(json),
      // @ts-expect-error refunds are no orders
      handle(route(Refund, batched(1, 5, count)))
    ),
  noSuchField: () =>
    pipe(
      receive(json),
      handle(
        route(
          Order,
          batched(1, 5, async (items) =>
            items.map(({ input }) =>
              ackWith({
                // @ts-expect-error what was decoded has no such field
                note: input.customer
              })
            )
          )
        )
      )
    ),
  forgottenReturn: () =>
    pipe(
      receive(json),
      handle(
        route(
          Order,
          // @ts-expect-error nothing is returned
          batched(1, 5, async (items) => {
            ran.push(String(items.length))
          })
        )
      )
    ),
  promisesOfVerdicts: () =>
    pipe(
      receive(json),
      handle(
        route(
          Order,
          // @ts-expect-error each verdict is waited for first
          batched(1, 5, async (items) => items.map(async () => ack))
        )
      )
    ),
  atOnce: () =>
    pipe(
      receive(json),
      handle(
        route(
          Order,
          // @ts-expect-error verdicts are neither Task nor Promise
          batched(1, 5, (items) => items.map(() => ack))
        )
      )
    ),
  forgedLetter: () =>
    pipe(
      receive(json),
      handle(
        route(
          Order,
          // @ts-expect-error only a queue dead-letters
          batched(1, 5, async (items) => items.map(() => deadLettered(rejected('x'))))
        )
      )
    ),
  changedItems: () =>
    batched(1, 5, async (items: readonly BatchItem<Order, unknown>[]) => {
      // @ts-expect-error the batch is not the handler's to change
      items.pop()
      return ack
    })
}

// what compiles does run

const compiled = suite('batches that compile')

compiled('are built, and give their handlers what their types say', async () => {
  const order: Order = { type: 'order.placed', total: 3 }
  const outcomes: Outcome[] = []
  for (const payload of [order, { type: 'refund', total: '4' }, { type: 'json' }, '"text"', 3, null])
    outcomes.push(await inferred(message(payload))())
  assert.equal(outcomes, [
    ack,
    ackWith({ note: '4' }),
    nack(),
    ackWith({ note: 'TEXT' }),
    ackWith({ note: '3 1' }),
    ack
  ])
  assert.equal(await Promise.all(apart.map((processor) => processor(message(order))())), [
    ack,
    ack,
    ackWith({ reply: 1 })
  ])
  assert.equal(ran, ['3.00 test', '3', '3'])
})

compiled.run()
