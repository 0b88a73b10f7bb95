/** Filters of every kind, what each of them means, and letters that differ in all that filters ask for. */
import { defect, malformed, noMatch, rejected } from '../core/failure.js'
import type { DeadLetter, StoredLetter } from '../core/letter.js'
import type { LetterFilter } from '../ports/letters.js'
import {
  type Bench,
  attempt,
  expectEqual,
  held,
  identityOf,
  ids,
  letter,
  theLetter,
  utf8
} from './store-law.js'

// model

/** A filter, and which letters it means. */
export interface Case {
  readonly filter: LetterFilter
  readonly isMeant: (letter: StoredLetter) => boolean
}

// filters

/** Filters, and what they mean of these letters. */
export const casesOf = (stored: readonly StoredLetter[]): readonly Case[] => {
  const expected = (filter: LetterFilter, isMeant: (letter: StoredLetter) => boolean) => ({
    filter,
    isMeant
  })
  const keyOf = (id: string): string => stored.find((each) => each.id === id)?.key ?? ''
  const fingerprintOf = (id: string): string => stored.find((each) => each.id === id)?.fingerprint ?? ''
  const isOneOf =
    (...ids: readonly string[]) =>
    ({ id }: StoredLetter) =>
      ids.includes(id)
  const middle = stored.find(({ id }) => id === 'd')?.lastSeenAt ?? 0
  return [
    expected({}, () => true),
    expected({ tag: 'Rejected' }, ({ failure }) => failure._tag === 'Rejected'),
    expected({ tag: ['Malformed', 'NoMatch'] }, ({ failure }) => /^(?:Mal|NoM)/.test(failure._tag)),
    ...['key', 'id', 'source', 'tag', 'route', 'fingerprint', 'state'].map((name) =>
      expected({ [name]: [] }, () => false)
    ),
    expected({ route: 'order' }, ({ route }) => route === 'order'),
    expected({ route: null }, ({ route }) => route === undefined),
    expected({ route: ['refund', null] }, ({ route }) => route === undefined || route === 'refund'),
    expected({ source: 'web' }, ({ source }) => source === 'web'),
    expected({ source: ['web', 'none'] }, ({ source }) => source === 'web'),
    expected({ id: 'twin' }, isOneOf('twin')),
    expected({ id: ['a', 'twin', 'nobody'] }, isOneOf('a', 'twin')),
    expected({ key: keyOf('a') }, isOneOf('a')),
    expected({ key: keyOf('a').slice(0, 12).toUpperCase() }, isOneOf('a')),
    expected({ key: [keyOf('a').slice(0, 12), keyOf('b')] }, isOneOf('a', 'b')),
    expected({ key: `${keyOf('a')}0` }, () => false),
    expected({ key: '%' }, () => false),
    expected({ key: keyOf('a').slice(1) }, () => false),
    expected({ fingerprint: fingerprintOf('b').slice(1) }, () => false),
    expected({ key: keyOf('a').slice(0, 12), id: 'b' }, () => false),
    expected({ fingerprint: fingerprintOf('a') }, isOneOf('a', 'twin', 'leased', 'given up')),
    expected({ fingerprint: fingerprintOf('b').slice(0, 8) }, isOneOf('b')),
    expected(
      { fingerprint: [fingerprintOf('b'), fingerprintOf('c').slice(0, 8).toUpperCase()] },
      isOneOf('b', 'c')
    ),
    expected({ state: 'dead' }, ({ state }) => state === 'dead'),
    expected({ state: 'replaying' }, isOneOf('leased')),
    expected({ state: 'resolved' }, isOneOf('done')),
    expected({ state: ['discarded', 'resolved'] }, isOneOf('given up', 'done')),
    expected({ seenFrom: middle }, ({ lastSeenAt }) => lastSeenAt >= middle),
    expected({ seenBefore: middle }, ({ lastSeenAt }) => lastSeenAt < middle),
    expected({ seenFrom: middle, seenBefore: middle + 1 }, ({ lastSeenAt }) => lastSeenAt === middle),
    expected({ minAttempts: 2 }, ({ attemptCount }) => attemptCount >= 2),
    expected({ maxAttempts: 1 }, ({ attemptCount }) => attemptCount <= 1),
    expected({ minAttempts: 2, maxAttempts: 2 }, isOneOf('b')),
    expected({ minAttempts: 60, maxAttempts: 60 }, isOneOf('back')),
    expected({ headers: { tenant: 'a' } }, isOneOf('a', 'c')),
    expected({ headers: { TENANT: ['a', 'b'] } }, isOneOf('a', 'b', 'c')),
    expected({ headers: { tenant: 'a', 'x-region': 'eu' } }, isOneOf('c')),
    expected({ headers: { tenant: "a' OR '1'='1" } }, () => false),
    expected({ headers: { tenant: [] } }, () => false),
    expected({ fields: { 'customer.id': 17 } }, isOneOf('a', 'marked')),
    expected({ fields: { 'customer.id': '17' } }, isOneOf('b')),
    expected({ fields: { 'customer.id': 'edited' } }, isOneOf('back')),
    expected({ fields: { 'customer.id': 'original' } }, () => false),
    expected({ fields: { 'customer.id': [17, '17'] } }, isOneOf('a', 'b', 'marked')),
    expected({ fields: { 'customer.id': null } }, isOneOf('c')),
    expected({ fields: { 'customer.vip': false } }, isOneOf('a')),
    expected({ fields: { 'customer.name': 'Zoë "Z"' } }, isOneOf('b')),
    expected({ fields: { 'items.1.price': 2.5 } }, isOneOf('a')),
    expected({ fields: { customer: 'a' } }, () => false),
    expected({ fields: { 'customer.missing': null } }, () => false),
    expected({ fields: { 'constructor.name': 'Object' } }, () => false),
    expected({ fields: { 'customer.id': 17, 'customer.vip': false } }, isOneOf('a')),
    expected({ fields: { name: '\ufffd' } }, () => false),
    expected({ source: 'web', route: 'order', state: 'dead' }, isOneOf('b', 'twin')),
    expected({ tag: 'Rejected', headers: { tenant: 'a' } }, isOneOf('a')),
    expected(
      { tag: 'Rejected', fields: { 'customer.id': [17, '17'] }, minAttempts: 1 },
      isOneOf('a', 'marked')
    ),
    expected({ route: null, seenBefore: middle, maxAttempts: 5, key: keyOf('c') }, isOneOf('c')),
    expected({ id: 'a', tag: undefined, route: undefined, seenFrom: undefined }, isOneOf('a'))
  ]
}

/** Those by which dead letters can be claimed and discarded. */
export const actingCasesOf = (stored: readonly StoredLetter[]): readonly Case[] =>
  casesOf(stored)
    .filter(({ filter }) => (filter.state ?? 'dead') === 'dead' && !Object.values(filter).includes(undefined))
    .map(({ filter, isMeant }) => ({ filter, isMeant: (each) => each.state === 'dead' && isMeant(each) }))

// letters

/** Letters that differ in all that filters ask for, one a minute. */
export const putLettersToFilter = async ({ ask, clock }: Bench): Promise<void> => {
  const json = (value: unknown) => utf8(JSON.stringify(value))
  const invalid = Uint8Array.from([...utf8('{"name":"'), 0xff, ...utf8('"}')])
  const first: readonly Partial<DeadLetter>[] = [
    {
      id: 'a',
      headers: { Tenant: 'a' },
      bytes: json({ customer: { id: 17, vip: false }, items: [{}, { price: 2.5 }] })
    },
    {
      id: 'b',
      source: 'web',
      failure: malformed([{ path: '.total', message: 'expected number' }]),
      attempts: [attempt(1), attempt(2)],
      headers: { tenant: 'b' },
      bytes: json({ customer: { id: '17', name: 'Zoë "Z"' } })
    },
    {
      id: 'c',
      route: undefined,
      failure: noMatch([{ route: 'order', reason: 'no' }]),
      headers: { tenant: 'a', 'X-Region': 'eu' },
      bytes: json({ customer: { id: null } })
    },
    { id: 'back', route: 'refund', headers: {}, bytes: json({ customer: { id: 'original' } }) },
    {
      id: 'd',
      route: 'refund',
      failure: defect('the handler of refund', new Error('boom')),
      attempts: [attempt(1), attempt(2), attempt(3)],
      headers: {},
      bytes: utf8('not JSON')
    }
  ]
  const second: readonly Partial<DeadLetter>[] = [
    { id: 'twin', source: 'web', headers: {}, bytes: json('one') },
    { id: 'twin', source: 'web', headers: {}, bytes: json('two') },
    { id: 'marked', route: 'refund', headers: {}, bytes: utf8('\ufeff{"customer":{"id":17}}') },
    { id: 'no text', route: 'refund', headers: {}, bytes: invalid },
    { id: 'leased', headers: {}, bytes: json([]) },
    { id: 'done', failure: rejected('early'), bytes: json({ customer: { id: 17 } }) },
    { id: 'given up', bytes: json({ customer: { id: 17 } }) }
  ]
  for (const each of [...first, ...second]) {
    await ask.put(letter(each))
    clock.pass(60_000)
  }
  const { key, bytes } = await theLetter(ask, 'back')
  await ask.edit({ key, id: 'back', from: bytes, to: json({ customer: { id: 'edited' } }), by: 'ann' })
  const attempts = ids(59).map((id) => attempt(100 + Number(id)))
  await ask.put(letter({ ...first[3], attempts }))
  await held(ask, 'leased', 24 * hourMs)
  await ask.resolve(identityOf(letter(second[5])))
  await ask.discard({ filter: { id: 'given up' }, by: 'ann', note: 'no use' })
  for (const state of ['replaying', 'resolved', 'discarded'] as const)
    expectEqual(`the letters by their ids: ${state}`, await ask.count({ state }), 1)
}

// helpers

const hourMs = 3_600_000
