import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import {
  type BodyMatcher,
  type Json,
  type Matcher,
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
  route,
  text
} from 'missive-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

type Is<A, E> = [A] extends [E] ? ([E] extends [A] ? (0 extends 1 & A ? false : true) : false) : false

/** Compiles only where what is given is of this type, and not of any. */
const is =
  <Expected>() =>
  <Actual>(given: Actual, ..._sure: Is<Actual, Expected> extends true ? [] : [never]): Actual =>
    given

const isLarge = ({ bytes }: Message): boolean => bytes.length > 1_000
const isThree = ({ body }: Message<Json>): boolean => body === 3
const isText = (message: Message<Json>): message is Message<string> => typeof message.body === 'string'
const type = byField('type', 'order')
const event = byHeader('x-event', 'push')
const Order = t.type({ type: t.literal('order'), total: t.number })
type Order = t.TypeOf<typeof Order>

const handled = async (given: unknown) => ackWith({ note: typeof given })

const matching = suite('what handlers and predicates get of matchers put together')

matching('is what the format makes, in a pipeline', async () => {
  const asked = is<Message<Json>>()
  const onBody = async (body: Json) => handled(body)
  const onEither = async (given: Json | Message<Json>) => handled(given)
  const processor = pipe(
    receive(json),
    handle(
      route(
        and(type, (message) => asked(message).body === 1),
        async (message) => handled(asked(message))
      ),
      route(
        and((message) => asked(message).body === 2, event),
        async (body) => onBody(is<Json>()(body))
      ),
      route(
        and(type, (message) => asked(message).body === 3, Order),
        async (order) => handled(is<Order>()(order))
      ),
      route(and(type, isLarge), async (message) => handled(asked(message))),
      route(and(isLarge, type), async (body) => onBody(is<Json>()(body))),
      route(and(type, isText), async (message) => handled(is<Message<string>>()(message))),
      route(and(type, not(isLarge), event), async (body) => onBody(is<Json>()(body))),
      route(and(event, not(isLarge)), async (message) => handled(asked(message))),
      route(
        and(
          event,
          not((message) => asked(message).body === 4)
        ),
        async (message) => handled(asked(message))
      ),
      route(
        and(
          not((message) => asked(message).body === 9),
          Order
        ),
        async (order) => handled(is<Order>()(order))
      ),
      route(not(type), async (message) => handled(asked(message))),
      route(not(isLarge), async (message) => handled(asked(message))),
      route(named('large', isLarge), async (message) => handled(asked(message))),
      route(named('both', and(byField('kind', 'b'), byHeader('x-kind', 'b'))), async (body) =>
        onBody(is<Json>()(body))
      ),
      route(
        named(
          'and',
          and(type, (message) => asked(message).body === 5)
        ),
        async (message) => handled(asked(message))
      ),
      route(named('other', not(event)), async (message) => handled(asked(message))),
      route(
        named('said', (message) => asked(message).body === 6),
        async (message) => handled(asked(message))
      ),
      route(or(byField('kind', 'a'), byHeader('x-kind', 'a')), async (body) => onBody(is<Json>()(body))),
      route(
        or(type, (message) => asked(message).body === 7),
        async (given) => onEither(given)
      ),
      route(or(not(type), isLarge), async (message) => handled(asked(message))),
      route(
        or(
          Order,
          and(event, (message) => asked(message).body === 8)
        ),
        async (given) => handled(is<Order | Message<Json>>()(given))
      )
    )
  )
  assert.is((await processor(message({}))())._tag, 'Failed')

  const greeting = pipe(
    receive(text),
    handle(
      route(
        and(event, ({ body }) => body.startsWith('H')),
        async ({ body }) => ackWith({ note: body.trim() })
      )
    )
  )
  const hello = message(' Hello', { headers: { 'x-event': 'push' } })
  assert.is((await greeting(hello)())._tag, 'Failed')
})

matching('is what they say themselves, elsewhere', () => {
  const matchers = [
    is<BodyMatcher>()(and(type, event)),
    is<BodyMatcher>()(and(Order, type)),
    is<BodyMatcher>()(or(type, event)),
    is<BodyMatcher>()(or(...['a', 'b'].map((name) => byField('type', name)))),
    is<BodyMatcher>()(and(...['a', 'b'].map((name) => byHeader(name, 'yes')))),
    is<BodyMatcher>()(named('both', and(type, event))),
    is<Matcher<unknown, Message>>()(and(type, isLarge)),
    is<Matcher<unknown, Message>>()(not(type)),
    is<Matcher<Json, Message<Json>>>()(not(isThree)),
    is<Matcher<Json, Json>>()(and(isThree, type)),
    is<Matcher<Json, Message<Json>>>()(and(isLarge, isThree)),
    is<Matcher<Json, Message<string>>>()(and(type, isText)),
    is<Matcher<Json, Order>>()(and(isThree, Order)),
    is<Matcher<Json, Message<Json> | Order>>()(or(isThree, Order)),
    is<Matcher<Json, Message<Json>>>()(named('three', isThree)),
    is<Matcher<Json, Message<string>>>()(named('text', isText)),
    is<Matcher<unknown, Order>>()(named('an order', Order)),
    ofAny(isThree)
  ]
  assert.ok(matchers.every(({ _tag }) => _tag === 'Matcher'))
})

/** A function of somebody's own, for a body of any type. */
const ofAny = <B>(asked: (message: Message<B>) => boolean): Matcher<B, Message<B>> =>
  named('any', and(type, asked))

matching('is checked', () => {
  const bytesAsText = ({ body }: Message<Uint8Array>): boolean => body.length > 0
  const mistakes = [
    () =>
      pipe(
        receive(json),
        // @ts-expect-error the body is JSON
        handle(route(and(type, bytesAsText), handled))
      ),
    () =>
      pipe(
        receive(json),
        handle(
          route(
            // @ts-expect-error a predicate answers at once
            and(type, async ({ id }) => id === ''),
            handled
          )
        )
      ),
    () =>
      pipe(
        receive(json),
        // @ts-expect-error text is no matcher
        handle(route(named('order', 'order'), handled))
      )
  ]
  assert.is(mistakes.length, 3)
})

matching.run()
