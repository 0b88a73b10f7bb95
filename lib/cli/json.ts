/** JSON for machines, on one line, safe for terminals as well. */
import type { StoredLetter } from '../core/letter.js'
import { letterToJson } from '../dlq/letter-json.js'
import { printable } from '../failures/render.js'
import { iso } from './time.js'

/** Characters that a terminal would act on stand in strings alone, where their escapes mean the same. */
export const jsonText = (value: unknown): string => printable(JSON.stringify(value))

/** A letter as `export` writes it, with its times readable. */
export const letterJson = (letter: StoredLetter): string =>
  jsonText({
    ...(JSON.parse(letterToJson(letter)) as object),
    firstSeen: iso(letter.firstSeenAt),
    lastSeen: iso(letter.lastSeenAt)
  })
