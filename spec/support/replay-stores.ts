/** What the specs of replays need: stores to replay from, what lies in them, and stores that fail. */
import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { bytes } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import type { DeadLetter, DlqError, StoredLetter } from '../../lib/core/letter.js'
import type { Message } from '../../lib/core/message.js'
import type { Verdict } from '../../lib/core/outcome.js'
import { receive } from '../../lib/core/pipeline.js'
import type { Processor } from '../../lib/core/processor.js'
import { type MemoryDlq, memoryDlq } from '../../lib/dlq/memory.js'
import { type SqliteDlqOptions, sqliteDlq } from '../../lib/dlq/sqlite.js'
import { otherwise } from '../../lib/matchers/route.js'
import type { DeadLetterStore } from '../../lib/ports/letters.js'
import { type VirtualClock, turn } from './clock.js'
import { inFolder, letter } from './letters.js'

// stores

export type UseStore = (store: DeadLetterStore) => Promise<void>

export const withQueue = async (
  file: string,
  use: UseStore,
  options: SqliteDlqOptions = {}
): Promise<void> => {
  const opened = await sqliteDlq(file, options).open()
  if (opened._tag === 'Left') throw new Error(opened.left.message)
  try {
    await use(opened.right.value)
  } finally {
    await opened.right.close()
  }
}

/** Each store that a replay runs over. */
export const stores: Readonly<Record<string, (use: UseStore) => Promise<void>>> = {
  memoryDlq: (use) => use(memoryDlq()),
  sqliteDlq: (use) => inFolder((folder) => withQueue(join(folder, 'a.db'), use))
}

/** Calls of stores on virtual clocks that are not answered yet. */
let pending = 0

/** A store in memory on a clock that stands still while the store answers: its answers take no time. */
export const timelessDlq = (clock: VirtualClock): MemoryDlq => {
  const { location, letters, ...calls } = memoryDlq({ clock })
  const counted = Object.entries(calls).map(
    ([name, call]: [string, (...parts: any[]) => TaskEither<any, any>]) => [
      name,
      (...parts: readonly unknown[]) =>
        async () => {
          pending += 1
          try {
            return await call(...parts)()
          } finally {
            pending -= 1
          }
        }
    ]
  )
  return { location, letters, ...(Object.fromEntries(counted) as typeof calls) }
}

/** Lets everything happen that is due now. */
const settled = async (clock: VirtualClock): Promise<void> => {
  for (let times = 0; times < 3; times += 1) {
    await clock.advance(0)
    while (pending > 0) await turn()
  }
}

/** Lets everything happen that is due within these milliseconds, and all stores answer. */
export const advance = async (clock: VirtualClock, ms: number): Promise<void> => {
  const until = clock.monotonic() + ms
  await settled(clock)
  while (clock.monotonic() < until) {
    await clock.advance(Math.min(1, until - clock.monotonic()))
    await settled(clock)
  }
}

/** Moves the clock until the promise settles; throws if that takes too long. */
export const finish = async <A>(clock: VirtualClock, promise: Promise<A>): Promise<A> => {
  const until = clock.monotonic() + 100_000
  let isSettled = false
  const settle = (): void => void (isSettled = true)
  promise.then(settle, settle)
  await settled(clock)
  while (!isSettled && clock.monotonic() < until) await advance(clock, 1)
  if (!isSettled) throw new Error('did not end within 100 s')
  return promise
}

/** What a store gives; throws what it says instead. */
export const given = async <A>(task: TaskEither<DlqError, A>): Promise<A> => {
  const answer = await task()
  if (answer._tag === 'Left') throw new Error(answer.left.reason)
  return answer.right
}

export const ids = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => String(index + 1))

/** Puts dead letters one after the other, so that they have an order. */
export const put = async (
  store: Pick<DeadLetterStore, 'put'>,
  ...letters: readonly Partial<DeadLetter>[]
): Promise<void> => {
  for (const fields of letters) await given(store.put(letter(fields)))
}

/** Puts many at once. */
export const putAll = async (
  store: DeadLetterStore,
  letters: readonly Partial<DeadLetter>[]
): Promise<void> => void (await Promise.all(letters.map((fields) => given(store.put(letter(fields))))))

/** All that lies in a store, oldest first. */
export const lettersOf = async (store: DeadLetterStore): Promise<readonly StoredLetter[]> => {
  const letters: StoredLetter[] = []
  let after: string | undefined
  do {
    const page = await given(store.page({ limit: 1_000, after }))
    letters.push(...page.letters)
    after = page.next
  } while (after !== undefined)
  return letters
}

export const onlyLetter = async (store: DeadLetterStore): Promise<StoredLetter> => {
  const letters = await lettersOf(store)
  if (letters.length !== 1) throw new Error(`there are ${letters.length} letters`)
  return letters[0] as StoredLetter
}

/** How many letters are in each state. */
export const statesOf = async (store: DeadLetterStore): Promise<Readonly<Record<string, number>>> => {
  const counts: Record<string, number> = {}
  for (const { state } of await lettersOf(store)) counts[state] = (counts[state] ?? 0) + 1
  return counts
}

// processors

export const handling = (work: (message: Message) => Verdict | Promise<Verdict>): Processor =>
  pipe(receive(bytes), handle(otherwise(async (message) => work(message))))
