/** What makes two dead letters the same, and what of a message is not to be kept. */
import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import type { DeadLetter, LetterIdentity } from '../core/letter.js'
import { isHarmless } from '../matchers/credentials.js'
import { toStorable } from '../ports/storable.js'

/**
 * Names a letter, the same in every store: 40 hexadecimal digits. Letters are the same if source, id and bytes are. The
 * bytes count because a sender may use an id twice, and then neither payload may be lost.
 *
 * @since 0.1.0
 */
export const keyOf = ({ bytes, ...identity }: LetterIdentity): string => {
  const [source, id] = [toStorable(identity.source), toStorable(identity.id)]
  const named = Buffer.from(`${source.length} ${id.length} ${source}${id}`)
  return hash('sha256', Buffer.concat([named, bytes])).slice(0, 40)
}

/** The headers without what lets somebody in: credentials and signatures are named, and their values left out. */
export const storableHeaders = (
  headers: DeadLetter['headers'],
  isStored: (name: string) => boolean = isHarmless
): DeadLetter['headers'] =>
  Object.fromEntries(
    Object.entries<unknown>(headers).map(([name, value]) => {
      if (!isStored(name)) return [name, notStored]
      // Where JavaScript has given something else it is to be read back all the same.
      const text = String(value)
      return [name, name === ':query' ? storableQuery(text, isStored) : text]
    })
  )

// helpers

const notStored = '[not stored]'

/** The query of a request has credentials by the same names, unless they are said to be stored. */
const storableQuery = (query: string, isStored: (name: string) => boolean): string =>
  query
    .split('&')
    .map((part) => {
      const [[name = ''] = []] = new URLSearchParams(part)
      return isHarmless(name) || isStored(name) ? part : `${part.split('=', 1)[0]}=${notStored}`
    })
    .join('&')
