// Programs for the specs of runMain. Usage: run-main-app.ts NAME, with lines as standard input.
import { once } from 'node:events'
import { left, right } from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import {
  type Dlq,
  type Interpreter,
  type Processor,
  Resource,
  type Verdict,
  ack,
  failed,
  handle,
  message,
  otherwise,
  receive,
  rejected,
  resourceError,
  text,
  withDlq
} from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { consume, memory, runMain, stdin } from 'missive-ts/node'

/** A resource that prints what becomes of it. */
const told = (name: string): Resource<string> =>
  Resource.make(
    name,
    async () => {
      console.log(`opened ${name}`)
      return right(name)
    },
    async () => console.log(`closed ${name}`)
  )

const handling = (work: (body: string) => Promise<Verdict>): Processor =>
  pipe(receive(text), handle(otherwise(({ body }) => work(body))))

const never = new Promise<never>(() => undefined)

/** Prints lines; 'bad' fails, 'wait' waits for SIGUSR2, 'hang' for ever. */
const printing = handling(async (body) => {
  if (body === 'bad') return failed(rejected('late'))
  console.log(body)
  if (body === 'wait') await once(process, 'SIGUSR2')
  if (body === 'hang') await new Promise(() => undefined)
  return ack
})

/** Writes until what it wrote does not leave this process at once. */
const flooding = async (): Promise<void> => {
  const piece = `${'x'.repeat(1_023)}\n`
  let bytes = 0
  while (process.stdout.writableLength === 0 && bytes < 10_000_000) {
    process.stdout.write(piece)
    bytes += piece.length
  }
  process.stderr.write(`wrote ${bytes} bytes\n`)
}

/** Ends its one message once it was told how far it is. */
const progressing = (): void => {
  let release = (): void => undefined
  const isToldOf = new Promise<void>((resolve) => (release = resolve))
  const interpreter: Interpreter = (processor) => (signal, onEvent) =>
    stdin()(processor)(signal, (event) => {
      onEvent?.(event)
      if (event._tag === 'Progress') release()
    })
  runMain(interpreter)(
    handling(async () => {
      await isToldOf
      return ack
    })
  )
}

const programs: Record<string, () => void> = {
  prints: () => {
    setInterval(() => undefined, 60_000)
    const resources = Resource.all({ a: told('a'), b: told('b'), dlq: Resource.of<Dlq>(memoryDlq()) })
    runMain(stdin())(
      pipe(
        resources,
        Resource.map(({ dlq }) => withDlq(dlq)(printing))
      )
    )
  },
  'opens not': () => {
    const broken = Resource.make(
      'orders database',
      async () => left(resourceError('orders database', 'start the server,\nor set DB_URL')),
      async () => undefined
    )
    runMain(stdin())(
      pipe(
        Resource.all({ a: told('a'), broken, b: told('b') }),
        Resource.map(() => printing)
      )
    )
  },
  'closes not': () => {
    const broken = Resource.make(
      'orders database',
      async () => right(undefined),
      async () => {
        throw new Error('the disk is full')
      }
    )
    runMain(stdin())(
      pipe(
        Resource.all({ a: told('a'), broken }),
        Resource.map(() => printing)
      )
    )
  },
  floods: () =>
    runMain(stdin({ onFailed: 'report' }))(
      handling(async () => {
        await flooding()
        return failed(rejected('late'))
      })
    ),
  'floods and hangs': () =>
    runMain(stdin())(
      handling(async () => {
        await flooding()
        return new Promise<never>(() => undefined)
      })
    ),
  'never opens': () =>
    runMain(stdin())(
      Resource.make(
        'db',
        () => never,
        async () => undefined
      )
    ),
  'never runs': () => runMain(() => () => () => never)(printing),
  'never closes': () => {
    if (process.argv[3] === 'open') setInterval(() => undefined, 60_000)
    runMain(stdin())(
      pipe(
        Resource.make(
          'db',
          async () => right(undefined),
          () => never
        ),
        Resource.map(() => printing)
      )
    )
  },
  'runs twice': () => {
    runMain(consume(memory([message('one')]), { onFailed: 'stop' }))(printing)
    runMain(stdin())(printing)
  },
  'runs beside what fails': () => {
    runMain(stdin())(printing)
    runMain(consume(memory([message('bad')]), { onFailed: 'stop' }))(printing)
  },
  progresses: progressing,
  'stdin itself': () => runMain(stdin as never)(printing),
  'a source': () => runMain(memory([]) as never)(printing),
  'unhandled in a resource': () => runMain(stdin())(Resource.map(() => receive(text) as never)(told('a')))
}

programs[process.argv[2] as string]?.()
