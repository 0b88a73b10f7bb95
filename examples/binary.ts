/** A format of one's own: records of bytes, read into a typed body, or refused with the place where they end. */
import { fileURLToPath } from 'node:url'
import { type Either, left, right } from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import {
  type Dlq,
  type Failure,
  type Format,
  type Processor,
  ackWith,
  handle,
  malformed,
  message,
  otherwise,
  receive,
  withDlq
} from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { consume, memory, runMain } from 'missive-ts/node'

// model

export interface Reading {
  readonly sensor: string
  readonly celsius: number
}

// format

/** One record after the other: a byte with the name's length, the name in ASCII, and a 32-bit float, big endian. */
export const readings: Format<readonly Reading[]> = ({ bytes }) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found: Reading[] = []
  let offset = 0
  while (offset < bytes.length) {
    const place = `[${found.length}]`
    const nameAt = offset + 1
    const valueAt = nameAt + view.getUint8(offset)
    if (valueAt > bytes.length) return short(`${place}.sensor`, valueAt - nameAt, bytes.length - nameAt)
    if (valueAt + 4 > bytes.length) return short(`${place}.celsius`, 4, bytes.length - valueAt)
    const sensor = String.fromCharCode(...bytes.subarray(nameAt, valueAt))
    found.push({ sensor, celsius: view.getFloat32(valueAt) })
    offset = valueAt + 4
  }
  return right(found)
}

const short = (path: string, expected: number, actual: number): Either<Failure, never> =>
  left(malformed([{ path, message: `expected ${expected} bytes, found ${actual}` }]))

export const encode = (all: readonly Reading[]): Uint8Array =>
  Uint8Array.from(
    all.flatMap(({ sensor, celsius }) => {
      const value = new DataView(new ArrayBuffer(4))
      value.setFloat32(0, celsius)
      return [sensor.length, ...new TextEncoder().encode(sensor), ...new Uint8Array(value.buffer)]
    })
  )

// route

export const thermometer = (write: (line: string) => void, dlq: Dlq): Processor =>
  pipe(
    receive(readings),
    handle(
      otherwise(async ({ body }) => {
        for (const { sensor, celsius } of body) write(`${sensor}: ${celsius} °C`)
        return ackWith({ note: `${body.length} readings` })
      })
    ),
    withDlq(dlq)
  )

// program

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const whole = encode([
    { sensor: 'cellar', celsius: 11.5 },
    { sensor: 'roof', celsius: -3.25 }
  ])
  // Lines of text would not do for bytes, so these two messages are at hand: one that is whole, and one cut short.
  const source = memory([message(whole), message(whole.subarray(0, -1))])
  runMain(consume(source))(thermometer(console.log, memoryDlq()))
}
