import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { malformed } from '../../lib/core/failure.js'
import { type Format, json, text } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import { message } from '../../lib/core/message.js'
import { ack, ackWith, failed } from '../../lib/core/outcome.js'
import { hook, receive } from '../../lib/core/pipeline.js'
import { left, right } from '../../lib/core/result.js'
import { otherwise } from '../../lib/matchers/route.js'

const receiving = suite('receive')

receiving('decodes messages by its format', async () => {
  const processor = pipe(receive(text), handle(otherwise(async ({ body }) => ackWith({ note: body }))))
  assert.equal(await processor(message('Hello'))(), ackWith({ note: 'Hello' }))
})

receiving('takes a format of one function', async () => {
  const csv: Format<readonly string[]> = (message) => {
    const decoded = text(message)
    if (decoded._tag === 'Left') return decoded
    return decoded.right === ''
      ? left(malformed([{ path: '', message: 'empty' }]))
      : right(decoded.right.split(','))
  }
  const processor = pipe(receive(csv), handle(otherwise(async ({ body }) => ackWith({ reply: body }))))
  assert.equal(await processor(message('a,b'))(), ackWith({ reply: ['a', 'b'] }))
  assert.equal(await processor(message(''))(), failed(malformed([{ path: '', message: 'empty' }])))
})

receiving.run()

const hooking = suite('hook')

hooking('gives later hooks and handlers what it acquired, under its name', async () => {
  const processor = pipe(
    receive(json),
    hook('one', async ({ message }) => `1 for ${message.id}`),
    hook(
      'two',
      ({ one }) =>
        async () =>
          right(`2 after ${one}`)
    ),
    handle(
      otherwise(async ({ id }, { one, two, message }) => ackWith({ reply: [one, two, message.id === id] }))
    )
  )
  assert.equal(
    await processor(message('{}', { id: '17' }))(),
    ackWith({ reply: ['1 for 17', '2 after 1 for 17', true] })
  )
})

hooking('leaves the pipeline that it is added to as it was', async () => {
  const bare = receive(text)
  pipe(
    bare,
    hook('one', async () => 1)
  )
  const processor = pipe(
    bare,
    handle(otherwise(async (_, context) => ackWith({ reply: Object.keys(context) })))
  )
  assert.equal(await processor(message(''))(), ackWith({ reply: ['message'] }))
})

hooking('is a value that many pipelines can use', async () => {
  const one = hook('one', async () => 1)
  for (const format of [text, json])
    assert.equal(
      await pipe(
        receive<unknown>(format),
        one,
        handle(otherwise(async (_, { one }) => ackWith({ reply: one })))
      )(message('{}'))(),
      ackWith({ reply: 1 })
    )
})

hooking('takes any name that is not the name of another', async () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'a b', '']) {
    const given = handle(
      otherwise(async (_, context: object) =>
        ackWith({ reply: Object.getOwnPropertyDescriptor(context, name)?.value })
      )
    )
    const processor = given(hook(name, async () => 'value')(receive(text) as never) as never)
    assert.equal(await processor(message(''))(), ackWith({ reply: 'value' }), name)
  }
})

const mistake =
  (...words: readonly string[]) =>
  (error: unknown): boolean =>
    error instanceof TypeError && words.every((word) => error.message.includes(word))

hooking('refuses a name taken twice, naming both', () => {
  const one = hook('one', async () => 1)
  const two = hook('two', async () => 2)
  assert.throws(() => pipe(receive(text), one, two, one as never), mistake('hook 1', 'hook 3', "'one'"))
})

hooking("refuses the message's own name", () => {
  const named = hook('message', async () => ack)
  assert.throws(() => pipe(receive(text), named as never), mistake("'message'"))
})

hooking('is refused where it stands for nothing', () => {
  const one = hook('one', async () => 1)
  const ended = pipe(receive(text), handle(otherwise(async () => ack)))
  for (const pipeline of [ended, undefined])
    assert.throws(() => one(pipeline as never), mistake("'one'", 'between receive(...) and handle(...)'))
})

hooking.run()
