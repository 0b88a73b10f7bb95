/** Letters without what the codecs of a processor mark as sensitive. */
import { renderExplanation } from '../combinators/explain.js'
import type { StoredLetter } from '../core/letter.js'
import { type SensitivePath, masked } from '../core/masked.js'
import type { Description, Processor } from '../core/processor.js'
import { below, isJsonText, isOfItems, sensitiveOn } from '../matchers/masking.js'
import { toMessage } from '../ports/letter-message.js'
import { type Io, Stop } from './io.js'
import { tokensOf } from './json-tokens.js'
import { throughOption, withProcessor } from './module.js'

// model

export interface MaskingOptions {
  readonly through?: string
  readonly reveal?: boolean
}

export const maskingOption = [
  throughOption[0],
  'a module whose processor says what is sensitive, which is then masked'
] as const
export const revealOption = ['--reveal', 'with --through, also what is sensitive'] as const

// masking

/** Calls with what masks a letter, where `--through` names a processor that knows what is sensitive. */
export const withMasking = <A>(
  io: Io,
  { through, reveal = false }: MaskingOptions,
  use: (mask: (letter: StoredLetter) => StoredLetter) => Promise<A>
): Promise<A> => {
  if (through === undefined || reveal) return use((letter) => letter)
  return withProcessor(io, through, (processor) => use(masking(processor)))
}

/** Payloads in which what is sensitive is masked; what is not JSON is masked whole, where anything may be sensitive. */
export const masking = ({ description }: Processor): ((letter: StoredLetter) => StoredLetter) => {
  if (description === undefined)
    throw new Stop(2, `${renderExplanation({ _tag: 'Opaque' })}; --reveal shows what may be sensitive`)
  return (letter) => {
    const mask = (bytes: Uint8Array): Uint8Array =>
      maskedBytes(sensitiveIn(description, { ...letter, bytes }), bytes)
    return {
      ...letter,
      bytes: mask(letter.bytes),
      original: letter.original === undefined ? undefined : mask(letter.original)
    }
  }
}

// helpers

const sensitiveIn = ({ routes, select }: Description, letter: StoredLetter): readonly SensitivePath[] => {
  try {
    const selection = select(toMessage(letter))
    return sensitiveOn(routes, selection._tag === 'Taken' ? selection.route : undefined)
  } catch {
    return sensitiveOn(routes, undefined)
  }
}

const maskedBytes = (paths: readonly SensitivePath[], bytes: Uint8Array): Uint8Array => {
  if (paths.length === 0 || bytes.length === 0) return bytes
  try {
    const json = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    JSON.parse(json)
    return new TextEncoder().encode(maskedJson(paths, json))
  } catch {
    return new TextEncoder().encode(masked)
  }
}

/** In the text of the JSON itself, so that no number is rounded and no name is lost that is there twice. */
const maskedJson = (all: readonly SensitivePath[], json: string): string => {
  const tokens = [...tokensOf(json)]
  let next = 0
  // A format may have taken any part of it for the body.
  const within = (paths: readonly SensitivePath[], name: string): readonly SensitivePath[] =>
    below([...paths, ...all], name)
  const value = (paths: readonly SensitivePath[]): string => {
    const token = tokens[next++] ?? ''
    const written = token === '{' ? object(paths) : token === '[' ? array(paths) : token
    const isWrong = token === '[' ? !paths.every(isOfItems) : token !== '{' && token !== 'null'
    const isMasked = paths.some(({ length }) => length === 0) || (paths.length > 0 && isWrong)
    return isMasked || (token.startsWith('"') && isJsonText(JSON.parse(token)))
      ? JSON.stringify(masked)
      : written
  }
  const object = (paths: readonly SensitivePath[]): string => {
    const fields: string[] = []
    while (tokens[next] !== '}') {
      if (tokens[next] === ',') next += 1
      const name = tokens[next] ?? ''
      next += 2
      fields.push(`${name}:${value(within(paths, String(JSON.parse(name))))}`)
    }
    next += 1
    return `{${fields.join(',')}}`
  }
  const array = (paths: readonly SensitivePath[]): string => {
    const items: string[] = []
    while (tokens[next] !== ']') {
      if (tokens[next] === ',') next += 1
      items.push(value(within(paths, String(items.length))))
    }
    next += 1
    return `[${items.join(',')}]`
  }
  return value(all)
}
