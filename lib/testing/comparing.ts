/** Comparisons that say what was expected and what was found. */
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { inspect, isDeepStrictEqual } from 'node:util'

// model

export class BrokenLaw extends Error {
  override readonly name = 'BrokenLaw'
}

// comparing

export const expectEqual = (what: string, found: unknown, expected: unknown): void => {
  const [plainFound, plainExpected] = [plain(found), plain(expected)]
  if (isDeepStrictEqual(plainFound, plainExpected)) return
  const [where, one, other] = difference(plainFound, plainExpected)
  const [first, second] = [shown(plainExpected), shown(plainFound)]
  // What is long is told by what differs first, and then as a whole.
  const isLong = where !== '' && first.length + second.length > 400
  const said = isLong ? `${where} is ${shown(one)} and not ${shown(other)}; ` : ''
  throw new BrokenLaw(`${what}: ${said}expected ${first}, found ${second}`)
}

/** That something holds which no single value shows. */
export const expect = (what: string, holds: boolean, found: unknown): void => {
  if (!holds) throw new BrokenLaw(`expected ${what}, found ${shown(plain(found))}`)
}

export const broken = (message: string): never => {
  throw new BrokenLaw(message)
}

export const shown = (value: unknown): string =>
  inspect(value, { depth: 8, breakLength: 110, maxArrayLength: 60, maxStringLength: 2_000 })

// helpers

/** Where two values differ first, and what is there in each. */
const difference = (
  found: unknown,
  expected: unknown,
  where = ''
): readonly [where: string, found: unknown, expected: unknown] => {
  if (!isObject(found) || !isObject(expected) || Array.isArray(found) !== Array.isArray(expected))
    return [where, found, expected]
  const names = new Set([...Object.keys(expected), ...Object.keys(found)])
  const name = [...names].find((each) => !isDeepStrictEqual(found[each], expected[each])) ?? ''
  return difference(
    found[name],
    expected[name],
    Array.isArray(found) ? `${where}[${name}]` : `${where}.${name}`
  )
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

/** Bytes as text, whatever holds them, and no fields that are `undefined`. */
const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return plainBytes(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(entries.map(([name, field]) => [name, plain(field)]))
}

/** The first ones, and of many also what tells the others. */
const plainBytes = (bytes: Uint8Array): string => {
  const first = Buffer.from(bytes.subarray(0, 512)).toString('hex')
  const rest = bytes.length > 512 ? `..., SHA-1 ${createHash('sha1').update(bytes).digest('hex')}` : ''
  return `${bytes.length} bytes: ${first}${rest}`
}
