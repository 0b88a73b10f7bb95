import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { combine } from '../../lib/combinators/combine.js'
import { malformed } from '../../lib/core/failure.js'
import { json } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import type { DeadLetter } from '../../lib/core/letter.js'
import { hook, receive } from '../../lib/core/pipeline.js'
import { type Processor, combinator } from '../../lib/core/processor.js'
import { left, none, right } from '../../lib/core/result.js'
import { type DryRun, dryRun, renderDryRun } from '../../lib/dlq/dry-run.js'
import { memoryDlq } from '../../lib/dlq/memory.js'
import { named } from '../../lib/matchers/composed.js'
import { otherwise, route } from '../../lib/matchers/route.js'
import type { DeadLetterStore, LetterFilter } from '../../lib/ports/letters.js'
import { withDlq, withRetry, withTimeout } from '../../lib/timed.js'
import { ids, lettersOf, put, stores } from '../support/replay-stores.js'

/** What must not be run says so by throwing; that it was is found in `ran` also where the throw is caught. */
const ran: string[] = []
const refusing = (name: string) => (): never => {
  ran.push(name)
  throw new Error(`${name} was run`)
}

/** A store that can be read, and nothing else. */
const readable = ({ page }: DeadLetterStore): DeadLetterStore => {
  const calls = [
    'put',
    'recall',
    'resolve',
    'groups',
    'count',
    'arrivals',
    'claim',
    'renew',
    'settle',
    'edit'
  ]
  const refused = [...calls, 'discard', 'add', 'prune'].map((name) => [name, refusing(name)])
  return { ...(Object.fromEntries(refused) as DeadLetterStore), location: 'memory', page }
}

const Placed = t.type({ type: t.literal('order.placed'), total: t.number })
const Paid = t.type({ type: t.literal('order.paid') })

const pipeline = pipe(receive(json), hook('database', refusing('the hook'), refusing('the release')))

const orders = pipe(
  pipeline,
  handle(route(Placed, refusing('a handler')), route(Paid, refusing('a handler')))
)

const bodies = (...values: readonly unknown[]): readonly Partial<DeadLetter>[] =>
  values.map((value, index) => ({
    id: String(index + 1),
    bytes: new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
  }))

const placed = { type: 'order.placed', total: 1 }
const paid = { type: 'order.paid' }

const explained = async (
  processor: Processor,
  ...values: readonly unknown[]
): Promise<DryRun & { readonly text: string }> => {
  const store = memoryDlq()
  await put(store, ...bodies(...values))
  const run = await dryRun(readable(store))(processor)()
  assert.equal(ran.splice(0), [])
  if (run._tag === 'Left') throw new Error(run.left.reason)
  return { ...run.right, text: renderDryRun(run.right).replaceAll(/ \([0-9a-f]{10}\)/g, ' (key)') }
}

const dry = suite('dryRun')

for (const [name, withStore] of Object.entries(stores)) {
  dry(`says of the letters of ${name} which would be taken today, and why the others would be refused`, () =>
    withStore(async (store) => {
      await put(
        store,
        ...bodies(
          ...ids(217).map(() => placed),
          ...ids(3).map((id) => ({ ...placed, total: `${id} euros` })),
          paid
        )
      )
      const before = await lettersOf(store)
      const done: number[] = []
      const run = await dryRun(readable(store), {}, (count) => void done.push(count))(orders)()
      const example = before.find(({ id }) => id === '218')?.key ?? ''
      const expected: DryRun = {
        total: 221,
        taken: [
          { route: 'order.placed', count: 217 },
          { route: 'order.paid', count: 1 }
        ],
        refused: [{ route: 'order.placed', reason: '.total expected number', count: 3, example }],
        opaque: 0
      }
      assert.equal([run, ran, done], [right(expected), [], [200, 221]])
      assert.is(
        renderDryRun(expected),
        `217 of 221 would be taken by order.placed
1 of 221 would be taken by order.paid
3 of 221 would be refused by order.placed: .total expected number (${example.slice(0, 10)})`
      )
      assert.equal(await lettersOf(store), before)
    })
  )
}

dry('says why no route, or several, would take a letter, or why it is no JSON', async () => {
  const several = pipe(
    pipeline,
    handle(
      route(
        named('has a total', ({ body }) => typeof body === 'object' && body !== null && 'total' in body),
        refusing('a handler')
      ),
      route(
        named('is big', ({ body }) => JSON.stringify(body).length > 20),
        refusing('a handler')
      )
    )
  )
  const { text } = await explained(several, { total: 'a long text that is big' }, 1, '[', '[', 2, 3, {
    total: 1
  })
  assert.is(
    text,
    `1 of 7 would be taken by has a total
3 of 7 would be refused: no route matches: says no (key)
2 of 7 would be refused: not JSON (key)
1 of 7 would be refused: several routes match: has a total, is big (key)`
  )
})

dry('puts together what is refused for the same reason, the most frequent first', async () => {
  const { refused } = await explained(
    orders,
    { type: 'order.placed', total: 'ten' },
    { type: 'order.placed', total: 'twenty' },
    { type: 'order.lost 17' },
    { type: 'order.lost 18' },
    { type: 'order.lost 19' },
    { type: 'order.lost 20' }
  )
  assert.equal(
    refused.map(({ route, count }) => [route, count]),
    [
      [undefined, 4],
      ['order.placed', 2]
    ]
  )
})

dry('works through everything that is put around a processor', async () => {
  const closing = combinator('audited', () => refusing('a combinator'))
  const queue = readable(memoryDlq())
  const around: Readonly<Record<string, (processor: Processor) => Processor>> = {
    withDlq: withDlq(queue),
    withRetry: withRetry(() => none),
    withTimeout: withTimeout(1),
    combinator: closing,
    combine: (processor) =>
      combine(
        processor,
        pipe(receive(json), handle(route(t.type({ other: t.string }), refusing('a handler'))))
      ),
    all: (processor) =>
      pipe(
        processor,
        withTimeout(1),
        withRetry(() => none),
        closing,
        withDlq(queue)
      )
  }
  for (const [name, wrap] of Object.entries(around)) {
    const { taken, refused, opaque } = await explained(wrap(orders), placed, { ...placed, total: '' })
    assert.equal(
      [taken, refused.map(({ route, reason, count }) => [route, reason, count]), opaque],
      [[{ route: 'order.placed', count: 1 }], [['order.placed', '.total expected number', 1]], 0],
      name
    )
  }
})

dry('says that it cannot tell what a processor would do that is a closure', async () => {
  const closure: Processor = () => refusing('the closure')()
  const { taken, refused, opaque, text } = await explained(closure, placed, paid)
  assert.equal([taken, refused, opaque], [[], [], 2])
  assert.is(text, '2 of 2 cannot be explained: make what wraps the processor with combinator(name, wrap)')
})

dry('counts what an otherwise would take', async () => {
  const { text } = await explained(
    pipe(pipeline, handle(route(Paid, refusing('a handler')), otherwise(refusing('a handler')))),
    paid,
    placed,
    {}
  )
  assert.is(text, '2 of 3 would be taken by otherwise\n1 of 3 would be taken by order.paid')
})

dry('refuses what its source found wrong, as a replay would', async () => {
  const store = memoryDlq()
  const fault = malformed([{ path: '', message: 'a line of more than 10 bytes' }])
  await put(store, { ...bodies(paid)[0], fault })
  const run = await dryRun(store)(orders)()
  assert.match(
    run._tag === 'Right' ? renderDryRun(run.right) : '',
    '1 of 1 would be refused: a line of more than'
  )
})

/** How many letters are explained of one that was discarded and two that are dead. */
const explainedOf = async (filter: LetterFilter): Promise<number> => {
  const store = memoryDlq()
  await put(store, ...bodies(placed, placed, placed))
  await store.discard({ filter: { id: '1' }, by: 'me', note: '' })()
  const run = await dryRun(store, filter)(orders)()
  return run._tag === 'Right' ? run.right.total : NaN
}

dry('explains the dead alone, as only they are replayed, unless it is asked for others', async () => {
  const totals = [
    await explainedOf({}),
    await explainedOf({ id: ['1', '2'] }),
    await explainedOf({ state: 'discarded' })
  ]
  assert.equal(totals, [2, 1, 1])
})

dry('explains the dead alone also where the filter has a state that is undefined', async () => {
  assert.is(await explainedOf({ state: undefined }), 2)
})

dry('says that there is nothing', async () => {
  assert.is((await explained(orders)).text, 'no letters')
})

dry('answers Left when the store cannot be read', async () => {
  const unreadable: DeadLetterStore = {
    ...memoryDlq(),
    page: () => async () => left({ reason: 'it is locked' })
  }
  assert.equal(await dryRun(unreadable)(orders)(), left({ reason: 'it is locked' }))
})

dry('shows what a terminal would act on escaped', () => {
  const shown = renderDryRun({
    total: 2,
    taken: [{ route: 'a\u001b[2J', count: 1 }],
    refused: [{ route: 'b\n', reason: 'c\u202e', count: 1, example: '0123456789abcdef' }],
    opaque: 0
  })
  assert.is(
    shown,
    `1 of 2 would be taken by a\\u001b[2J
1 of 2 would be refused by b\\u000a: c\\u202e (0123456789)`
  )
})

dry.run()
