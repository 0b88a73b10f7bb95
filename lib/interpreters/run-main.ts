/** The program around an interpreter: signals, drain, report, exit code. */
import type { Processor } from '../core/processor.js'
import { printable } from '../failures/render.js'
import { type App, toResource } from '../ports/app.js'
import {
  type Event,
  type InFlight,
  type Interpreter,
  type Progress,
  type Report,
  exitCode
} from '../ports/interpreter.js'
import { renderEvent, renderReport } from '../ports/rendering.js'
import { Resource, isResource } from '../ports/resource.js'

/**
 * Runs a program to its end, and exits the process, whatever else runs there: the one function that does something by
 * itself. It opens what the processor needs, runs it, and closes that again. SIGINT or SIGTERM stops taking messages
 * and lets running handlers finish; a second one stops at once. It stops as well when nobody reads stdout any more, or
 * nothing can be written there. SIGUSR2 lists what is in flight. The report goes to stderr. The exit code is 0 if every
 * message was settled, and 1 if something failed or was left undone.
 *
 * Where it is called several times the process exits once all have ended. One that ends with 1 stops the others, which
 * finish what they have, and so that is what the process exits with.
 *
 * @throws Error in a module that the command has loaded (`--through`): it would take messages there
 * @since 0.1.0
 */
export const runMain =
  (interpreter: Interpreter) =>
  (app: App): void => {
    if (typeof interpreter !== 'function') throw new TypeError(noInterpreter)
    if (!isResource(app) && typeof app !== 'function') throw new TypeError(noProcessor)
    if (refusing in globalThis) throw new Error(onlyLoaded)
    const stopping = new AbortController()
    const onSignal = (): void => {
      if (!stopping.signal.aborted) return stopping.abort()
      process.stderr.write(`${clearLine}stopped at once; what was in flight is unsettled\n`)
      process.exit(1)
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
    let inFlight = (): readonly InFlight[] => []
    process.on('SIGUSR2', () =>
      process.stderr.write(`${clearLine}${renderInFlight(inFlight(), Date.now())}\n`)
    )
    const onEvent = (event: Event): void => {
      if (event._tag === 'Ready') ({ inFlight } = event)
      show(event)
    }
    const problems: string[] = []
    // Whoever reads our output may go (`| head -1`): then nobody wants the rest. Without a log we go on.
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && problems.length === 0) problems.push(`stdout: ${error.message}`)
      stopping.abort()
    })
    process.stderr.on('error', () => undefined)

    let isOpen = false
    let report: Report | undefined
    running.add(stopping)
    const end = (): void => {
      const code = isReport(report) && problems.length === 0 ? exitCode(report) : 1
      if (running.delete(stopping)) conclude(code, problems.map(printable))
    }
    const used = Resource.use((processor: Processor) => async () => {
      isOpen = true
      report = await interpreter(processor)(stopping.signal, onEvent)()
      // Told before anything is closed, as that may take its time.
      if (isReport(report)) process.stderr.write(`${clearLine}${renderReport(report)}\n`)
    })(toResource(app))()
    void used.then((ran) => {
      if (isOpen && !isReport(report)) problems.push(noInterpreter)
      if (ran._tag === 'Left') problems.push(`${ran.left.resource}: ${ran.left.message}`)
      end()
    })
    // Where nothing is left that could go on, Node ends as if all were well.
    process.once('beforeExit', () => {
      const stage = !isOpen
        ? 'opening what the processor needs'
        : report === undefined
          ? 'the run'
          : 'closing'
      problems.push(`${stage} has not ended, and nothing is left that could end it: a promise never settles`)
      end()
    })
  }

/** Makes `runMain` throw: for who imports the program of a user, and wants nothing run. */
export const refuseToRun = (): void => void Reflect.set(globalThis, refusing, true)

/** The same for all copies of this library in a process. */
const refusing = 'missive-ts/refusing'

const onlyLoaded = 'call runMain in a file of its own: this one gives the processor'

// what types would have refused

const noInterpreter = 'runMain wants an interpreter, as stdin() gives one'
const noProcessor = 'runMain wants a processor, or a resource of one: end the pipeline with handle(...)'

/** A source or the maker of an interpreter can be called as often, and gives none. */
const isReport = (report: Report | undefined): report is Report => report?.ended !== undefined

// helpers

const onTerminal = process.stderr.isTTY
const clearLine = onTerminal ? '\r\u001b[K' : ''

const show = (event: Event): void => {
  const text = event._tag === 'Progress' ? undefined : renderEvent(event)
  if (text !== undefined) process.stderr.write(`${clearLine}${text}\n`)
  else if (event._tag === 'Progress' && onTerminal)
    process.stderr.write(`${clearLine}${renderProgress(event)}\r`)
}

const renderInFlight = (all: readonly InFlight[], now: number): string =>
  [
    `${all.length} in flight`,
    ...all.map(({ id, source, route, deliveryCount, startedAt }) =>
      printable(
        [
          `${id} of ${source}`,
          route ?? 'no route yet',
          `delivery ${deliveryCount}`,
          ...(startedAt === undefined ? [] : [`${now - startedAt} ms`])
        ].join(', ')
      )
    )
  ].join('\n')

const renderProgress = ({ received, deadLettered, readBytes, totalBytes, elapsedMs }: Progress): string => {
  const rate = (received / Math.max(elapsedMs, 1)) * 1_000
  const share = totalBytes === 0 ? 1 : readBytes / totalBytes
  const leftSeconds = readBytes === 0 ? undefined : Math.ceil((elapsedMs * (1 / share - 1)) / 1_000)
  return [
    `${counted(received)} messages`,
    `${counted(Math.round(rate))}/s`,
    `${counted(deadLettered)} dead letters`,
    `${Math.floor(share * 100)} %`,
    ...(leftSeconds === undefined ? [] : [`${clockTime(leftSeconds)} left`])
  ].join('  ')
}

const counted = (count: number): string => count.toLocaleString('en-US')

const clockTime = (seconds: number): string =>
  [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60]
    .filter((part, index) => index > 0 || part > 0)
    .map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0')))
    .join(':')

/** Of the programs in this process that have not ended. */
const running = new Set<AbortController>()
let worst = 0

/** Says what went wrong. The last program ends the process; handles that user code left open do not keep it. */
const conclude = (code: number, problems: readonly string[]): void => {
  worst = Math.max(worst, code)
  if (code !== 0) for (const stopping of running) stopping.abort()
  const isLast = running.size === 0
  if (isLast) process.exitCode = worst
  process.stderr.write(problems.map((problem) => `${problem}\n`).join(''), () => {
    // All that was written leaves it before.
    if (isLast) process.stdout.write('', () => process.exit(worst))
  })
}
