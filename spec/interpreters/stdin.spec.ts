import { Buffer } from 'node:buffer'
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { runInNewContext } from 'node:vm'
import { pipe } from 'fp-ts/lib/function.js'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Event,
  type Format,
  type Message,
  type Outcome,
  ack,
  bytes,
  deadLettered,
  failed,
  handle,
  json,
  malformed,
  message,
  nack,
  otherwise,
  receive,
  rejected,
  text,
  withDlq
} from 'missive-ts'
import { memoryDlq } from 'missive-ts/dlq'
import { type ConsumeOptions, type LinesOptions, consume, lines, stdin } from 'missive-ts/node'
import { virtualClock } from '../support/clock.js'
import { inFolder } from '../support/letters.js'
import { type Child, type Ended, command, killAll, program, shell } from '../support/run-main-child.js'

fc.configureGlobal({ includeErrorInReport: true })

// runs in this process

/** A stream that gives these pieces, each when it is asked for. */
const streamOf = (...pieces: readonly (string | Uint8Array)[]): Readable => {
  const left = [...pieces]
  return new Readable({
    read() {
      const piece = left.shift()
      setImmediate(() => this.push(piece === undefined ? null : Buffer.from(piece)))
    }
  })
}

interface Seen<B> {
  readonly id: string
  readonly body: B
}

/** Takes the lines of a stream in a format, and tells what handlers were given. */
const taken = async <B>(
  format: Format<B>,
  stream: Readable,
  linesOptions: LinesOptions = {},
  options: ConsumeOptions = {}
) => {
  const seen: Seen<B>[] = []
  const queue = memoryDlq()
  const events: Event[] = []
  const processor = pipe(
    receive(format),
    handle(
      otherwise(async ({ id, body }) => {
        seen.push({ id, body })
        return ack
      })
    ),
    withDlq(queue)
  )
  const interpreter = consume(lines(stream, linesOptions), options)
  const report = await interpreter(processor)(
    new AbortController().signal,
    (event) => void events.push(event)
  )()
  return { seen, report, letters: queue.letters(), events }
}

const bodies = <B>({ seen }: { readonly seen: readonly Seen<B>[] }): readonly B[] =>
  seen.map(({ body }) => body)

const source = suite('lines')

source('gives the same messages wherever the stream is cut', async () => {
  const parts = fc.constantFrom('a', 'bc', '\n', '\r\n', '\r', '\0', 'é', '😀', '\ufeff', '{"a":1}', '\n\n')
  await fc.assert(
    fc.asyncProperty(
      fc.array(parts, { maxLength: 30 }),
      fc.array(fc.nat(), { maxLength: 8 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 3 }),
      async (parts, cuts, skipEmpty, concurrency) => {
        const input = Buffer.from(parts.join(''))
        const ends = [...cuts.map((cut) => cut % (input.length + 1)), input.length].toSorted((a, b) => a - b)
        const pieces = ends.map((end, index) => input.subarray(ends[index - 1] ?? 0, end))
        const run = await taken(
          bytes,
          streamOf(...pieces.filter(({ length }) => length > 0)),
          { skipEmpty },
          { concurrency, maxUnsettled: 4 }
        )
        const expected = parts
          .join('')
          .replace(/\n$/, '')
          .split('\n')
          .map((line) => line.replace(/\r$/, ''))
          .filter((line) => !skipEmpty || line !== '')
        assert.equal(
          bodies(run).map((body) => Buffer.from(body).toString()),
          input.length === 0 ? [] : expected
        )
        const { received, acked, unsettled, unreadBytes, ended } = run.report
        const count = input.length === 0 ? 0 : expected.length
        assert.equal(
          { received, acked, unsettled, unreadBytes, ended },
          { received: count, acked: count, unsettled: 0, unreadBytes: 0, ended: { _tag: 'Drained' } }
        )
      }
    ),
    { numRuns: 50 }
  )
})

source('gives the payload as it came to each format', async () => {
  const input = (): Readable => streamOf('{"total"', ':3}\r\n', '\ufeff{"total":4}\n{"tot', 'al":"é"}')
  assert.equal(bodies(await taken(json, input())), [{ total: 3 }, { total: 4 }, { total: 'é' }])
  assert.equal(bodies(await taken(text, input())), ['{"total":3}', '{"total":4}', '{"total":"é"}'])
  assert.equal(
    bodies(await taken(bytes, input())).map((body) => Buffer.from(body).toString()),
    ['{"total":3}', '\ufeff{"total":4}', '{"total":"é"}']
  )
})

source('gives bytes that are no text as they are, and no text of them', async () => {
  const notText = Uint8Array.of(0xff, 0x00, 0x80)
  const input = (): Readable => streamOf(notText, '\nnext\n')
  assert.equal(
    bodies(await taken(bytes, input())).map((body) => [...body]),
    [[...notText], [...Buffer.from('next')]]
  )
  const { seen, letters } = await taken(text, input())
  assert.equal([bodies({ seen }), letters.map(({ bytes }) => [...bytes])], [['next'], [[...notText]]])
})

source('takes a stream of strings, and one of Uint8Arrays', async () => {
  assert.equal(bodies(await taken(text, Readable.from(['a\nb', 'é\n']))), ['a', 'bé'])
  assert.equal(bodies(await taken(text, streamOf('a\nb').setEncoding('utf8'))), ['a', 'b'])
  const arrays = [new TextEncoder().encode('a\nb'), new TextEncoder().encode('c')]
  assert.equal(bodies(await taken(text, Readable.from(arrays))), ['a', 'bc'])
})

source('names each message by its line, and by its run', async () => {
  const idsOf = async () =>
    (await taken(text, streamOf('a\n\nb\nc'), { skipEmpty: true })).seen.map(({ id }) => id)
  const [first, second] = [await idsOf(), await idsOf()]
  const numbersOf = (ids: readonly string[]) => ids.map((id) => /(\d+)$/.exec(id)?.[1])
  assert.equal(
    [numbersOf(first), numbersOf(second)],
    [
      ['1', '3', '4'],
      ['1', '3', '4']
    ]
  )
  assert.equal(new Set([...first, ...second]).size, 6)
})

source('says of its messages where they come from, and that they do not come back', async () => {
  const messages: Message[] = []
  const processor = (message: Message) => async (): Promise<Outcome> => {
    messages.push(message)
    return ack
  }
  const before = Date.now()
  const run = (options: LinesOptions) =>
    consume(lines(streamOf('a'), options))(processor)(new AbortController().signal)()
  await run({ source: 'orders.jsonl' })
  await run({})
  assert.equal(
    messages.map(({ source, redelivers, deliveryCount, headers, raw }) => ({
      source,
      redelivers,
      deliveryCount,
      headers,
      raw
    })),
    ['orders.jsonl', 'lines'].map((source) => ({
      source,
      redelivers: false,
      deliveryCount: 1,
      headers: {},
      raw: undefined
    }))
  )
  assert.ok(messages.every(({ receivedAt }) => receivedAt >= before && receivedAt <= Date.now()))
})

source('says by the clock that it is given when a line came', async () => {
  const clock = virtualClock()
  const times: number[] = []
  const processor = pipe(
    receive(text),
    handle(
      otherwise(async ({ receivedAt }) => {
        times.push(receivedAt)
        return ack
      })
    )
  )
  await consume(lines(streamOf('a\n'), { clock }))(processor)(new AbortController().signal)()
  assert.equal(times, [clock.now()])
})

source('dead-letters a line that is too long, with its beginning', async () => {
  const { seen, letters, report } = await taken(text, streamOf('abc', 'def\nok\n'), { maxLineBytes: 4 })
  const message = 'a line of 6 bytes, over the limit of 4; only its beginning is kept'
  assert.equal(
    letters.map(({ id, bytes, failure }) => [id.split(':').at(-1), Buffer.from(bytes).toString(), failure]),
    [['1', 'abcd', malformed([{ path: '', message }])]]
  )
  assert.equal([bodies({ seen }), report.deadLettered, report.unreadBytes], [['ok'], 1, 0])
})

source('gives what is too long to no handler, also where nothing reads the body', async () => {
  const outcomes: Outcome[] = []
  const pipeline = pipe(receive(bytes), handle(otherwise(async () => ack)))
  const processor = (message: Message) => async () => {
    const outcome = await pipeline(message)()
    outcomes.push(outcome)
    return outcome
  }
  const run = consume(lines(streamOf('abcdef\n'), { maxLineBytes: 4 }), { onFailed: 'report' })
  await run(processor)(new AbortController().signal)()
  assert.equal(
    outcomes.map((outcome) => outcome._tag === 'Failed' && outcome.failure._tag),
    ['Malformed']
  )
})

source('refuses a maxLineBytes that makes no sense, before it is opened', () => {
  for (const make of [() => lines(streamOf('a'), { maxLineBytes: 0 }), () => stdin({ maxLineBytes: 1.5 })])
    assert.throws(
      make,
      (error: unknown) =>
        error instanceof RangeError && error.message === 'lines: maxLineBytes is a whole number of at least 1'
    )
})

source('stores what is nacked, because it cannot bring it back', async () => {
  const queue = memoryDlq()
  const processor = pipe(
    receive(text),
    handle(otherwise(async () => nack({ reason: 'busy' }))),
    withDlq(queue)
  )
  const { deadLettered, nacked } = await consume(lines(streamOf('a')))(processor)(
    new AbortController().signal
  )()
  assert.equal([deadLettered, nacked], [1, 0])
  assert.equal(
    queue.letters().map(({ failure }) => failure),
    [rejected('nacked', { reason: 'busy' })]
  )
})

source('stops at a line that fails and lies in no queue', async () => {
  const processor = pipe(
    receive(text),
    handle(otherwise(async ({ body }) => (body === 'b' ? failed(rejected('late')) : ack)))
  )
  const stream = streamOf('a\nb\nc\n')
  const report = await consume(lines(stream))(processor)(new AbortController().signal)()
  const { received, acked, failed: failures, released, unsettled, ended } = report
  assert.equal([received, acked, failures, released, unsettled], [3, 1, 1, 1, 2])
  assert.equal(ended._tag === 'Stopped' && [ended.id.split(':').at(-1), ended.failure], [
    '2',
    rejected('late')
  ])
  assert.ok(stream.destroyed)
})

source('is lost when the stream fails, and what was read by then is handled', async () => {
  let pieces = 0
  const stream = new Readable({
    read() {
      setImmediate(() => {
        if ((pieces += 1) === 1) this.push('a\nb')
        else this.destroy(new Error('reset'))
      })
    }
  })
  const { seen, report } = await taken(text, stream)
  const { received, acked, unreadBytes, ended } = report
  assert.equal([bodies({ seen }), received, acked, unreadBytes], [['a'], 1, 1, 1])
  assert.is(ended._tag === 'SourceLost' && ended.error.message, 'reset')
})

source('is lost when the stream is closed before its end: half a line is no line', async () => {
  let pieces = 0
  const stream = new Readable({
    read() {
      setImmediate(() => {
        if ((pieces += 1) === 1) this.push('a\nhal')
        else this.destroy()
      })
    }
  })
  const { seen, report } = await taken(text, stream)
  assert.equal([bodies({ seen }), report.ended._tag, report.unreadBytes], [['a'], 'SourceLost', 3])
})

const withinDeadline = <A>(promise: Promise<A>): Promise<A> => {
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), 2_000)
  const late = new Promise<never>((_, reject) => {
    deadline.signal.addEventListener('abort', () => reject(new Error('did not end within 2 s')))
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

source('is lost when the stream is destroyed with what is no Error of here, and says what', async () => {
  const elsewhere: unknown = runInNewContext('new Error("reset")')
  for (const [thrown, message] of [
    [elsewhere, 'reset'],
    ['end', 'end'],
    ['aborted', 'aborted'],
    [{ code: 17 }, '{"code":17}']
  ] as readonly (readonly [any, string])[]) {
    const stream = new Readable({ read: () => undefined })
    const running = withinDeadline(taken(text, stream))
    stream.push('a\n')
    setImmediate(() => stream.destroy(thrown))
    const { seen, report } = await running
    assert.equal([bodies({ seen }), report.ended._tag], [['a'], 'SourceLost'])
    assert.is(report.ended._tag === 'SourceLost' && report.ended.error.message, message)
  }
})

source('ends also over a stream that has ended, failed or been closed before', async () => {
  const ended = Readable.from([])
  await new Promise((resolve) => ended.on('end', resolve).resume())
  const closed = streamOf('a')
  await new Promise((resolve) => closed.on('close', resolve).destroy())
  const failed = streamOf('a').on('error', () => undefined)
  await new Promise((resolve) => failed.on('close', resolve).destroy(new Error('reset')))
  for (const [stream, tags] of [
    [ended, ['Drained']],
    [closed, ['Drained', 'SourceLost']],
    [failed, ['SourceLost']]
  ] as const) {
    const { report } = await withinDeadline(taken(text, stream))
    assert.ok(([...tags] as string[]).includes(report.ended._tag), report.ended._tag)
    assert.is(report.received, 0)
  }
})

source('ends at once with a stop while it waits for input, and destroys the stream', async () => {
  const stream = new Readable({ read: () => undefined })
  const stopping = new AbortController()
  let handled = (): void => undefined
  const hasHandled = new Promise<void>((resolve) => (handled = resolve))
  const processor = () => async () => {
    handled()
    return ack
  }
  const running = consume(lines(stream))(processor)(stopping.signal)()
  stream.push('a\nhal')
  await hasHandled
  stopping.abort()
  const { received, acked, unreadBytes, ended } = await withinDeadline(running)
  assert.equal([received, acked, unreadBytes, ended, stream.destroyed], [1, 1, 3, { _tag: 'Aborted' }, true])
})

source('tells how far it is where it knows how much there is', async () => {
  let release = (): void => undefined
  const isToldOf = new Promise<void>((resolve) => (release = resolve))
  const events: Event[] = []
  const processor = () => async () => {
    await isToldOf
    return ack
  }
  const run = consume(lines(streamOf('a\nbc\n'), { totalBytes: 5 }))
  await run(processor)(new AbortController().signal, (event) => {
    if (event._tag !== 'Progress') return
    events.push({ ...event, elapsedMs: 0 })
    release()
  })()
  assert.equal(events[0], {
    _tag: 'Progress',
    received: 2,
    deadLettered: 0,
    readBytes: 5,
    totalBytes: 5,
    elapsedMs: 0
  })
})

source('gives messages that are equal to those that tests make', async () => {
  const outcomeOf = async (make: (message: Message) => Promise<Outcome>): Promise<Outcome | undefined> => {
    let outcome: Outcome | undefined
    const processor = (message: Message) => async () => (outcome = await make(message))
    await consume(lines(streamOf('{"a":\n')), { onFailed: 'report' })(processor)(
      new AbortController().signal
    )()
    return outcome
  }
  const processor = pipe(receive(json), handle(otherwise(async () => ack)), withDlq(memoryDlq()))
  const expected = await processor(message('{"a":'))()
  assert.equal(await outcomeOf((message) => processor(message)()), expected)
  assert.equal(expected, deadLettered(malformed([{ path: '', message: 'not JSON' }])))
})

source.run()

// programs

const programs = suite('stdin')

programs.after(killAll)

const ranOn = async (file: string, args: readonly string[] = [], skippedBytes = 0): Promise<Ended> => {
  const fd = openSync(file, 'r')
  try {
    if (skippedBytes > 0) readSync(fd, Buffer.alloc(skippedBytes))
    return await program('stdin-print', args, { stdin: fd }).ended
  } finally {
    closeSync(fd)
  }
}

const ranOnText = async (content: string, args: readonly string[] = [], skippedBytes = 0): Promise<Ended> => {
  let ended: Ended | undefined
  await inFolder(async (folder) => {
    const file = join(folder, 'input')
    writeFileSync(file, content)
    ended = await ranOn(file, args, skippedBytes)
  })
  return ended as Ended
}

const written = (child: Child, content: string): Promise<Ended> => {
  child.process.stdin?.end(content)
  return child.ended
}

const report = (counts: string, ...more: readonly string[]): string => [counts, ...more, ''].join('\n')

const fileLines = Array.from({ length: 30_000 }, (_, line) => `${line} ${'é'.repeat(line % 40)}`)

/** All are started together: most of their time they only load. */
const runs = {
  file: ranOnText(`a\r\n\n\u0000\n${fileLines.join('\n')}`),
  begun: ranOnText('header\na\nb\n', [], 7),
  begunBad: ranOnText('header\na\nbad\nb\n', [], 7),
  nothing: program('stdin-print', [], { stdin: 'ignore' }).ended,
  directory: shell(`exec ${command('stdin-print')} < /`).ended,
  bad: written(program('stdin-print'), 'a\nbad\nb\n'),
  reported: written(
    program('stdin-print', ['{"maxLineBytes":4,"skipEmpty":true,"onFailed":"report"}']),
    'bad\n\na\nbusy\nabcdef\n'
  ),
  head: shell(`yes | { ${command('stdin-print')}; echo "code $?" >&2; } | head -1`).ended
}

programs('takes the lines of a file', async () => {
  const { code, stdout, stderr } = await runs.file
  assert.equal([code, stderr], [0, report('30003 received, 30003 acked, 0 dead-lettered')])
  assert.ok(stdout === ['a', '', '\u0000', ...fileLines, ''].join('\n'), 'other lines than those of the file')
})

programs('takes a file from where it stands, and misses nothing of it', async () => {
  assert.equal(await runs.begun, {
    code: 0,
    stdout: 'a\nb\n',
    stderr: report('2 received, 2 acked, 0 dead-lettered')
  })
})

programs('leaves nothing unread of what others had read before', async () => {
  const { code, stderr } = await runs.begunBad
  assert.is(code, 1)
  assert.not.match(stderr, 'left unread')
})

programs('takes no input at all', async () => {
  assert.equal(await runs.nothing, {
    code: 0,
    stdout: '',
    stderr: report('0 received, 0 acked, 0 dead-lettered')
  })
})

programs('takes what comes through a pipe as soon as it is there, until its end', async () => {
  const child = program('stdin-print')
  child.process.stdin?.write('a\nb')
  assert.is(await child.until('stdout', 'a\n'), 'a\n')
  child.process.stdin?.write('c\n')
  assert.is(await child.until('stdout', 'bc\n'), 'a\nbc\n')
  assert.equal(await written(child, 'd'), {
    code: 0,
    stdout: 'a\nbc\nd\n',
    stderr: report('3 received, 3 acked, 0 dead-lettered')
  })
})

programs('says what is no input', async () => {
  const { code, stdout, stderr } = await runs.directory
  assert.equal([code, stdout], [1, ''])
  assert.ok(/EISDIR|directory/.test(stderr) && !stderr.includes('    at '), stderr)
})

programs('stops at a line that fails, with exit code 1, the line and the failure', async () => {
  const { code, stdout, stderr } = await runs.bad
  assert.equal([code, stdout], [1, 'a\n'])
  assert.equal(stderr.replaceAll(/[0-9a-f]{12}:/g, 'run:').split('\n'), [
    '3 received, 1 acked, 0 dead-lettered, 1 failed, 1 released',
    'left undone: 2 received messages',
    'stopped at run:2: rejected: late',
    ''
  ])
})

programs('goes on where failures are only reported, with exit code 1 at the end', async () => {
  const { code, stdout, stderr } = await runs.reported
  assert.equal([code, stdout], [1, 'a\n'])
  assert.equal(stderr.replaceAll(/[0-9a-f]{12}:/g, 'run:').split('\n'), [
    'run:1 failed: rejected: late',
    'run:4 nacked: busy',
    'run:5 failed: malformed: a line of 6 bytes, over the limit of 4; only its beginning is kept',
    '4 received, 1 acked, 0 dead-lettered, 1 nacked, 2 failed',
    'left undone: 1 received messages',
    ''
  ])
})

programs('ends quietly when nobody reads its output any more', async () => {
  const { code, stdout, stderr } = await runs.head
  assert.equal([code, stdout], [0, 'y\n'])
  assert.ok(/^code [01]$/m.test(stderr), stderr)
  assert.not.match(stderr, /EPIPE|Error|\n\s+at |node:/)
})

programs.run()
