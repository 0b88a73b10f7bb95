/** Laws of bearing what letters hold: secrets, buffers that are used again, failures without end. */
import type { StoredLetter } from '../core/letter.js'
import type { DeadLetterStore, Held, Replayed } from '../ports/letters.js'
import { badFields, hostileFailures } from './odd-letters.js'
import {
  type Law,
  allOf,
  answerOf,
  attempt,
  expect,
  expectEqual,
  idsOf,
  law,
  letter,
  theLetter,
  utf8
} from './store-law.js'

export const bearingLaws: readonly Law[] = [
  law('does not store the values of headers that let somebody in', async ({ ask }) => {
    const names = ['Authorization', 'cookie', 'Set-Cookie', 'x-hub-signature-256', 'X-Api-Key', 'x-secret']
    const secrets = Object.fromEntries(names.map((name) => [name, 'let me in']))
    await ask.put(letter({ headers: { ...secrets, tenant: 'a' } }))
    const { headers } = await theLetter(ask)
    expect('no value of these headers', !Object.values(headers).includes('let me in'), headers)
    expectEqual('another header', headers.tenant, 'a')
  }),

  law('keeps bytes that their owner writes over once they are stored', async ({ ask }) => {
    const buffer = utf8('before, {"total":3}, after')
    await ask.put(letter({ bytes: buffer.subarray(8, 19) }))
    buffer.fill(0)
    const read = await theLetter(ask)
    expectEqual('the bytes', read.bytes, utf8('{"total":3}'))
    read.bytes.fill(0)
    expectEqual('the bytes after a reader wrote over them', (await theLetter(ask)).bytes, utf8('{"total":3}'))
    const to = utf8('edited')
    await ask.edit({ key: read.key, id: '1', from: utf8('{"total":3}'), to, by: 'ann' })
    to.fill(0)
    const { original } = await theLetter(ask)
    original?.fill(0)
    const edited = await theLetter(ask)
    const both = [edited.bytes, edited.original]
    expectEqual('bytes and original after all wrote over them', both, [utf8('edited'), utf8('{"total":3}')])
  }),

  law('keeps the newest 50 attempts of a letter, and counts all', async ({ ask }) => {
    const starts = Array.from({ length: 60 }, (_, index) => index)
    for (const start of starts) await ask.put(letter({}, start))
    const attempts = (from: number) => starts.map((start) => attempt(from + start))
    for (const from of [100, 200]) await ask.put(letter({ id: '2', attempts: attempts(from) }))
    await ask.put(letter({ id: '3', attempts: attempts(300) }))
    const [one, other] = [await theLetter(ask, '1'), await theLetter(ask, '2')]
    expectEqual('attempts put at once', (await theLetter(ask, '3')).attempts, attempts(300).slice(-50))
    expectEqual('attempts put one by one', one.attempts, attempts(0).slice(-50))
    expectEqual('times and attempts put one by one', [one.times, one.attemptCount], [60, 60])
    expectEqual('attempts put together', other.attempts, attempts(200).slice(-50))
    expectEqual('times and attempts put together', [other.times, other.attemptCount], [2, 120])
  }),

  law('keeps failures that hold anything, bounded, and can give them back', async ({ store, ask }) => {
    const failures = hostileFailures()
    const problems: string[] = []
    for (const [index, failure] of failures.entries()) {
      const id = `failure ${index}`
      await ask.put(letter({ id, failure, fault: failure }))
      const attempts = [attempt(2, failure)]
      const replayed = {
        ...(await leased(store, id)),
        result: { _tag: 'Failed', failure, route: 'order', attempts }
      }
      await ask.settle([replayed as Replayed])
      const page = await answerOf('page', () => store.page({ filter: { id } }))
      const [found] = page._tag === 'Right' ? page.right.letters : []
      if (page._tag === 'Left') problems.push(`${id}: ${page.left.reason.slice(0, 200)}`)
      else if (found?.failure._tag !== failure._tag) problems.push(`${id} is ${found?.failure._tag}`)
      else if (sizeOf(found) > 800_000) problems.push(`${id} has ${sizeOf(found)} characters`)
    }
    expectEqual('problems', problems, [])
  }),

  law('stays readable whatever it is given, and rejects nothing', async ({ store, ask }) => {
    await ask.put(letter({ id: 'good' }))
    const good = await theLetter(ask, 'good')
    const problems: string[] = []
    for (const [index, fields] of badFields.entries()) {
      const [id, key] = [`bad ${index}`, String(index).padStart(40, '0')]
      await answerOf('put', () => store.put({ ...letter({ id }), ...fields }))
      await answerOf('add', () => store.add([{ ...good, id: `added ${index}`, key, ...fields }]))
      for (const each of [id, `added ${index}`]) {
        const page = await answerOf('page', () => store.page({ filter: { id: each } }))
        if (page._tag === 'Left') problems.push(`${each}: ${page.left.reason.slice(0, 200)}`)
      }
    }
    expectEqual('problems', problems, [])
    const found = idsOf(await allOf(ask))
    expect('the letter that was good', found.includes('good'), found)
    await ask.put(letter({ id: 'next' }))
    expectEqual('the letter that was put next', (await theLetter(ask, 'next')).times, 1)
  })
]

// helpers

const sizeOf = ({ failure, fault, attempts }: StoredLetter): number =>
  JSON.stringify([failure, fault, attempts]).length

/** A lease on a letter, or on none where it cannot be read. */
const leased = async (store: DeadLetterStore, id: string): Promise<Held> => {
  const claimed = await answerOf('claim', () =>
    store.claim({ owner: 'ann', leaseMs: 60_000, filter: { id } })
  )
  const [found] = claimed._tag === 'Right' ? claimed.right.letters : []
  return { key: found?.key ?? '', id, token: found?.lease?.token ?? '' }
}
