import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inFolder } from '../support/letters.js'
import { start } from '../support/sqlite-children.js'
import { type Call, callsIn, ensureStrace, leftAtEach, traced } from '../support/sqlite-disk.js'
import { missingFrom, right, using } from '../support/sqlite-queues.js'

const power = suite('sqliteDlq whose machine loses power')

power.before(ensureStrace)

interface Traced {
  /** The ids that were told as stored, in their order. */
  readonly stored: readonly string[]
  /** What was told of the others. */
  readonly refused: readonly string[]
  readonly calls: readonly Call[]
  /** Letters that had been told and were not on the disk, had the power gone just then. */
  readonly lost: readonly string[]
  /** Letters that were told and are not in the file in the end, the power having stayed. */
  readonly missing: readonly string[]
  readonly failedSyncs: number
  readonly code: number | null
  readonly errors: string
}

/** Runs a program that puts letters, under faults, and looks at the disk each time one is told. */
const tracing = async (
  folder: string,
  { faults, program = 'put-letters.ts', parts = ['1', '8'] }: Tracing
): Promise<Traced> => {
  const queues = join(folder, 'queues')
  const file = join(queues, 'a.db')
  const trace = join(folder, 'trace')
  const before = new Map(readdirSync(queues).map((name) => [name, readFileSync(join(queues, name))]))
  const child = start(program, [file, 'letter-', ...parts], { by: traced(trace, faults) })
  const { code, told, errors } = await child.ended()
  const calls = callsIn(trace, queues)
  const stored: string[] = []
  const lost = new Set<string>()
  leftAtEach(calls, queues, before, (text, restore) => {
    const ids = text.split('\n').filter((line) => /^letter-\d+$/.test(line))
    if (ids.length === 0) return
    stored.push(...ids)
    const left = join(folder, `left ${stored.length}`)
    restore(left)
    for (const id of missingOnDisk(join(left, 'a.db'), stored)) lost.add(id)
  })
  assert.equal(
    stored,
    told.filter((line) => !line.includes(' ')),
    `all that was told was traced: ${errors}`
  )
  return {
    stored,
    refused: told.filter((line) => line.includes(' ')),
    calls,
    lost: [...lost],
    missing: existsSync(file) ? missingFrom(file, stored) : stored,
    failedSyncs: calls.filter(({ name, isDone }) => name === 'sync' && !isDone).length,
    code,
    errors
  }
}

interface Tracing {
  readonly faults?: string
  readonly program?: string
  readonly parts?: readonly string[]
}

const missingOnDisk = (file: string, ids: readonly string[]): readonly string[] => {
  try {
    return missingFrom(file, ids)
  } catch {
    return ids
  }
}

/** A folder with a queue that was used before and is closed. */
const inQueueFolder = (use: (folder: string) => Promise<void>): Promise<void> =>
  inFolder(async (folder) => {
    mkdirSync(join(folder, 'queues'))
    await using(join(folder, 'queues', 'a.db'), async (queue) => right(await queue.count()()))
    await use(folder)
  })

power('has each letter on the disk before it answers', () =>
  inQueueFolder(async (folder) => {
    const { stored, lost, missing, code, errors } = await tracing(folder, {})
    assert.equal([code, errors, stored.length, lost, missing], [0, '', 8, [], []])
  })
)

power('has each letter on the disk before it answers, also of many in one transaction', () =>
  inQueueFolder(async (folder) => {
    const { stored, lost, missing, code, errors } = await tracing(folder, { parts: ['16', '64'] })
    assert.equal([code, errors, stored.length, lost, missing], [0, '', 64, [], []])
  })
)

power('has each letter on the disk before it answers, also in a file that is new', () =>
  inFolder(async (folder) => {
    mkdirSync(join(folder, 'queues'))
    const { stored, lost, missing, code, errors } = await tracing(folder, {})
    assert.equal([code, errors, stored.length, lost, missing], [0, '', 8, [], []])
  })
)

power('syncs its log after it wrote there and before it answers', () =>
  inQueueFolder(async (folder) => {
    const { calls } = await tracing(folder, {})
    const ofLog = ({ path }: Call): boolean => path.endsWith('-wal')
    const told = calls.flatMap(({ name, bytes }, index) =>
      name === 'told' && bytes.toString().startsWith('letter-') ? [index] : []
    )
    assert.is(told.length, 8)
    for (const index of told) {
      const before = calls.slice(0, index).filter(ofLog)
      assert.equal([before.at(-1)?.name, before.at(-1)?.isDone, before.at(-2)?.name], ['sync', true, 'write'])
    }
  })
)

power('is told from a program that answers before that', () =>
  inFolder(async (folder) => {
    mkdirSync(join(folder, 'queues'))
    const { stored, lost } = await tracing(folder, { program: 'sqlite-careless.ts', parts: ['8'] })
    assert.is(stored.length, 8)
    assert.equal(lost, stored)
  })
)

// The counts are of each thread. The first to open the file syncs a few times, and may refuse it; the rest is the writer's.
for (const [name, when] of [
  ['one sync fails', ['4', '5', '6', '7', '8', '9']],
  ['some syncs fail one after the other', ['5..6', '6..7', '7..8', '7..9', '7..10', '8..9']],
  ['every second sync fails', ['7+2', '8+2']]
] as const) {
  power(`loses nothing that it answered although ${name}`, async () => {
    let opened = 0
    for (const count of when) {
      await inQueueFolder(async (folder) => {
        const faults = `fsync,fdatasync:error=EIO:when=${count}`
        const { stored, refused, lost, missing, failedSyncs, code, errors } = await tracing(folder, {
          faults
        })
        assert.ok(failedSyncs > 0, `${faults}: none failed`)
        assert.equal([lost, missing], [[], []], faults)
        if (code !== 0) return assert.match(errors, 'Error: ')
        opened += 1
        assert.is(stored.length + refused.length, 8)
        for (const line of refused) assert.match(line, '/a.db: ')
        if (!count.includes('+')) assert.ok(stored.length >= 4, `${faults}: it did not recover`)
      })
    }
    assert.ok(opened >= 2, 'it was refused at the start')
  })
}

power('answers Left as long as no sync succeeds', () =>
  inQueueFolder(async (folder) => {
    const { stored, refused, missing, lost } = await tracing(folder, {
      faults: 'fsync,fdatasync:error=EIO:when=6+'
    })
    assert.equal([lost, missing], [[], []])
    assert.ok(refused.length >= 6, `${stored.length} were stored`)
    for (const line of refused) assert.match(line, /: disk I\/O error/)
  })
)

power('loses nothing that it answered although a write fails', async () => {
  for (const faults of ['pwrite64:error=EIO:when=30', 'pwrite64:error=ENOSPC:when=33..60']) {
    await inQueueFolder(async (folder) => {
      const { stored, refused, lost, missing, calls, code } = await tracing(folder, { faults })
      assert.ok(
        calls.some(({ name, isDone }) => name === 'write' && !isDone),
        `${faults}: none failed`
      )
      assert.equal([code, lost, missing, stored.length + refused.length], [0, [], [], 8], faults)
    })
  }
})

power('loses nothing that it answered although the folder cannot be synced', () =>
  inQueueFolder(async (folder) => {
    const { lost, missing, failedSyncs } = await tracing(folder, {
      faults: 'fsync,fdatasync:error=EIO:when=2'
    })
    assert.ok(failedSyncs > 0)
    assert.equal([lost, missing], [[], []])
  })
)

power('loses nothing that it answered although a new file could not be made as it must be', () =>
  inFolder(async (folder) => {
    mkdirSync(join(folder, 'queues'))
    const faults = 'fsync,fdatasync:error=EIO:when=2..3'
    const { lost, missing, failedSyncs } = await tracing(folder, { faults })
    assert.ok(failedSyncs > 0)
    assert.equal([lost, missing], [[], []])
  })
)

power.run()
