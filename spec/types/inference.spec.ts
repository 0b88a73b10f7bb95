/** What must compile without annotations, and what must not: the type checker is the test, and what compiles is run. */
import { type } from 'arktype'
import * as E from 'fp-ts/lib/Either.js'
import { flow, pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import {
  type Context,
  type DeadLetter,
  type Dlq,
  type Failure,
  type Format,
  type Handler,
  type InputOf,
  type Json,
  type Matching,
  type Message,
  type Outcome,
  type Processor,
  type ReleaseInfo,
  type Route,
  type Settled,
  type Verdict,
  Resource,
  ack,
  ackWith,
  amend,
  and,
  byField,
  byHeader,
  bytes,
  combinator,
  combine,
  deadLettered,
  exponentialBackoff,
  failed,
  handle,
  hook,
  json,
  matchFailure,
  matchOutcome,
  matchVerdict,
  message,
  nack,
  named,
  not,
  or,
  otherwise,
  receive,
  rejected,
  released,
  route,
  text,
  withDlq,
  withRetry,
  withTimeout
} from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import * as v from 'valibot'
import { z } from 'zod'

// what is asked of types

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

type Sure<Is extends boolean> = Is extends true ? [] : [never]

/** Compiles only if the value has exactly this type. */
const has =
  <Expected>(): (<Actual>(value: Actual, ...sure: Sure<Same<Actual, Expected>>) => void) =>
  () =>
    undefined

// a domain

interface Tx {
  readonly run: (sql: string) => void
}
interface Db {
  readonly begin: TE.TaskEither<Failure, Tx>
  readonly end: (tx: Tx, outcome: Outcome) => TE.TaskEither<Failure, void>
}
interface Tenant {
  readonly id: string
}

const Order = t.type({ type: t.literal('order.placed'), total: t.number })
type Order = t.TypeOf<typeof Order>
const Refund = z.object({ type: z.literal('refund'), total: z.string().transform(Number) })
const Parcel = v.object({ type: v.literal('parcel'), grams: v.pipe(v.string(), v.transform(Number)) })
const Invoice = type({ type: "'invoice'", total: 'string.numeric.parse' })

const ran: string[] = []
const db: Db = {
  begin: TE.right({ run: (sql) => void ran.push(sql) }),
  end: (_, { _tag }) => TE.fromIO(() => void ran.push(_tag))
}
const tenantOf = (message: Message): TE.TaskEither<Failure, Tenant> =>
  message.headers.tenant === undefined
    ? TE.left(rejected('no tenant'))
    : TE.right({ id: message.headers.tenant })

const policy = exponentialBackoff({ baseMs: 1, maxDelayMs: 1, attempts: 2 })
const audited = combinator('audited', (processor) => (message) => processor(message))

// what must compile

const hello = (dlq: Dlq): Settled =>
  pipe(
    receive(text),
    handle(
      route(
        (message) => message.body === 'Hello',
        async () => ack
      )
    ),
    withDlq(dlq)
  )

const orders = (db: Db, dlq: Dlq): Settled =>
  pipe(
    receive(json),
    hook('tenant', ({ message }) => tenantOf(message)),
    hook(
      'tx',
      () => db.begin,
      (tx, outcome) => db.end(tx, outcome)
    ),
    handle(
      route(
        Order,
        async (order, { tenant, tx, message }) => {
          has<Order>()(order)
          has<Tenant>()(tenant)
          has<Tx>()(tx)
          has<Message<Json>>()(message)
          tx.run(`${tenant.id} ${order.total.toFixed(2)} ${message.id}`)
          return ack
        },
        flow(withTimeout(500), withRetry(policy))
      ),
      route(Refund, async (refund, { tx }) => {
        tx.run(refund.total.toFixed())
        return ack
      }),
      route(byField('type', 'order.cancelled'), (body, { tx }) => async () => {
        has<Json>()(body)
        tx.run(JSON.stringify(body))
        return ack
      }),
      route(
        (message) => Array.isArray(message.body),
        async (message) => {
          has<Message<Json>>()(message)
          return message.body === null ? ack : failed(rejected('no batches'))
        }
      ),
      otherwise(async (message, { tenant }) => {
        has<Message<Json>>()(message)
        return nack({ reason: tenant.id })
      })
    ),
    audited,
    withRetry(policy),
    withDlq(dlq),
    audited
  )

// handlers and hooks that live apart

const save = async (order: Order, { tx }: { readonly tx: Tx }): Promise<Verdict> => {
  tx.run(String(order.total))
  return ack
}
const savedLater: Handler<Order, { readonly tx: Tx }> = (order, context) => () => save(order, context)
const withTx = (db: Db) =>
  hook(
    'tx',
    () => db.begin,
    (tx, outcome) => db.end(tx, outcome)
  )
const clock = hook('startedAt', () => TE.fromIO<number, Failure>(() => 0))
const withId = hook('id', async ({ message }) => {
  has<Message>()(message)
  return message.id
})
const needingTx = hook('saved', async ({ tx }: { readonly tx: Tx }) => tx.run('saved'))

const user = hook(
  'user',
  async ({ message }) => message.headers['user'] ?? failed(rejected('no-user')),
  async (user) => has<string>()(user)
)
const role = hook('role', async ({ user }: { readonly user: string }) =>
  user === 'ann' ? ('admin' as const) : E.left(rejected('no-admin'))
)
const either = hook('either', async ({ message }) =>
  message.id === '17' ? E.right<Failure, number>(17) : E.left(rejected('no-17'))
)

/** What fails the message is no value of a hook; a Right in a Promise is one. */
const refusing: Processor = pipe(
  receive(text),
  user,
  role,
  either,
  handle(
    otherwise(async (_, { user, role, either }) => {
      has<string>()(user)
      has<'admin'>()(role)
      has<E.Right<number>>()(either)
      return ackWith({ reply: { user, role, either } })
    })
  )
)

const apart = (db: Db): Processor =>
  pipe(receive(json), clock, withId, withTx(db), needingTx, handle(route(Order, save)))
const later = (db: Db): Processor => pipe(receive(json), withTx(db), handle(route(Order, savedLater)))

// modules joined

const shipping = pipe(
  receive(text),
  handle(
    route(
      (message) => message.body === 'x',
      async () => ack
    )
  )
)
const whole = (dlq: Dlq): Settled =>
  pipe(combine(apart(db), shipping), audited, withRetry(policy), withDlq(dlq), audited)
const fallback = (dlq: Dlq): Settled => pipe(shipping, withDlq(dlq), withDlq(memoryDlq()))

// schemas of each library, plain and after a field or header

const schemas = pipe(
  receive(json),
  handle(
    route(Refund, async (refund) => {
      has<{ type: 'refund'; total: number }>()(refund)
      return ackWith({ reply: refund })
    }),
    route(Parcel, async (parcel) => {
      has<{ type: 'parcel'; grams: number }>()(parcel)
      return ackWith({ reply: parcel })
    }),
    route(Invoice, async (invoice) => {
      has<{ type: 'invoice'; total: number }>()(invoice)
      return ackWith({ reply: invoice })
    }),
    route(t.strict({ type: t.literal('strict'), n: t.union([t.number, t.null]) }), async (strict) => {
      has<{ type: 'strict'; n: number | null }>()(strict)
      return ackWith({ reply: strict })
    }),
    route(byField('kind', 'a', z.object({ at: z.number() })), async ({ at }) => {
      has<number>()(at)
      return ackWith({ reply: at })
    }),
    route(byHeader('x-event', 'push', t.type({ ref: t.string })), async ({ ref }) => {
      has<string>()(ref)
      return ackWith({ reply: ref })
    }),
    route(byField('kind', 'b', v.object({ n: v.number() })), async ({ n }) => {
      has<number>()(n)
      return ackWith({ reply: n })
    })
  )
)

// formats

const csv: Format<readonly string[]> = (message) => {
  const decoded = text(message)
  return decoded._tag === 'Left' ? decoded : { _tag: 'Right', right: decoded.right.split(',') }
}
const formats: readonly Processor[] = [
  pipe(
    receive(bytes),
    handle(
      otherwise(async ({ body }) => {
        has<Uint8Array>()(body)
        return ackWith({ reply: body.length })
      })
    )
  ),
  pipe(
    receive(csv),
    handle(
      route(
        ({ body }) => body.length > 1,
        async ({ body }) => {
          has<readonly string[]>()(body)
          return ackWith({ reply: body.length })
        }
      )
    )
  ),
  pipe(
    receive(text),
    handle(
      route(byHeader('x-event', 'push'), async (body) => {
        has<string>()(body)
        return ackWith({ reply: body.length })
      })
    )
  )
]

// guards and combined matchers

const isText = (message: Message<Json>): message is Message<string> => typeof message.body === 'string'
const isNumbered = (value: Json): value is { readonly n: number } =>
  typeof value === 'object' && value !== null && 'n' in value && typeof value.n === 'number'

const guarded = pipe(
  receive(json),
  handle(
    route(isText, async ({ body }) => {
      has<string>()(body)
      return ackWith({ note: body.toUpperCase() })
    }),
    route(
      (message): message is Message<{ readonly n: number }> => isNumbered(message.body),
      async ({ body }) => {
        has<number>()(body.n)
        return ackWith({ note: body.n.toFixed() })
      }
    )
  )
)

const Cancelled = t.type({ type: t.literal('order.cancelled'), why: t.string })

const matched = pipe(
  receive(json),
  handle(
    route(or(Order, Cancelled), async (order) => {
      has<Order | t.TypeOf<typeof Cancelled>>()(order)
      return ackWith({ note: order.type === 'order.placed' ? order.total.toFixed() : order.why })
    }),
    route(or(byField('type', 'a'), byField('type', 'b')), async (body) => {
      has<Json>()(body)
      return ackWith({ note: 'a or b' })
    }),
    route(
      and((message) => message.bytes.length > 1, byField('type', 'c')),
      async (body) => {
        has<Json>()(body)
        return ackWith({ note: 'c' })
      }
    ),
    route(and(byHeader('x-event', 'push'), Refund), async ({ total }) => {
      has<number>()(total)
      return ackWith({ note: total.toFixed() })
    }),
    route(
      and(isText, (message) => message.bytes.length > 9),
      async (message) => {
        has<Message<Json>>()(message)
        return ackWith({ note: 'long' })
      }
    )
  )
)

const negated = pipe(
  receive(json),
  handle(
    route(not(Order), async (message) => {
      has<Message<Json>>()(message)
      return ackWith({ note: message.id })
    })
  )
)

// named

const hasTenant = (tenant: string) =>
  named(`tenant ${tenant}`, (message: Message<Json>) => message.headers.tenant === tenant)

const labelled = pipe(
  receive(text),
  hook('one', async () => 1),
  handle(
    route(
      named('greeting', ({ body }) => body.startsWith('H')),
      async ({ body }, { one }) => {
        has<string>()(body)
        has<number>()(one)
        return ackWith({ note: body })
      }
    ),
    route(named('push', byHeader('x-event', 'push')), async (body) => {
      has<string>()(body)
      return ackWith({ note: body.trim() })
    })
  )
)

const namedCodecs = pipe(
  receive(json),
  handle(
    route(named('an order', Order), async (order) => {
      has<Order>()(order)
      return ackWith({ note: order.total.toFixed() })
    }),
    route(named('a refund', Refund), async (refund) => ackWith({ note: refund.total.toFixed() })),
    route(named('a text', isText), async ({ body }) => ackWith({ note: body.toUpperCase() })),
    route(hasTenant('a'), async (message) => {
      has<Message<Json>>()(message)
      return ackWith({ note: message.id })
    })
  )
)

// ten hooks deep

const deep = pipe(
  receive(text),
  hook('a', async ({ message }) => message.body.length),
  hook('b', async ({ a }) => a + 1),
  hook('c', async ({ b }) => String(b)),
  hook('d', ({ c }) => TE.right<Failure, readonly string[]>([c])),
  hook('e', async ({ d, a }) => d.length + a),
  hook('f', async ({ e }) => ({ e })),
  hook('g', async ({ f }) => f.e > 0),
  hook('h', async ({ g }) => (g ? ('yes' as const) : ('no' as const))),
  hook('i', async ({ h, message }) => h + message.id),
  hook(
    'j',
    async ({ i }) => [i],
    async (j, outcome, info) => {
      has<string[]>()(j)
      has<Outcome>()(outcome)
      has<ReleaseInfo>()(info)
    }
  ),
  handle(
    otherwise(async ({ body }, { a, b, c, d, e, f, g, h, i, j, message }) => {
      has<string>()(body)
      has<number>()(a)
      has<number>()(b)
      has<string>()(c)
      has<readonly string[]>()(d)
      has<number>()(e)
      has<{ e: number }>()(f)
      has<boolean>()(g)
      has<'yes' | 'no'>()(h)
      has<string>()(i)
      has<string[]>()(j)
      has<Message<string>>()(message)
      return ackWith({ reply: [a, b, c, d, e, f, g, h, i, j] })
    })
  )
)

// routes made in a loop, and around

const listed = pipe(
  receive(json),
  withTx(db),
  handle(
    ...['a', 'b', 'c'].map((name): Route<Json, { readonly tx: Tx }> =>
      route(byField('type', name), async (body, { tx }) => {
        has<Json>()(body)
        has<Tx>()(tx)
        return ackWith({ note: `${name} ${JSON.stringify(body)}` })
      })
    )
  )
)

const surrounded = pipe(
  receive(json),
  withTx(db),
  handle(
    route(Order, save, withTimeout(500)),
    route(byField('type', 'a'), async () => ack, audited),
    route(
      byField('type', 'b'),
      async (_, { tx }) => {
        tx.run('b')
        return ack
      },
      (processor) => (message) => processor(amend(message, { headers: {} }))
    )
  )
)

// routes that functions make of what they are given

const saving = <A>(codec: t.Type<A, any>, save: (value: A) => void) =>
  route(codec, async (value) => {
    save(value)
    return ack
  })
const savingField = <A>(name: string, schema: z.ZodType<A>, save: (value: A) => void) =>
  route(byField('type', name, schema), async (value) => {
    save(value)
    return ack
  })
const savingMatched = <M extends Matching<Json>>(
  matching: M,
  handler: Handler<InputOf<M, Json>, Context<Json>>
) => route<Json, M, Context<Json>>(matching, handler)
const echo: Route<Json, unknown> = route(byField('type', 'echo'), async (body) => {
  has<Json>()(body)
  return ackWith({ reply: body })
})
const told = route(Cancelled, async ({ why }, { message }) => {
  has<Message>()(message)
  return ackWith({ note: `${message.id} ${why}` })
})
const rest = otherwise(async (_, { message }) => ackWith({ note: message.id }))
const standard = <B>(
  format: Format<B>,
  ...routes: readonly Route<B, Context<B> & { readonly n: number }>[]
) =>
  pipe(
    receive(format),
    hook('n', async () => 1),
    handle(...routes)
  )

const made = standard(
  json,
  saving(Order, ({ total }) => ran.push(total.toFixed())),
  savingField('field', z.object({ at: z.number() }), ({ at }) => ran.push(at.toFixed())),
  savingMatched(byField('type', 'body'), async (body, { message }) => {
    has<Json>()(body)
    return ackWith({ note: message.id })
  }),
  savingMatched(Refund, async ({ total }) => ackWith({ note: total.toFixed() })),
  ...(ran.length > 100 ? [rest] : []),
  told,
  echo
)

// resources, and taking apart

const opened = pipe(
  Resource.all({ db: Resource.of(db), dlq: Resource.of(memoryDlq()) }),
  Resource.map(({ db, dlq }) => orders(db, dlq))
)
has<Resource<Settled>>()(opened)

const status = matchOutcome({
  Acked: ({ reply }) => (reply === undefined ? 204 : 200),
  Nacked: ({ afterMs }) => afterMs ?? 503,
  Failed: ({ failure }) => (failure._tag === 'Malformed' ? 422 : 500),
  DeadLettered: () => 202,
  Released: ({ reason }) => (reason === 'shutdown' ? 503 : 409)
})
const isAcked = matchVerdict({ Acked: () => true, otherwise: () => false })
const codeOf = matchFailure({ Rejected: ({ code }) => code, otherwise: ({ _tag }) => _tag })

// what must not compile; never called

export const mistakes = {
  hookNeverProvided: () =>
    pipe(
      receive(json),
      // @ts-expect-error tx was never provided
      handle(route(Order, save))
    ),
  hookNeededTooEarly: () =>
    pipe(
      receive(json),
      // @ts-expect-error tx comes later
      needingTx,
      withTx(db)
    ),
  hookOfAnotherType: () =>
    pipe(
      receive(json),
      hook('tx', async () => 'no transaction'),
      // @ts-expect-error tx is text here
      handle(route(Order, save))
    ),
  bodyOfAnotherType: () =>
    pipe(
      receive(text),
      handle(
        route(
          // @ts-expect-error the body is text
          (message) => message.body === 3,
          async () => ack
        )
      )
    ),
  inputOfAnotherType: () =>
    pipe(
      receive(json),
      handle(
        // @ts-expect-error what was decoded has no such field
        route(Order, async (order) => ackWith({ note: order.customer }))
      )
    ),
  asynchronousMatcher: () =>
    pipe(
      receive(json),
      handle(
        route(
          // @ts-expect-error a matcher answers at once
          async (message) => message.body === 3,
          async () => ack
        )
      )
    ),
  noMatcher: () =>
    pipe(
      receive(json),
      handle(
        route(
          // @ts-expect-error text is no matcher
          'order.placed',
          async () => ack
        )
      )
    ),
  outcomeAtOnce: () =>
    pipe(
      receive(json),
      handle(
        // @ts-expect-error an outcome is neither Task nor Promise
        route(Order, () => ack)
      )
    ),
  forgottenReturn: () =>
    pipe(
      receive(json),
      handle(
        // @ts-expect-error nothing is returned
        route(Order, async (order) => {
          ran.push(String(order.total))
        })
      )
    ),
  taskInPromise: () =>
    pipe(
      receive(json),
      handle(
        // @ts-expect-error a Task inside a Promise
        route(Order, async () => async () => ack)
      )
    ),
  forgedLetter: () =>
    pipe(
      receive(json),
      handle(
        // @ts-expect-error only a queue dead-letters
        route(Order, async () => deadLettered(rejected('x')))
      )
    ),
  forgedRelease: () =>
    pipe(
      receive(json),
      handle(
        // @ts-expect-error only the library releases
        otherwise(async () => released('shutdown'))
      )
    ),
  noRoutes: () =>
    pipe(
      receive(json),
      // @ts-expect-error a pipeline is no processor before it has routes
      hook('tx', () => db.begin),
      withDlq(memoryDlq())
    ),
  nameTakenTwice: () =>
    pipe(
      receive(json),
      hook('tx', () => db.begin),
      // @ts-expect-error the name is taken
      hook('tx', () => db.begin),
      handle(otherwise(async () => ack))
    ),
  nameOfTheMessage: () =>
    pipe(
      receive(json),
      // @ts-expect-error the name is the message's own
      hook('message', async () => 1)
    ),
  releaseOfAnotherType: () =>
    hook(
      'tx',
      () => db.begin,
      // @ts-expect-error the value is a transaction
      async (tx: string) => void ran.push(tx)
    ),
  leftOfAnotherType: () =>
    hook(
      'tx',
      // @ts-expect-error a Left holds a failure
      () => TE.left('no connection')
    ),
  retryAfterQueue: () =>
    pipe(
      shipping,
      // @ts-expect-error nothing is left to try again
      withDlq(memoryDlq()),
      withRetry(policy)
    ),
  retryAfterQueueAndCombinator: () =>
    pipe(
      shipping,
      withDlq(memoryDlq()),
      // @ts-expect-error the combinator carries the mark on
      audited,
      withRetry(policy)
    ),
  timeoutAfterQueue: () =>
    pipe(
      shipping,
      // @ts-expect-error a letter cannot be taken back
      withDlq(memoryDlq()),
      withTimeout(500)
    ),
  unsettled: (): Settled =>
    // @ts-expect-error there is no queue
    shipping,
  spreadMessage: (): Processor => (message) =>
    shipping(
      // @ts-expect-error write amend(message, { headers })
      // oxlint-disable-next-line typescript/no-misused-spread -- that it does not even compile is the point
      { ...message, headers: {} }
    ),
  changedMessage: (message: Message) => {
    // @ts-expect-error messages do not change
    message.id = '17'
  },
  changedBody: (message: Message<Json>) =>
    // @ts-expect-error nothing is known of the body before a format has read it
    has<string>()(message.body),
  amendedWithNonsense: (message: Message) =>
    // @ts-expect-error there is no such field
    amend(message, { tenant: 'a' }),
  failedWithText: () =>
    // @ts-expect-error a failure is a value of its own
    failed('late'),
  nackedWithText: () =>
    // @ts-expect-error milliseconds are a number
    nack({ afterMs: '50' }),
  detailsOfFunctions: () =>
    // @ts-expect-error details are JSON
    rejected('late', { retry: () => 1 }),
  missingCase: () =>
    // @ts-expect-error Released is missing
    matchOutcome<number>({ Acked: () => 1, Nacked: () => 2, Failed: () => 3, DeadLettered: () => 4 }),
  unknownCase: () =>
    // @ts-expect-error there is no such failure
    matchFailure<number>({ Late: () => 1, otherwise: () => 2 }),
  queueAtOnce: (): Dlq => ({
    location: 'memory',
    // @ts-expect-error a queue answers with a Task
    put: ({ id }: DeadLetter) => ({ _tag: 'Right', right: id })
  }),
  eitherForBody: () =>
    // @ts-expect-error a format gives an Either
    receive((message) => message.id)
}

// what compiles does run

const compiled = suite('what compiles')

const outcomeOf = (
  processor: Processor,
  payload: unknown,
  headers: Record<string, string> = {}
): Promise<Outcome> => processor(message(payload, { headers }))()

const noteOf = async (outcome: Promise<Outcome>): Promise<string | undefined> => {
  const settled = await outcome
  return settled._tag === 'Acked' ? settled.note : settled._tag
}

const order: Order = { type: 'order.placed', total: 3 }

compiled('is built, and processes messages', async () => {
  const dlq = memoryDlq()
  assert.equal(await outcomeOf(hello(dlq), 'Hello'), ack)
  assert.equal(await outcomeOf(orders(db, dlq), order, { tenant: 'a' }), ack)
  assert.equal(
    await outcomeOf(orders(db, dlq), [order], { tenant: 'a' }),
    deadLettered(rejected('no batches'))
  )
  assert.equal(await outcomeOf(orders(db, dlq), order), deadLettered(rejected('no tenant')))
  assert.equal(await outcomeOf(orders(db, dlq), 3, { tenant: 'a' }), nack({ reason: 'a' }))
  assert.equal(await outcomeOf(apart(db), order), ack)
  assert.equal(await outcomeOf(later(db), order), ack)
  assert.equal(await outcomeOf(whole(dlq), 'x'), ack)
  assert.equal(await outcomeOf(fallback(dlq), 'x'), ack)
  assert.equal(
    await Promise.all(
      [['ann', '17'], ['ann', '18'], ['bob', '17'], []].map(([user, id]) =>
        refusing(message('x', { ...(id && { id }), headers: { ...(user && { user }) } }))()
      )
    ),
    [
      ackWith({ reply: { user: 'ann', role: 'admin', either: E.right(17) } }),
      failed(rejected('no-17')),
      failed(rejected('no-admin')),
      failed(rejected('no-user'))
    ]
  )
  assert.equal(
    [
      await outcomeOf(surrounded, order),
      await outcomeOf(surrounded, { type: 'a' }),
      await outcomeOf(surrounded, { type: 'b' })
    ],
    [ack, ack, ack]
  )
  assert.equal(
    await outcomeOf(deep, 'abc'),
    ackWith({ reply: [3, 4, '4', ['4'], 4, { e: 4 }, true, 'yes', 'yestest', ['yestest']] })
  )
})

compiled('gives handlers what their types say', async () => {
  const replyOf = async (payload: unknown, headers?: Record<string, string>) => {
    const outcome = await outcomeOf(schemas, payload, headers)
    return outcome._tag === 'Acked' ? outcome.reply : outcome
  }
  assert.equal(await replyOf({ type: 'refund', total: '3' }), { type: 'refund', total: 3 })
  assert.equal(await replyOf({ type: 'parcel', grams: '3' }), { type: 'parcel', grams: 3 })
  assert.equal(await replyOf({ type: 'invoice', total: '3' }), { type: 'invoice', total: 3 })
  assert.equal(await replyOf({ type: 'strict', n: null }), { type: 'strict', n: null })
  assert.equal([await replyOf({ kind: 'a', at: 3 }), await replyOf({ kind: 'b', n: 4 })], [3, 4])
  assert.equal(await replyOf({ ref: 'main' }, { 'x-event': 'push' }), 'main')
  for (const processor of formats)
    assert.equal((await outcomeOf(processor, 'a,b', { 'x-event': 'push' }))._tag, 'Acked')
})

compiled('matches as its types say', async () => {
  const push = { 'x-event': 'push' }
  assert.equal(
    [
      await noteOf(outcomeOf(guarded, '"hi"')),
      await noteOf(outcomeOf(guarded, { n: 3 })),
      await noteOf(outcomeOf(matched, order)),
      await noteOf(outcomeOf(matched, { type: 'order.cancelled', why: 'late' })),
      await noteOf(outcomeOf(matched, { type: 'b' })),
      await noteOf(outcomeOf(matched, { type: 'c' })),
      await noteOf(outcomeOf(matched, { type: 'refund', total: '3' }, push)),
      await noteOf(outcomeOf(matched, '"a long text"')),
      await noteOf(outcomeOf(negated, {})),
      await noteOf(outcomeOf(labelled, 'Hello')),
      await noteOf(outcomeOf(labelled, 'bye ', push)),
      await noteOf(outcomeOf(namedCodecs, order)),
      await noteOf(outcomeOf(namedCodecs, { type: 'refund', total: '4' })),
      await noteOf(outcomeOf(namedCodecs, '"hi"')),
      await noteOf(outcomeOf(namedCodecs, 3, { tenant: 'a' })),
      await noteOf(outcomeOf(listed, { type: 'b' })),
      await noteOf(outcomeOf(made, { type: 'refund', total: '3' })),
      await noteOf(outcomeOf(made, { type: 'body' })),
      await noteOf(outcomeOf(made, { type: 'order.cancelled', why: 'late' }))
    ],
    [
      'HI',
      '3',
      '3',
      'late',
      'a or b',
      'c',
      '3',
      'long',
      'test',
      'Hello',
      'bye',
      '3',
      '4',
      'HI',
      'test',
      'b {"type":"b"}',
      '3',
      'test',
      'test late'
    ]
  )
})

compiled('opens and takes apart', async () => {
  const run = pipe(
    opened,
    Resource.use((processor) => processor(message(order, { headers: { tenant: 'a' } })))
  )
  assert.equal(await run(), { _tag: 'Right', right: ack })
  assert.equal([status(ack), status(nack()), status(failed(rejected('late')))], [204, 503, 500])
  assert.equal([isAcked(ack), isAcked(nack())], [true, false])
  assert.is(codeOf(rejected('late')), 'late')
})

compiled.run()
