import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { left, right } from '../../lib/core/result.js'
import { Resource, resourceError } from '../../lib/ports/resource.js'

const throwing = (what: string) => (): never => {
  throw new TypeError(what)
}

const given = async <A>(value: A) => right(value)

const errors = suite('a ResourceError')

errors('names the resource whose acquire or release threw', async () => {
  const broken = Resource.make('db', async () => throwing('no host')(), throwing('unused'))
  assert.equal(await broken.open(), left(resourceError('db', 'TypeError: no host')))
  const opened = await Resource.make('db', () => given(1), throwing('still busy')).open()
  assert.ok(opened._tag === 'Right')
  assert.equal(await opened.right.close(), left(resourceError('db', 'TypeError: still busy')))
})

errors('names the resource whose acquire gave no Either', async () => {
  const words = 'TypeError: gave something that is no Either; give right(value)'
  for (const given of [undefined, 17, {}])
    assert.equal(
      await Resource.make('db', async () => given as never, throwing('unused')).open(),
      left(resourceError('db', words))
    )
})

errors('is what acquire says itself', async () => {
  const error = resourceError('db', 'start it')
  assert.equal(error, { _tag: 'ResourceError', resource: 'db', message: 'start it' })
  assert.equal(await Resource.make('db', async () => left(error), throwing('unused')).open(), left(error))
})

errors('tells of what was made by hand, or of what was made of a resource, without its name', async () => {
  const unnamed = (what: string) => left(resourceError('resource', `TypeError: ${what}`))
  const byHand: Resource<number> = { open: throwing('cannot open') }
  const unclosed: Resource<number> = { open: () => given({ value: 1, close: throwing('cannot close') }) }
  const twice = Resource.flatMap((value: number) => Resource.of(value))
  const used = Resource.use((value: number) => async () => value)

  assert.equal(await twice(byHand).open(), unnamed('cannot open'))
  assert.equal(await used(byHand)(), unnamed('cannot open'))
  assert.equal(await used(unclosed)(), unnamed('cannot close'))
  assert.equal(await used(twice(unclosed))(), unnamed('cannot close'))
  assert.equal(await used(Resource.map(throwing('cannot map'))(Resource.of(1)))(), unnamed('cannot map'))
  assert.equal(await Resource.use(() => throwing('cannot use'))(Resource.of(1))(), unnamed('cannot use'))
})

errors('is that of the use, where closing fails as well', async () => {
  const unclosed: Resource<number> = { open: () => given({ value: 1, close: throwing('cannot close') }) }
  const used = await Resource.use(() => throwing('cannot use'))(unclosed)()
  assert.equal(used, left(resourceError('resource', 'TypeError: cannot use')))
})

errors('is none for a value that needs no closing', async () => {
  const opened = await Resource.of('value').open()
  assert.ok(opened._tag === 'Right')
  assert.equal([opened.right.value, await opened.right.close()], ['value', right(undefined)])
})

errors.run()
