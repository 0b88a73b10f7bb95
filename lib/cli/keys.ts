/** Letters by the beginnings of their keys. */
import type { StoredLetter } from '../core/letter.js'
import { printable } from '../failures/render.js'
import type { DeadLetterStore } from '../ports/letters.js'
import { type Io, Stop, say } from './io.js'
import { lettersOf } from './pages.js'
import { iso, letters as lettersIn } from './time.js'

/** Ten digits, which are enough for people. */
export const short = (key: string): string => key.slice(0, 10)

export const letterNamed = async (store: DeadLetterStore, beginning: string): Promise<StoredLetter> => {
  const { letters, next } = await lettersOf(store, { filter: { key: beginning }, limit: candidates })
  const [letter, another] = letters
  if (letter === undefined) throw new Stop(1, `no letter has a key that begins with ${beginning}`)
  if (another === undefined) return letter
  const size = 2 + Math.max(...letters.slice(1).map(({ key }) => sharedLength(letter.key, key)))
  throw new Stop(
    1,
    [
      `${beginning} is the beginning of several keys; give more digits:`,
      ...letters.map(({ key, id }) => `  ${key.slice(0, Math.max(10, size))}  ${printable(id)}`),
      ...(next === undefined ? [] : ['  and more'])
    ].join('\n')
  )
}

export const lettersNamed = async (
  store: DeadLetterStore,
  beginnings: readonly string[]
): Promise<readonly StoredLetter[]> => {
  const letters = new Map<string, StoredLetter>()
  for (const beginning of beginnings) {
    const letter = await letterNamed(store, beginning)
    letters.set(letter.key, letter)
  }
  return [...letters.values()]
}

/** For what is done to dead letters alone. */
export const deadNamed = async (
  store: DeadLetterStore,
  beginnings: readonly string[]
): Promise<readonly StoredLetter[]> => {
  const letters = await lettersNamed(store, beginnings)
  const others = letters.filter(({ state }) => state !== 'dead')
  if (others.length > 0) throw new Stop(1, others.map(notDead).join('\n'))
  return letters
}

/** Says so where less was done than was named. */
export const sayMissing = async (io: Io, named: number, done: number): Promise<void> => {
  if (done >= named) return
  io.end(1)
  await say(
    io.stderr,
    `${lettersIn(named)} named: the others are not what the filters mean, or changed meanwhile; look at them again`
  )
}

export const notDead = ({ key, state, lease }: StoredLetter): string =>
  lease === undefined
    ? `${short(key)} is ${state}`
    : `${short(key)} is being replayed by ${printable(lease.owner)} until ${iso(lease.until)}`

// helpers

const candidates = 6

const sharedLength = (one: string, other: string): number => {
  const index = one.split('').findIndex((digit, position) => digit !== other[position])
  return index < 0 ? one.length : index
}
