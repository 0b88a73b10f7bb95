/** Payloads for people: JSON indented, text as it is, anything else in hexadecimal. */
import { Buffer } from 'node:buffer'
import type { Issue } from '../core/failure.js'
import { cut, toJson } from '../core/json.js'
import { printable } from '../failures/render.js'
import { tokensOf } from './json-tokens.js'

// model

export type Form = 'json' | 'text' | 'bytes'

// readers

export const formOf = (bytes: Uint8Array): Form => {
  const text = textOf(bytes)
  if (text === undefined || text.includes('\0')) return 'bytes'
  return jsonOf(bytes) === undefined ? 'text' : 'json'
}

/** Would a terminal show these bytes, and do nothing else with them? */
export const isPrintable = (bytes: Uint8Array): boolean => {
  const text = textOf(bytes)?.replaceAll(/[\n\t]/g, '')
  return text !== undefined && printable(text) === text
}

// rendering

/** Escaped lines. Without `isFull` what is in hexadecimal ends after 512 bytes. */
export const payloadLines = (bytes: Uint8Array, isFull: boolean): readonly string[] => {
  switch (formOf(bytes)) {
    case 'json':
      return indented(textOf(bytes) ?? '')
        .split('\n')
        .map(printable)
    case 'text':
      return (textOf(bytes) ?? '').replace(/\n$/, '').split('\n').map(printable)
    case 'bytes':
      return hexLines(bytes, isFull)
  }
}

/** What stands now where something is wrong: the path, the value, what is wrong with it. */
export const issueLines = (issues: readonly Issue[], bytes: Uint8Array): readonly string[] => {
  const json = jsonOf(bytes)
  const rows = issues.map(({ path, message }) => [
    path === '' ? '(all)' : path,
    json === undefined ? '' : shown(valueAt(json.value, path)),
    message
  ])
  const sizes = [0, 1].map((column) => Math.max(...rows.map((row) => printable(row[column] ?? '').length)))
  return rows.map((row) =>
    row
      .map((cell, column) => printable(cell).padEnd(sizes[column] ?? 0))
      .filter((cell) => cell !== '')
      .join('  ')
      .trimEnd()
  )
}

// helpers

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

const jsonOf = (bytes: Uint8Array): { readonly value: unknown } | undefined => {
  try {
    return { value: JSON.parse(textOf(bytes) ?? '') as unknown }
  } catch {
    return undefined
  }
}

/**
 * The text of the JSON itself, so that no number is rounded and no name is lost that is there twice. Where it would be
 * far more spaces than payload, as it is nested so deeply, it stays as it is.
 */
const indented = (json: string): string => {
  let depth = 0
  let previous = ''
  let lines = ''
  const most = 16 * json.length + 65_536
  const broken = (): string => `\n${'  '.repeat(depth)}`
  for (const token of tokensOf(json)) {
    const isOpening = previous === '{' || previous === '['
    const isClosing = token === '}' || token === ']'
    if (isClosing) depth -= 1
    if (isClosing ? !isOpening : isOpening || previous === ',') lines += broken()
    lines += token === ':' ? ': ' : token
    if (token === '{' || token === '[') depth += 1
    previous = token
    if (lines.length > most) return json
  }
  return lines
}

const hexLines = (bytes: Uint8Array, isFull: boolean): readonly string[] => {
  const end = isFull ? bytes.length : Math.min(bytes.length, shownBytes)
  const lines = Array.from({ length: Math.ceil(end / 16) }, (_, row) => {
    const part = Buffer.from(bytes.subarray(row * 16, Math.min(end, row * 16 + 16)))
    const digits = part.toString('hex').replaceAll(/(..)/g, '$1 ').padEnd(48)
    const text = part.toString('latin1').replaceAll(/[^\u0020-\u007e]/g, '.')
    return `${(row * 16).toString(16).padStart(8, '0')}  ${digits} ${text}`
  })
  return end < bytes.length ? [...lines, `… ${bytes.length - end} bytes more; --full shows them`] : lines
}

const shownBytes = 512

const shown = (value: unknown): string =>
  value === undefined ? 'absent' : cut(JSON.stringify(toJson(value)), 60)

/** By a path like `.items[0]["odd name"]`. */
const valueAt = (json: unknown, path: string): unknown => {
  let value = json
  for (const [, name, index, quoted] of path.matchAll(/\.([^.[\]]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/g)) {
    const key = name ?? index ?? String(JSON.parse(quoted ?? '""'))
    value =
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<string, unknown>)[key]
        : undefined
  }
  return value
}
