import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { left, right } from '../../lib/core/result.js'
import { eachLetter } from '../../lib/dlq/each-letter.js'
import { memoryDlq } from '../../lib/dlq/memory.js'
import type { DeadLetterStore, LetterQuery } from '../../lib/ports/letters.js'
import { given, ids, put, stores } from '../support/replay-stores.js'

/** A store that tells which pages it was asked for, and the walk through it. */
const walked = async (
  store: DeadLetterStore,
  query: LetterQuery,
  during: () => Promise<void> = async () => undefined
) => {
  const log: string[] = []
  const seen: string[] = []
  const asked: DeadLetterStore = {
    ...store,
    page: (query) => {
      log.push('page')
      return store.page(query)
    }
  }
  const result = await eachLetter(asked, query, async (letters) => {
    seen.push(...letters.map(({ id }) => id))
    await during()
    log.push(`used ${letters.length}`)
  })()
  return { result, seen, log }
}

const each = suite('eachLetter')

for (const [name, withStore] of Object.entries(stores)) {
  each(`gives all letters of ${name} that a query means, page by page, and counts them`, () =>
    withStore(async (store) => {
      await put(
        store,
        ...ids(450).flatMap((id) => [{ id }, ...(id.endsWith('7') ? [{ id, source: 'other' }] : [])])
      )
      const { result, seen, log } = await walked(store, { filter: { source: 'test' } })
      assert.equal([result, seen], [right(450), ids(450)])
      assert.equal(log, ['page', 'used 200', 'page', 'used 200', 'page', 'used 50'])
    })
  )

  each(`gives of ${name} no more than the limit, in the order and from the place that is said`, () =>
    withStore(async (store) => {
      await put(store, ...ids(450).map((id) => ({ id })))
      const newest = ids(450).toReversed()
      for (const limit of [1, 200, 201, 450, 451]) {
        const { result, seen } = await walked(store, { order: 'newest', limit })
        assert.equal([result, seen], [right(Math.min(limit, 450)), newest.slice(0, limit)])
      }
      const { next } = await given(store.page({ order: 'newest', limit: 100 }))
      assert.equal(
        (await walked(store, { order: 'newest', after: next, limit: 210 })).seen,
        newest.slice(100, 310)
      )
    })
  )

  each(`gives none of the letters that come to ${name} meanwhile`, () =>
    withStore(async (store) => {
      await put(store, ...ids(201).map((id) => ({ id })))
      const { result } = await walked(store, {}, () => put(store, { id: 'new' }))
      assert.equal(result, right(201))
    })
  )
}

each('gives no letters where there are none', async () => {
  assert.equal((await walked(memoryDlq(), {})).result, right(0))
})

each('ends with what its use throws, and asks for no more pages', async () => {
  const store = memoryDlq()
  await put(store, ...ids(201).map((id) => ({ id })))
  for (const use of [
    () => {
      throw new RangeError('boom')
    },
    async () => Promise.reject(new RangeError('boom'))
  ]) {
    let pages = 0
    const asked: DeadLetterStore = {
      ...store,
      page: (query) => {
        pages += 1
        return store.page(query)
      }
    }
    assert.equal(await eachLetter(asked, {}, use)(), left({ reason: 'boom' }))
    assert.is(pages, 1)
  }
})

each('ends with what a store says that fails in the middle', async () => {
  const store = memoryDlq()
  await put(store, ...ids(201).map((id) => ({ id })))
  const full = left({ reason: 'the disk is full' })
  for (const page of [
    (): never => {
      throw new Error('the disk is full')
    },
    () => async () => full,
    () => () => Promise.reject(new Error('the disk is full'))
  ]) {
    let used = 0
    const failing: DeadLetterStore = {
      ...store,
      page: (query = {}) => (query.after === undefined ? store.page(query) : page())
    }
    const result = await eachLetter(failing, {}, (letters) => void (used += letters.length))()
    assert.equal([result, used], [full, 200])
  }
})

each.run()
