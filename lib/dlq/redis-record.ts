/** Letters as they lie in Redis: the text of a row, and the entry of an index, which tells what most filters ask. */
import { hash } from 'node:crypto'
import type { LetterState } from '../core/letter.js'
import type { Row } from './row.js'

// model

/** A row that is there. Its bytes may be left unread. */
export interface Stored {
  /** The number that it got when it arrived. */
  readonly seq: number
  /** What its index says of it. It differs after each change, and so tells whether there was one. */
  readonly index: string
  readonly version: number
  readonly bytesSize: number
  /** -1 without an original. */
  readonly originalSize: number
  readonly row: Row
}

/** What an index tells without its row being read. */
export interface Entry {
  readonly seq: number
  readonly state: LetterState
  readonly kind: string
  readonly firstSeenAt: number
  readonly lastSeenAt: number
  readonly attemptCount: number
  /** Of bytes and original together. */
  readonly size: number
  /** Of all that is read with the row, about: with bytes and original, and the texts of failures and headers. */
  readonly weight: number
  readonly idHash: string
  /** Has it what is taken away of a settled letter in time? */
  readonly isFull: boolean
  readonly member: string
}

/** What letters of one source with failures of one kind have in common. */
export type Kind = Pick<Row, 'source' | 'fingerprint' | 'tag' | 'route' | 'summary'>

export const states: readonly LetterState[] = ['dead', 'replaying', 'resolved', 'discarded']

/** Stands in for bytes that were not read. As long as a row has it, its bytes stay. */
export const unread: Uint8Array = new Uint8Array()

// writing

export interface Written {
  readonly index: string
  readonly text: string
  readonly leaseUntil: number | null
}

/** `before`: the row as it is there, whose bytes stay where they are the same. */
export const writtenOf = (row: Row, before?: Stored): Written => {
  const isKept = row.bytes === before?.row.bytes
  const isOriginalKept = before !== undefined && row.original === before.row.original
  const bytesSize = isKept ? before.bytesSize : row.bytes.length
  const originalSize = isOriginalKept ? before.originalSize : (row.original?.length ?? -1)
  const version = (before?.version ?? 0) + 1
  const leaseUntil = finite(row.leaseUntil)
  const { firstSeenAt, lastSeenAt, attemptCount } = row
  const size = bytesSize + Math.max(0, originalSize)
  const small = [
    row.source,
    row.id,
    row.tag,
    row.route,
    row.fingerprint,
    row.summary,
    row.times,
    row.deliveryCount,
    row.receivedAt,
    row.owner,
    row.token,
    leaseUntil,
    bytesSize,
    originalSize
  ]
  const lines = [JSON.stringify(small), row.headers, row.failure, row.fault ?? '', row.attempts, row.events]
  const weight = lines.reduce((sum, line) => sum + line.length, size)
  const isFull = bytesSize > 0 || originalSize >= 0 || row.headers !== '{}'
  const seen = [firstSeenAt, lastSeenAt, attemptCount]
  const told = [kindIdOf(row), ...seen, size, weight, idHashOf(row.id), isFull ? 1 : 0]
  const index = [version, ...told].join(' ')
  const text = [row.key, `${row.state} ${index}`, ...lines].join('\n')
  return { index, text, leaseUntil }
}

export const memberOf = (seq: number, index: string): string => `${seq} ${index}`

export const kindIdOf = ({ source, fingerprint }: Kind): string =>
  hash('sha256', `${fingerprint} ${source}`).slice(0, 16)

export const kindText = ({ source, fingerprint, tag, route, summary }: Kind): string =>
  JSON.stringify([source, fingerprint, tag, route, summary])

/** Enough of an id to find it again among others; what is found has to be looked at. */
export const idHashOf = (id: string): string => hash('sha256', id).slice(0, 8)

// reading

/** Throws if it was not written by this library, or if somebody has removed its bytes: it would be an empty letter. */
export const storedOf = (seq: number, text: string, bytes: Found, original: Found): Stored => {
  const stored = readOf(seq, text, bytes, original)
  const { bytesSize, originalSize, row } = stored
  if ((bytes === null && bytesSize > 0) || (original === null && originalSize > 0))
    throw new Error(
      `letter ${row.key}: its bytes are gone from Redis; bring them back from a copy, or discard it`
    )
  return stored
}

export const entryOf = (state: LetterState, member: string): Entry => {
  const [seq, , kind = '', firstSeenAt, lastSeenAt, attemptCount, size, weight, idHash = '', full] =
    member.split(' ')
  return {
    seq: Number(seq),
    state,
    kind,
    firstSeenAt: Number(firstSeenAt),
    lastSeenAt: Number(lastSeenAt),
    attemptCount: Number(attemptCount),
    size: Number(size),
    weight: Number(weight),
    idHash,
    isFull: full === '1',
    member
  }
}

/** The entry that a row has in its index. */
export const entryOfStored = ({ seq, index, row }: Stored): Entry => entryOf(row.state, memberOf(seq, index))

export const kindOfText = (text: string | null | undefined): Kind => {
  const [source, fingerprint, tag, route, summary] = JSON.parse(text ?? unknownKind) as readonly [
    string,
    string,
    Row['tag'],
    string | null,
    string
  ]
  return { source, fingerprint, tag, route, summary }
}

// helpers

/** `undefined` where it was not asked for, `null` where there is none. */
type Found = Uint8Array | null | undefined

const readOf = (seq: number, text: string, bytes: Found, original: Found): Stored => {
  const [
    key = '',
    head = '',
    small = '',
    headers = '',
    failure = '',
    fault = '',
    attempts = '',
    events = ''
  ] = text.split('\n')
  try {
    const space = head.indexOf(' ')
    const index = head.slice(space + 1)
    const [version, , firstSeenAt, lastSeenAt, attemptCount] = index.split(' ').map(Number)
    const [source, id, tag, route, fingerprint, summary, ...rest] = JSON.parse(small) as Small
    const [times, deliveryCount, receivedAt, owner, token, leaseUntil, bytesSize, originalSize] = rest
    return {
      seq,
      index,
      version: version as number,
      bytesSize,
      originalSize,
      row: {
        key,
        source,
        id,
        state: head.slice(0, space) as LetterState,
        tag,
        route,
        fingerprint,
        summary,
        firstSeenAt: firstSeenAt as number,
        lastSeenAt: lastSeenAt as number,
        times,
        attemptCount: attemptCount as number,
        deliveryCount,
        receivedAt,
        owner,
        token,
        leaseUntil,
        headers,
        failure,
        fault: fault === '' ? null : fault,
        attempts,
        events,
        bytes: bytes === undefined ? unread : (bytes ?? new Uint8Array()),
        original: originalSize < 0 ? null : original === undefined ? unread : (original ?? new Uint8Array())
      }
    }
  } catch {
    throw new Error(`letter ${key.slice(0, 40)}: its row cannot be read: ${small.slice(0, 200)}`)
  }
}

type Small = readonly [
  source: string,
  id: string,
  tag: Row['tag'],
  route: string | null,
  fingerprint: string,
  summary: string,
  times: number,
  deliveryCount: number,
  receivedAt: number,
  owner: string | null,
  token: string | null,
  leaseUntil: number | null,
  bytesSize: number,
  originalSize: number
]

const unknownKind = JSON.stringify([
  'unknown',
  '',
  'Defect',
  null,
  'the kind of failure was removed from Redis'
])

/** JSON has no other numbers: a lease without an end is one for all times. */
const finite = (value: number | null): number | null =>
  value === null || Number.isFinite(value) ? value : value === Infinity ? Number.MAX_SAFE_INTEGER : 0
