/** A dead letter queue in an SQLite file, for one machine with a disk that stays. */
import { resolve } from 'node:path'
import type { Clock } from '../core/clock.js'
import { left, right } from '../core/result.js'
import type { DeadLetterStore, Pruned, Retention } from '../ports/letters.js'
import { Resource, type ResourceError, resourceError } from '../ports/resource.js'
import { sleep } from '../ports/waiting.js'
import { loadDriver } from '../sqlite/driver.js'
import { openFile } from '../sqlite/file.js'
import { refusePatience } from '../sqlite/patience.js'
import { placeOf } from '../sqlite/place.js'
import { threadFlaw, threadOf } from '../sqlite/thread.js'
import { systemClock } from '../system.js'
import type { Engine, EngineCall } from './engine.js'
import type { Row } from './row.js'
import { batches } from './sqlite-batches.js'
import { queue, queueKeeping } from './sqlite-file.js'
import { storeOver } from './store.js'
import { refuseRetention, tidied } from './tidied.js'

// model

/** What is stored and forgotten, and how long a locked file is waited for. */
export interface SqliteDlqOptions {
  /**
   * Which headers are stored with their values; by default those that are harmless, which are all but credentials and
   * signatures.
   */
  readonly isStoredHeader?: (name: string, isHarmless: boolean) => boolean
  /** Makes the file if it is missing; by default it does. */
  readonly create?: boolean
  /** How long to wait while other processes hold the file locked, in milliseconds. 60 s by default. */
  readonly patienceMs?: number
  /**
   * What is removed as time goes on, at most once an hour, when something is written. Dead letters stay unless this
   * says so. How long settled letters and tombstones are kept is noted in the file, for whoever else opens it.
   */
  readonly retention?: Retention
  /** Told when something was removed. */
  readonly onPruned?: (pruned: Pruned) => void
  readonly clock?: Clock
}

/** A queue in a file: a store like every other. */
export type SqliteDlq = DeadLetterStore

// constructors

/**
 * A queue in the file at `path`, made if it is missing, readable by its owner alone. A letter is on the disk
 * (WAL, `synchronous=FULL`) before `put` answers; letters that come at the same time share a transaction. The file
 * is read and written in threads of its own, so that no disk and no lock holds up the event loop. Opening fails
 * if the folder is missing or on a network file system, or the file cannot be written or is no queue.
 *
 * @example
 * const path = join(mkdtempSync(join(tmpdir(), 'missive-')), 'orders.db')
 * const app = pipe(
 *   sqliteDlq(path),
 *   Resource.map((dlq) => pipe(receive(json), handle(otherwise(async () => ack)), withDlq(dlq)))
 * )
 * assert.equal((await processOne(app)(message('not JSON'))())._tag, 'DeadLettered')
 *
 * @throws RangeError if a number makes no sense
 * @since 0.1.0
 */
export const sqliteDlq = (path: string, options: SqliteDlqOptions = {}): Resource<SqliteDlq> => {
  refusePatience('sqliteDlq', options)
  refuseRetention('sqliteDlq', options)
  const location = resolve(path)
  return Resource.map(({ store }: Opened) => store)(
    Resource.make(
      'sqliteDlq',
      async () => {
        const refusal = await refusalOf(location, options)
        return refusal === undefined ? right(opened(location, options)) : left(refusal)
      },
      ({ close }) => close()
    )
  )
}

// helpers

const threadFile = 'dlq/sqlite-worker'

interface Opened {
  readonly store: SqliteDlq
  readonly close: () => Promise<void>
}

const opened = (location: string, options: SqliteDlqOptions): Opened => {
  const { patienceMs = defaultPatienceMs, clock = systemClock, isStoredHeader } = options
  const thread = () => threadOf<Engine>(threadFile, 'the queue', { location, patienceMs })
  const [writer, reader] = [thread(), thread()]
  const store = storeOver({
    location,
    call: (name, ...parts) => (reads.has(name) ? reader : writer).ask(name, parts),
    put: batches(
      location,
      (rows) => {
        const { own, buffer } = packed(rows)
        return writer.ask('put', [own], [buffer])
      },
      systemClock
    ),
    clock,
    isStoredHeader
  })
  return {
    store: tidied(store, options, clock),
    close: async () => {
      // Of two that close at once, each takes the other for one who will tidy the log away.
      await reader.close()
      await writer.close()
    }
  }
}

/** Opens the file once, so that what cannot be used is refused at the start, and is made what it must be. */
const refusalOf = async (
  location: string,
  { create = true, patienceMs = defaultPatienceMs, retention = {}, clock = systemClock }: SqliteDlqOptions
): Promise<ResourceError | undefined> => {
  const flaw = threadFlaw(threadFile)
  if (flaw !== undefined) return resourceError('sqliteDlq', flaw)
  const driver = await loadDriver('sqliteDlq')
  if (driver._tag === 'Left') return driver.left
  const { no, warning } = placeOf(queue, location)
  if (no !== undefined) return resourceError('sqliteDlq', no)
  const until = clock.monotonic() + patienceMs
  const open = () => openFile(queueKeeping(retention), driver.right, location, { create, busyMs: 0 })
  let file = open()
  while (file._tag === 'Left' && file.left.isBusy && clock.monotonic() < until) {
    await sleep(clock, pauseMs, new AbortController().signal)
    file = open()
  }
  if (file._tag === 'Left') return resourceError('sqliteDlq', file.left.reason)
  file.right.close()
  if (warning !== undefined) process.emitWarning(`sqliteDlq: ${warning}`)
  return undefined
}

/** How long others may hold the file locked, and how long to wait before it is tried again. */
const defaultPatienceMs = 60_000
const pauseMs = 20

const reads: ReadonlySet<EngineCall> = new Set(['page', 'groups', 'count', 'arrivals'])

/** The rows with all their bytes in one buffer, which can be given to another thread as it is. */
const packed = (rows: readonly Row[]): { readonly own: readonly Row[]; readonly buffer: ArrayBuffer } => {
  const buffer = new ArrayBuffer(rows.reduce((sum, { bytes }) => sum + bytes.length, 0))
  let end = 0
  const own = rows.map((row): Row => {
    const bytes = new Uint8Array(buffer, end, row.bytes.length)
    bytes.set(row.bytes)
    end += bytes.length
    return { ...row, bytes }
  })
  return { own, buffer }
}
