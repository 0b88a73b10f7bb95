/** What the compiler says of mistakes that are easily made: it names what is wrong, in our words where it has none. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { repository, run } from '../support/program.js'

const given = `
import { pipe } from 'fp-ts/lib/function.js'
import { ack, ackWith, constantDelay, handle, hook, json, matchFailure, matchOutcome, message, otherwise, receive } from 'missive-ts'
import { withDlq, withRetry } from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
const one = hook('one', async () => 1)
const two = hook('two', async ({ one }: { readonly one: number }) => one + 1)
const needing = otherwise(async (_, { one }: { readonly one: number }) => (one > 1 ? ack : ack))
const done = pipe(receive(json), handle(otherwise(async () => ack)))
`

interface Mistake {
  readonly made: string
  /** What is told of it, in one of the lines. */
  readonly told: string
}

const mistakes: readonly Mistake[] = [
  { made: 'pipe(receive(json), two)', told: `Property 'one' is missing in type 'Context<Json>'` },
  { made: 'pipe(receive(json), handle(needing))', told: `Property 'one' is missing in type 'Context<Json>'` },
  {
    made: 'pipe(receive(json), one, one)',
    told: `'number' is not assignable to type '"this name is taken"'`
  },
  {
    made: `pipe(receive(json), hook('message', async () => 1))`,
    told: `'Message<Json>' is not assignable to type '"this name is taken"'`
  },
  {
    made: 'pipe(receive(json), handle(otherwise(async () => {})))',
    told: `'void' is not assignable to type 'Verdict'`
  },
  {
    made: 'pipe(done, withDlq(memoryDlq()), withRetry(constantDelay(1)))',
    told: `'true' is not assignable to type '"withRetry, withTimeout and withMaxDeliveries stand before withDlq"'`
  },
  {
    made: 'matchOutcome({ Acked: () => 1, Nacked: () => 2, Failed: () => 3, DeadLettered: () => 4 })',
    told: `Property 'Released' is missing`
  },
  {
    made: 'matchFailure({ Defect: () => 1, NoMatch: () => 2 })',
    told: ': DlqUnavailable, HookFailed, Malformed, MultipleMatches, and 3 more'
  },
  {
    made: 'otherwise(async (_, { one }) => ackWith({ note: one }))',
    told: `Property 'one' does not exist on type 'Context<unknown>'`
  },
  {
    made: `hook('two', async ({ one }) => one)`,
    told: `Property 'one' does not exist on type 'Context<unknown>'`
  },
  { made: 'done({ ...message({}), headers: {} })', told: `is missing the following properties` }
]

/** What is told of each, by the compiler, which is asked once. */
const toldOf = async (options: object): Promise<readonly string[]> => {
  mkdirSync(join(repository, '.cache'), { recursive: true })
  const folder = mkdtempSync(join(repository, '.cache', 'errors-'))
  try {
    const tsconfig = { extends: '../../tsconfig.json', compilerOptions: options, include: ['*.ts'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
    for (const [index, { made }] of mistakes.entries())
      writeFileSync(join(folder, `mistake-${index}.ts`), `${given}${made}\n`)
    const tsc = join(repository, 'node_modules', 'typescript', 'bin', 'tsc')
    const { stdout } = await run(process.execPath, [tsc, '-p', '.', '--pretty', 'false'], { cwd: folder })
    const problems = stdout.split(/\n(?=\S)/)
    return mistakes.map((_, index) =>
      problems.filter((problem) => problem.startsWith(`mistake-${index}.ts`)).join('\n')
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const errors = suite('what the compiler says')

for (const exactOptionalPropertyTypes of [false, true])
  errors(`names the mistake, with exactOptionalPropertyTypes: ${exactOptionalPropertyTypes}`, async () => {
    const told = await toldOf({ exactOptionalPropertyTypes })
    const wanting = mistakes.filter((mistake, index) => told[index]?.includes(mistake.told) !== true)
    assert.equal(wanting, [], told.join('\n'))
  })

errors.run()
