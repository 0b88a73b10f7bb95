/** missive dlq export: letters as NDJSON, or one of them as a spec. */
import { dirname, relative, resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { StoredLetter } from '../core/letter.js'
import { letterToJson } from '../dlq/letter-json.js'
import { type LetterSpecOptions, isExportName, letterToSpec } from '../dlq/letter-spec.js'
import { printable } from '../failures/render.js'
import type { DeadLetterStore } from '../ports/letters.js'
import { answerOf, walk } from './answer.js'
import { type CommonOptions, declare, keyArgument, keys, queueArgument } from './command.js'
import {
  type FilterOptions,
  type StateOptions,
  filterOf,
  statesOf,
  withFilters,
  withStates
} from './filters.js'
import { type Io, Stop, say } from './io.js'
import { jsonText } from './json.js'
import { letterNamed, lettersNamed, sayMissing } from './keys.js'
import { modulePath } from './module.js'
import { withQueue } from './open.js'
import { writing } from './output.js'
import { progressOf } from './progress.js'
import { letters } from './time.js'

interface Options extends CommonOptions, FilterOptions, StateOptions {
  readonly output?: string
  readonly force?: boolean
  readonly asSpec?: boolean
  readonly through?: string
  readonly factory?: string
  readonly expect: NonNullable<LetterSpecOptions['expect']>
}

export const exportLetters = (dlq: Command, io: Io): void => {
  const command = declare(dlq, {
    name: 'export',
    summary: 'write letters as NDJSON, their payloads exactly; or one letter as a spec',
    examples: [
      'export shop.db --tag Malformed --output letters.ndjson',
      'export shop.db 2f9c01 --as-spec --through ./app.js --factory orders --output spec/order.spec.js'
    ],
    json: 'with --output, one object: { exported }'
  })
  withFilters(
    withStates(command.argument('<queue>', queueArgument).argument('[keys...]', keyArgument, keys)),
    io
  )
    .option('--output <file>', 'a file, readable by its owner alone, instead of stdout')
    .option('--force', 'write over the file')
    .option('--as-spec', 'a uvu spec that gives the letter to the processor')
    .option('--through <module>', 'the module of the processor, for --as-spec')
    .option(
      '--factory <name>',
      'its export (dlq) => processor, which the spec gives a queue in memory; without it the spec stores what fails in the queue of the default export',
      exportName
    )
    .addOption(
      new Option('--expect <outcome>', 'what the spec asks for')
        .choices(['acked', 'failure'])
        .default('acked')
    )
    .action((queue: string, named: readonly string[], options: Options) =>
      options.asSpec === true ? exportSpec(io, queue, named, options) : exportAll(io, queue, named, options)
    )
}

// helpers

const exportName = (text: string): string => {
  if (!isExportName(text)) throw new InvalidArgumentError('Give the name of an export.')
  return text
}

const exportAll = (io: Io, queue: string, named: readonly string[], options: Options): Promise<void> => {
  if (options.through !== undefined)
    throw new Stop(
      2,
      '--through is for --as-spec; without that, letters are written as they are, nothing masked'
    )
  if (options.factory !== undefined) throw new Stop(2, '--factory is for --as-spec')
  return withQueue(io, queue, (store) => exportLines(io, store, queue, named, options))
}

const exportLines = async (
  io: Io,
  store: DeadLetterStore,
  queue: string,
  named: readonly string[],
  options: Options
): Promise<void> => {
  const chosen = named.length === 0 ? [] : await lettersNamed(store, named)
  const filter = {
    ...(chosen.length === 0 ? statesOf(options) : { key: chosen.map(({ key }) => key) }),
    ...filterOf(options)
  }
  const progress = progressOf(io, await answerOf(store.count(filter)))
  let exported = 0
  try {
    await writing(io, { ...options, queue }, async (write) => {
      await walk(store, { filter }, async (page) => {
        for (const text of textsOf(page)) await write(text)
        exported += page.length
        progress.at(exported)
      })
    })
  } finally {
    progress.end()
  }
  if (options.output !== undefined && options.json === true) await say(io.stdout, jsonText({ exported }))
  else if (options.output !== undefined)
    await say(io.stderr, `${letters(exported)} written to ${printable(options.output)}`)
  await sayMissing(io, chosen.length, exported)
}

/** Lines together, as a write for each takes longer than all else, and no more of them than fit into a text. */
function* textsOf(page: readonly StoredLetter[]): Iterable<string> {
  let text = ''
  for (const letter of page) {
    text += `${letterToJson(letter)}\n`
    if (text.length < mostAtOnce) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}

const mostAtOnce = 1_048_576

const exportSpec = async (
  io: Io,
  queue: string,
  [key, another]: readonly string[],
  options: Options
): Promise<void> => {
  const { through, factory, expect, output } = options
  if (key === undefined || another !== undefined)
    throw new Stop(2, '--as-spec is for one letter: give its key')
  if (through === undefined)
    throw new Stop(2, '--as-spec needs --through and the module whose default export is the processor')
  const folder = output === undefined ? io.cwd : dirname(resolve(io.cwd, output))
  const path = relative(folder, modulePath(io, through)).replaceAll('\\', '/')
  const specifier = path.startsWith('.') ? path : `./${path}`
  await withQueue(io, queue, async (store) => {
    const letter = await letterNamed(store, key)
    const spec = letterToSpec(letter, { through: specifier, expect, factory })
    await writing(io, { ...options, queue }, (write) => write(spec))
  })
}
