/** A store of idempotency in an SQLite file, for the processes of one machine. */
import { resolve } from 'node:path'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Clock } from '../core/clock.js'
import { left, right } from '../core/result.js'
import type { IdempotencyError, IdempotencyState, IdempotencyStore } from '../ports/idempotency.js'
import { Resource, type ResourceError, resourceError } from '../ports/resource.js'
import { sleep } from '../ports/waiting.js'
import { refusePatience } from '../sqlite/patience.js'
import { type Thread, threadFlaw, threadOf } from '../sqlite/thread.js'
import { systemClock } from '../system.js'
import { dayMs, mistakeIn, refusalOf } from './entry.js'
import { type Batches, batches } from './sqlite-batches.js'
import type { Answer, Asked } from './sqlite-engine.js'
import type { Calls } from './sqlite-host.js'

// model

/** How much is remembered, how long, and how long a locked file is waited for. */
export interface SqliteIdempotencyOptions {
  /** How long it remembers what is finished, in milliseconds. A day by default. */
  readonly ttlMs?: number
  /** How many keys it holds, in flight and finished. A million by default. */
  readonly maxKeys?: number
  /** How long to wait while other processes hold the file locked, in milliseconds. 5 s by default. */
  readonly patienceMs?: number
  /** Whose `now` the processes share. */
  readonly clock?: Clock
}

// constructors

/**
 * Remembers in the file at `path` what was done, for all processes of this machine that open it; made if it is
 * missing, readable by its owner alone, and no dead letter queue's. `begin` is one step of one transaction, and what
 * is asked at the same time shares one. The file is written in a thread of its own, so that no disk and no lock holds
 * up the event loop; where it stays locked, full or unwritable, answers are `Left` with what to do, and what was
 * asked may have been done or not.
 *
 * It is written with `synchronous=NORMAL`: a crash of the process loses nothing, a power cut may lose the last
 * marks, and what lost its mark may be done again. Where `maxKeys` are held, what is finished is forgotten, the oldest
 * first; what is in flight never is, and `begin` is `Left` when that is all. What has expired is removed a few at a
 * time, as others begin.
 *
 * Leases end by the machine's clock, which processes share. Set forward, it ends leases and memories early, and
 * duplicates become possible; set back, a lease is counted anew when somebody next asks for its key.
 *
 * @example
 * const answers = pipe(
 *   sqliteIdempotency('once.db'),
 *   Resource.use((store) => async () => {
 *     const claim = { key: 'order 17', fingerprint: 'a1', token: 'ann', leaseMs: 60_000 }
 *     const begun = await store.begin(claim)()
 *     await store.finish({ key: 'order 17', token: 'ann', result: 'paid' })()
 *     return [begun, await store.begin({ ...claim, token: 'bob' })()]
 *   })
 * )
 * const states = [right({ _tag: 'Begun' }), right({ _tag: 'Finished', result: 'paid' })]
 * assert.equal(await answers(), right(states))
 *
 * @throws RangeError if a number makes no sense
 * @since 0.1.0
 */
export const sqliteIdempotency = (
  path: string,
  options: SqliteIdempotencyOptions = {}
): Resource<IdempotencyStore> => {
  const { ttlMs = dayMs, maxKeys = 1_000_000, patienceMs = 5_000, clock = systemClock } = options
  const mistake = mistakeIn({ ttlMs, maxKeys })
  if (mistake !== undefined) throw new RangeError(`sqliteIdempotency: ${mistake}`)
  refusePatience('sqliteIdempotency', options)
  const location = resolve(path)
  return Resource.map(({ store }: Opened) => store)(
    Resource.make(
      'sqliteIdempotency',
      async () => {
        const flaw = threadFlaw(threadFile)
        if (flaw !== undefined) return left(resourceError('sqliteIdempotency', flaw))
        const thread = threadOf<Calls>(threadFile, 'the store', { location, ttlMs, maxKeys })
        const refusal = await refusalBy(thread, patienceMs)
        if (refusal !== undefined) {
          await thread.close()
          return left(refusal)
        }
        // Asked at the last moment, so that no wait for a lock makes it old.
        const doAll = (asked: readonly Asked[]) => thread.ask('all', [asked, clock.now()])
        const queue = batches(location, doAll, patienceMs, systemClock)
        return right({
          store: storeOver(location, queue),
          close: async () => {
            await queue.close()
            await thread.close()
          }
        })
      },
      ({ close }) => close()
    )
  )
}

// helpers

const threadFile = 'idempotency/sqlite-worker'

interface Opened {
  readonly store: IdempotencyStore
  readonly close: () => Promise<void>
}

/** Opens the file, so that what cannot be used is refused at the start. */
const refusalBy = async (thread: Thread<Calls>, patienceMs: number): Promise<ResourceError | undefined> => {
  const until = systemClock.monotonic() + patienceMs
  let opened = await thread.ask('open', [])
  while (opened._tag === 'Left' && opened.left.isBusy === true && systemClock.monotonic() < until) {
    await sleep(systemClock, pauseMs, new AbortController().signal)
    opened = await thread.ask('open', [])
  }
  if (opened._tag === 'Left') return resourceError('sqliteIdempotency', opened.left.reason)
  if (opened.right !== undefined) process.emitWarning(`sqliteIdempotency: ${opened.right}`)
  return undefined
}

const pauseMs = 20

const storeOver = (location: string, { ask }: Batches): IdempotencyStore => {
  const answered = async <A extends Answer>(asked: Asked): Promise<Either<IdempotencyError, A>> => {
    const reason = refusalOf(asked)
    return reason === undefined
      ? ((await ask(asked)) as Either<IdempotencyError, A>)
      : left({ reason: `${location}: ${reason}` })
  }
  return {
    begin:
      ({ key, fingerprint, token, leaseMs }) =>
      () =>
        answered<IdempotencyState>({ name: 'begin', key, fingerprint, token, leaseMs }),
    renew:
      ({ key, token, leaseMs }) =>
      () =>
        answered<boolean>({ name: 'renew', key, token, leaseMs }),
    finish:
      ({ key, token, result }) =>
      () =>
        answered<boolean>({ name: 'finish', key, token, result }),
    abandon:
      ({ key, token }) =>
      async () => {
        const abandoned = await answered<boolean>({ name: 'abandon', key, token })
        return abandoned._tag === 'Left' ? abandoned : right(undefined)
      }
  }
}
