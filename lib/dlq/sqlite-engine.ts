/** An engine on a queue's file. */
import { randomUUID } from 'node:crypto'
import type { Database } from 'better-sqlite3'
import { capture } from '../core/captured.js'
import type { Arrivals, LetterGroup, LetterName, LetterQuery } from '../ports/letters.js'
import { isOfOneRow } from '../sqlite/errors.js'
import { type Decide, editing, kept, recalling, renewing, resolving, settling } from './decisions.js'
import { type Engine, type RowPage, cursor, cursorOf, defaultLimit, hourMs, maxPageBytes } from './engine.js'
import type { Row } from './row.js'
import { pruning } from './sqlite-prune.js'
import { type Numbers, type Value, all, hintFor, seqsOf, whereOf } from './sqlite-query.js'
import { statementsOf } from './sqlite-rows.js'
import { settingsOf } from './sqlite-schema.js'
import { claimed, discarded, expired, putAgain } from './transitions.js'

export const sqliteEngine = (database: Database): Engine => {
  const settings = settingsOf(database)
  const { keepSettledMs = 0 } = settings
  const rows = statementsOf(database)
  const decided = <A>(name: LetterName, decide: Decide<A>): A => {
    const row = rows.of(name)
    const { answer, after } = decide(row)
    if (row !== undefined && after !== undefined) rows.update(row, after)
    return answer
  }

  /** One transaction for all of it, begun as a writer's, so that it waits for others before it reads. */
  const written = <A>(write: () => A): A => {
    rows.forgetKinds()
    return database.transaction(write).immediate()
  }

  const selectExpired = database
    .prepare<[number], number>("SELECT seq FROM letters WHERE state = 'replaying' AND leaseUntil <= ?")
    .pluck()

  /** Leases that ended by themselves leave dead letters. */
  const reap = (now: number): void => {
    if (selectExpired.get(now) === undefined) return
    written(() => {
      for (const seq of selectExpired.all(now)) {
        const row = rows.at(seq)
        rows.update(row, expired(row))
      }
    })
  }

  const numbers: Numbers = ({ text, values }) =>
    database
      .prepare<Value[], number>(text)
      .pluck()
      .all(...values)

  /** So many letters of a query, and the last one there was when it was asked for the first time. */
  const sought = ({ filter = {}, order, after }: LetterQuery, limit: number) => {
    const [newest = 0] = numbers({ text: 'SELECT coalesce(max(seq), 0) FROM letters', values: [] })
    const { position, last } = cursorOf(after, newest)
    const isNewest = order === 'newest'
    const bounds = all([
      { text: 'seq <= ?', values: [last] },
      ...(position === undefined ? [] : [{ text: isNewest ? 'seq < ?' : 'seq > ?', values: [position] }])
    ])
    return { seqs: seqsOf(numbers, filter, bounds, { isNewest, limit }), last }
  }

  const select = (query: LetterQuery): RowPage => {
    const { limit = defaultLimit } = query
    const { seqs, last } = sought(query, limit + 1)
    const found: Row[] = []
    let bytes = 0
    for (const seq of seqs.slice(0, limit)) {
      const row = rows.at(seq)
      const size = row.bytes.length + (row.original?.length ?? 0)
      if (found.length > 0 && bytes + size > maxPageBytes) break
      bytes += size
      found.push(row)
    }
    const end = found.length < seqs.length ? seqs[found.length - 1] : undefined
    return { rows: found, next: end === undefined ? undefined : cursor(end, last) }
  }

  return {
    put: (put) =>
      written(() =>
        put.map((row) => {
          try {
            const before = rows.insertNew({ ...row, owner: null, token: null, leaseUntil: null })
            if (before !== undefined) rows.update(before, putAgain(before, row))
            return undefined
          } catch (error) {
            // A fault of this letter alone has undone its own statement; any other has ended the transaction.
            if (!database.inTransaction || !isOfOneRow(error)) throw error
            return capture(error).message
          }
        })
      ),
    recall: (name, now) => {
      // Most messages that are brought back have no letter, and then nobody is to be locked out.
      if (rows.of(name) === undefined) return undefined
      reap(now)
      return written(() => decided(name, recalling(now)))
    },
    resolve: (name, by, now) => {
      reap(now)
      written(() => decided(name, resolving(by, now, keepSettledMs)))
    },
    page: (query, now) => {
      reap(now)
      return database.transaction(() => select(query))()
    },
    groups: (filter, limit, now) => {
      reap(now)
      const { text, values } = whereOf(filter)
      return database
        .prepare(
          `SELECT fingerprint, tag, route, summary AS message, sum(letters) AS count,
             min(firstSeenAt) AS firstSeenAt, max(lastSeenAt) AS lastSeenAt
           FROM (
             SELECT kind, count(*) AS letters, min(firstSeenAt) AS firstSeenAt, max(lastSeenAt) AS lastSeenAt
             FROM letters ${hintFor(filter)} WHERE ${text} GROUP BY state, kind
           ) JOIN kinds USING (kind)
           GROUP BY fingerprint ORDER BY count DESC, fingerprint LIMIT ?`
        )
        .all(...values, limit)
        .map((group) => ({ ...(group as LetterGroup), route: (group as LetterGroup).route ?? undefined }))
    },
    count: (filter, now) => {
      reap(now)
      const { text, values } = whereOf(filter)
      const [count = 0] = numbers({
        text: `SELECT count(*) FROM letters ${hintFor(filter)} WHERE ${text}`,
        values
      })
      return count
    },
    arrivals: (filter, now) => {
      reap(now)
      const { text, values } = whereOf(filter)
      return database
        .prepare(
          `SELECT firstSeenAt / ${hourMs} * ${hourMs} AS hour, count(*) AS count
           FROM letters ${hintFor(filter)} WHERE ${text} GROUP BY 1 ORDER BY 1`
        )
        .all(...values) as readonly Arrivals[]
    },
    claim: ({ owner, leaseMs, filter, ...query }, now) => {
      reap(now)
      return written(() => {
        const { rows: dead, next } = select({ ...query, filter: { ...filter, state: 'dead' } })
        const leased = dead.map((row) => {
          const after = claimed(row, randomUUID(), owner, now + leaseMs)
          rows.update(row, after)
          return after
        })
        return { rows: leased, next }
      })
    },
    renew: (held, until) => written(() => held.map((one) => decided(one, renewing(one.token, until)))),
    settle: (replayed, now) =>
      written(() => replayed.map((one) => decided(one, settling(one, now, keepSettledMs)))),
    edit: (edit, now) => {
      reap(now)
      return written(() => decided(edit, editing(edit, now)))
    },
    discard: (query, by, note, now) => {
      reap(now)
      return written(() => {
        const { limit = defaultLimit } = query
        const { seqs, last } = sought({ ...query, filter: { ...query.filter, state: 'dead' } }, limit)
        for (const seq of seqs) {
          const row = rows.at(seq)
          rows.update(row, kept(discarded(row, by, note, now), keepSettledMs))
        }
        const end = seqs[limit - 1]
        return { count: seqs.length, next: end === undefined ? undefined : cursor(end, last) }
      })
    },
    add: (added) =>
      written(() => added.map((row) => (rows.insertNew(row) === undefined ? 'added' : 'present'))),
    prune: (retention, now) => {
      reap(now)
      return pruning({ database, rows, written }, { ...settings, ...retention }, now)
    }
  }
}
