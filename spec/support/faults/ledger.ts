/**
 * The ledger: what workers and faults did, in one order. It is a file to which each writes by itself, appending: what
 * was written outlives a kill -9 of who wrote it. A record is 16 bytes, so that none lies across two pages, between
 * which a kill may part what is written at once.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs'

// model

/**
 * Of a message: `started`, before anything of it runs; `handled`, by its handler, which is its effect; `stored` in the
 * queue; then what the source confirmed: `acked`, `parked` until a time, `released`; or that it was `lost` to somebody
 * else, or that nothing was confirmed, `unanswered`. Of a worker: it is `killed`, it has `stopped` in good order.
 */
export const whats = [
  'started',
  'handled',
  'stored',
  'acked',
  'parked',
  'released',
  'lost',
  'unanswered',
  'killed',
  'stopped'
] as const

export type What = (typeof whats)[number]

export interface LedgerRecord {
  readonly what: What
  /** The number of the message. */
  readonly seq: number
  readonly worker: number
  /** When it was written, in milliseconds since the epoch; of what is parked, when it may come back. */
  readonly at: number
}

export interface Ledger {
  readonly write: (what: What, seq: number, at?: number) => void
  readonly writeAll: (
    records: readonly { readonly what: What; readonly seq: number; readonly at?: number }[]
  ) => void
  readonly close: () => void
}

// constructors

export const openLedger = (file: string, worker: number): Ledger => {
  const descriptor = openSync(file, 'a')
  const one = Buffer.alloc(recordBytes)
  return {
    write: (what, seq, at = Date.now()) => {
      put(one, 0, { what, seq, worker, at })
      writeSync(descriptor, one)
    },
    writeAll: (records) => {
      if (records.length === 0) return
      const all = Buffer.alloc(records.length * recordBytes)
      const now = Date.now()
      for (const [index, { what, seq, at = now }] of records.entries())
        put(all, index * recordBytes, { what, seq, worker, at })
      writeSync(descriptor, all)
    },
    close: () => closeSync(descriptor)
  }
}

/** Says of a worker that it is no more, for one that cannot say so itself. */
export const tellOf = (file: string, worker: number, what: 'killed' | 'stopped'): void => {
  const ledger = openLedger(file, worker)
  ledger.write(what, 0)
  ledger.close()
}

// readers

export const readLedger = (file: string, onRecord: (record: LedgerRecord) => void): void => {
  const descriptor = openSync(file, 'a+')
  const piece = Buffer.alloc(recordBytes * 65_536)
  try {
    for (let position = 0; ;) {
      const length = readSync(descriptor, piece, 0, piece.length, position)
      if (length === 0) return
      if (length % recordBytes !== 0) throw new Error('the ledger ends in the middle of a record')
      for (let at = 0; at < length; at += recordBytes)
        onRecord({
          seq: piece.readUInt32LE(at),
          what: whats[piece.readUInt8(at + 4)] as What,
          worker: piece.readUInt16LE(at + 6),
          at: piece.readDoubleLE(at + 8)
        })
      position += length
    }
  } finally {
    closeSync(descriptor)
  }
}

// helpers

const recordBytes = 16

const codes = new Map(whats.map((what, code) => [what, code]))

const put = (buffer: Buffer, offset: number, { what, seq, worker, at }: LedgerRecord): void => {
  buffer.writeUInt32LE(seq, offset)
  buffer.writeUInt8(codes.get(what) as number, offset + 4)
  buffer.writeUInt16LE(worker, offset + 6)
  buffer.writeDoubleLE(at, offset + 8)
}
