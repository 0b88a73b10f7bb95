import { pipe } from 'fp-ts/lib/function.js'
import {
  type Json,
  type Message,
  ackWith,
  and,
  byField,
  byHeader,
  handle,
  json,
  message,
  named,
  not,
  or,
  receive,
  route
} from 'missive-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

type IsAny<A> = 0 extends 1 & A ? true : false

/** Compiles only where the type of what is given is known. */
const known = <A>(given: A, _isAny: IsAny<A> & false): A => given

const isLarge = ({ bytes }: Message<Json>): boolean => bytes.length > 1_000
const type = byField('type', 'order')
const event = byHeader('x-event', 'push')

const matching = suite('what handlers and predicates get of matchers put together')

matching('is never of type any', async () => {
  const handled = async (given: unknown) => ackWith({ note: typeof given })
  const processor = pipe(
    receive(json),
    handle(
      route(
        and(type, ({ body }) => known(body, false) === 1),
        async ({ body }) => handled(known(body, false))
      ),
      route(
        and(({ body }) => known(body, false) === 2, event),
        async (body) => handled(known(body, false))
      ),
      route(and(type, isLarge), async ({ body }) => handled(known(body, false))),
      route(and(type, not(isLarge), event), async (body) => handled(known(body, false))),
      route(and(event, not(isLarge)), async ({ body }) => handled(known(body, false))),
      route(and(event, not(type)), async ({ body }) => handled(known(body, false))),
      route(named('large', and(type, isLarge)), async ({ body }) => handled(known(body, false))),
      route(named('both', and(byField('kind', 'b'), byHeader('x-kind', 'b'))), async (body) =>
        handled(known(body, false))
      ),
      route(named('other', not(event)), async ({ body }) => handled(known(body, false))),
      route(
        named('said', ({ body }) => known(body, false) === 3),
        async ({ body }) => handled(known(body, false))
      ),
      route(or(byField('kind', 'a'), byHeader('x-kind', 'a')), async (body) => handled(known(body, false))),
      route(or(not(type), isLarge), async ({ body }) => handled(known(body, false)))
    )
  )
  assert.is((await processor(message({}))())._tag, 'Failed')
})

matching.run()
