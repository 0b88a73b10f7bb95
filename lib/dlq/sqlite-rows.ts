/** The rows of a queue's file: read, inserted and changed one by one, in the transaction of whoever asks. */
import type { Database } from 'better-sqlite3'
import type { LetterName } from '../ports/letters.js'
import { fieldOf, headerOf } from './filter.js'
import type { Row } from './row.js'

// model

export interface Rows {
  readonly of: (name: LetterName) => Row | undefined
  readonly at: (seq: number) => Row
  /** Inserts a row, unless it is there: then gives that one. */
  readonly insertNew: (row: Row) => Row | undefined
  /** Writes what differs. */
  readonly update: (before: Row, after: Row) => void
  /** To be called when a transaction begins: the ones of a transaction that was undone are not there. */
  readonly forgetKinds: () => void
}

// constructors

export const statementsOf = (database: Database): Rows => {
  database.function(
    'field_of',
    { deterministic: true, directOnly: true },
    (bytes, path) => JSON.stringify(fieldOf(bytes as Uint8Array, String(path))) ?? null
  )
  database.function(
    'header_of',
    { deterministic: true, directOnly: true },
    (headers, name) => headerOf(String(headers), String(name)) ?? null
  )
  const selectByKey = database.prepare<[string, string], Row>(`${selectRow} WHERE id = ? AND key = ?`)
  const selectBySeq = database.prepare<[number], Row>(`${selectRow} WHERE seq = ?`)
  const insert = database.prepare(
    `INSERT INTO letters (${columns.join()}) VALUES (${columns.map(() => '?').join()}) ON CONFLICT (id, key) DO NOTHING`
  )
  const updateShort = database.prepare(updating(shortColumns))
  const updateAll = database.prepare(updating(changing))
  const selectKind = database
    .prepare<[string, string], number>('SELECT kind FROM kinds WHERE source = ? AND fingerprint = ?')
    .pluck()
  const insertKind = database.prepare(
    'INSERT INTO kinds (source, fingerprint, tag, route, summary) VALUES (?, ?, ?, ?, ?)'
  )
  const kinds = new Map<string, number>()

  const kindOf = ({ source, fingerprint, tag, route, summary }: Row): number => {
    const name = `${fingerprint} ${source}`
    const known = kinds.get(name)
    if (known !== undefined) return known
    const kind =
      selectKind.get(source, fingerprint) ??
      Number(insertKind.run(source, fingerprint, tag, route, summary).lastInsertRowid)
    kinds.set(name, kind)
    return kind
  }
  const valuesOf = (names: readonly ('kind' | keyof Row)[], row: Row): readonly unknown[] =>
    names.map((name) => (name === 'kind' ? kindOf(row) : row[name]))
  const of = ({ key, id }: LetterName): Row | undefined => selectByKey.get(id, key)
  return {
    of,
    at: (seq) => selectBySeq.get(seq) as Row,
    insertNew: (row) => (insert.run(...valuesOf(columns, row)).changes === 1 ? undefined : of(row)),
    update: (before, after) => {
      if (after === before) return
      const isShort = after.bytes === before.bytes && after.original === before.original
      if (isShort) updateShort.run(...valuesOf(shortColumns, after), after.id, after.key)
      else updateAll.run(...valuesOf(changing, after), after.id, after.key)
    },
    forgetKinds: () => kinds.clear()
  }
}

// helpers

const shortColumns = [
  'kind',
  'state',
  'lastSeenAt',
  'times',
  'attemptCount',
  'deliveryCount',
  'receivedAt',
  'owner',
  'token',
  'leaseUntil',
  'headers',
  'failure',
  'fault',
  'attempts',
  'events'
] as const

const changing = [...shortColumns, 'original', 'bytes'] as const

const columns = ['key', 'id', 'firstSeenAt', ...changing] as const

const updating = (names: readonly string[]): string =>
  `UPDATE letters SET ${names.map((name) => `${name} = ?`).join()} WHERE id = ? AND key = ?`

const selectRow = `
  SELECT key, source, id, state, tag, route, fingerprint, summary, firstSeenAt, lastSeenAt, times, attemptCount,
    deliveryCount, receivedAt, owner, token, leaseUntil, headers, failure, fault, attempts, events, original, bytes
  FROM letters JOIN kinds USING (kind)`
