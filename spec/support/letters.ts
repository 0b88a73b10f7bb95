/** Letters, and temporary folders to keep them in. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DeadLetter } from '../../lib/core/letter.js'
import { malformed } from '../../lib/core/failure.js'

export const letter = (fields: Partial<DeadLetter> = {}): DeadLetter => ({
  id: '1',
  source: 'test',
  bytes: Uint8Array.from([0, 255, 10, 13, 128]),
  headers: { tenant: 'a' },
  route: 'order.placed',
  failure: malformed([{ path: '.total', message: 'expected number' }]),
  attempts: [{ startedAt: 1, durationMs: 2, failure: malformed([]) }],
  deliveryCount: 2,
  receivedAt: 3,
  original: undefined,
  fault: undefined,
  lease: undefined,
  ...fields
})

export const inFolder = async (use: (folder: string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'missive-ts-'))
  try {
    await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
