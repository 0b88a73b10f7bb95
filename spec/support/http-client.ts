/** HTTP clients that send what they are told to, byte by byte, and keep to no rule by themselves. */
import { type Socket, connect as connectTo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { within } from './deadline.js'

// model

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Client {
  /** Resolves once the kernel has it, or once the connection is gone. */
  readonly send: (bytes: string | Uint8Array) => Promise<void>
  /** Sends it byte by byte, so far apart, until the connection is gone. */
  readonly drip: (bytes: string, everyMs: number) => Promise<void>
  /** Says that nothing more is sent; answers still come. */
  readonly halfClose: () => void
  /** Goes away without a word. */
  readonly reset: () => void
  /** Stops reading, or reads again. */
  readonly pause: () => void
  readonly resume: () => void
  /** The first so many final answers. Rejects if the connection ends before them. */
  readonly answers: (count: number) => Promise<readonly Answer[]>
  readonly answer: () => Promise<Answer>
  /** All that came, once the connection is gone. */
  readonly closed: () => Promise<string>
  readonly isClosed: () => boolean
  readonly received: () => string
}

// constructors

export const connect = (address: string): Promise<Client> => {
  const { hostname, port } = new URL(address)
  const socket = connectTo({ host: hostname, port: Number(port), allowHalfOpen: true })
  open.add(socket)
  let text = ''
  let isGone = false
  const waiting = new Set<() => void>()
  const look = (): void => {
    for (const each of waiting) each()
  }
  socket.setEncoding('latin1').on('data', (piece: string) => {
    text += piece
    look()
  })
  // Whoever is hung up on goes too.
  socket.on('end', () => socket.end())
  socket.on('error', () => undefined)
  socket.on('close', () => {
    open.delete(socket)
    isGone = true
    look()
  })

  const when = <A>(what: string, found: () => A | undefined): Promise<A> =>
    within(
      what,
      new Promise<A>((resolve, reject) => {
        const check = (): void => {
          const value = found()
          if (value === undefined && !isGone) return
          waiting.delete(check)
          if (value === undefined) reject(new Error(`closed before ${what}, after ${JSON.stringify(text)}`))
          else resolve(value)
        }
        waiting.add(check)
        check()
      })
    )

  const answers: Client['answers'] = (count) =>
    when(`${count} answers`, () => {
      const found = answersIn(text, isGone)
      return found.length < count ? undefined : found.slice(0, count)
    })
  const send: Client['send'] = (bytes) =>
    new Promise((resolve) => {
      if (isGone) return resolve()
      socket.once('close', resolve)
      socket.write(bytes, () => {
        socket.off('close', resolve)
        resolve()
      })
    })
  const client: Client = {
    send,
    drip: async (bytes, everyMs) => {
      for (const byte of bytes) {
        if (isGone) return
        await send(byte)
        await delay(everyMs)
      }
    },
    halfClose: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    answers,
    answer: async () => (await answers(1))[0] as Answer,
    closed: () => when('the end of a connection', () => (isGone ? text : undefined)),
    isClosed: () => isGone,
    received: () => text
  }
  return within(
    'a connection',
    new Promise((resolve, reject) => {
      socket.once('connect', () => resolve(client))
      socket.once('error', reject)
    })
  )
}

/** Connects, sends this, and waits for what is answered and for the end of the connection. */
export const exchanged = async (address: string, bytes: string | Uint8Array): Promise<readonly Answer[]> => {
  const client = await connect(address)
  await client.send(bytes)
  return answersIn(await client.closed(), true)
}

/** Ends all that is still connected; for after a suite. */
export const hangUp = (): void => {
  for (const socket of open) socket.destroy()
}

// requests

/** The text of a request; its length is said unless headers say otherwise. */
export const requestOf = (body = '{}', headers: readonly string[] = []): string => {
  const isFramed = headers.some((header) => /^(?:content-length|transfer-encoding):/i.test(header))
  const length = isFramed ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  return `${['POST / HTTP/1.1', 'Host: a.test', ...length, ...headers].join('\r\n')}\r\n\r\n${body}`
}

export const chunkOf = (body: string): string => `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n`

// answers

/** The final answers that are whole; the last one also if it ends with the connection. */
export const answersIn = (text: string, isOver: boolean): readonly Answer[] => {
  const answers: Answer[] = []
  let rest = text
  while (true) {
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) return answers
    const [statusLine = '', ...lines] = rest.slice(0, end).split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1])
    if (Number.isNaN(status)) throw new Error(`no answer of HTTP: ${JSON.stringify(rest)}`)
    rest = rest.slice(end + 4)
    if (status < 200) continue
    const headers = Object.fromEntries(
      lines.map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
      })
    )
    const found = bodyIn(rest, status, headers, isOver)
    if (found === undefined) return answers
    answers.push({ status, headers, body: found.body })
    rest = rest.slice(found.length)
  }
}

// helpers

const open = new Set<Socket>()

/** A body, and how much of the text it takes. */
const bodyIn = (
  text: string,
  status: number,
  headers: Answer['headers'],
  isOver: boolean
): { readonly body: string; readonly length: number } | undefined => {
  if (headers['transfer-encoding'] === 'chunked') {
    const last = /(?:^|\r\n)0\r\n\r\n/.exec(text)
    if (last === null) return undefined
    const body = text.slice(0, last.index).replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, '')
    return { body, length: last.index + last[0].length }
  }
  const { 'content-length': said = status === 204 ? '0' : undefined } = headers
  const length = said === undefined ? text.length : Number(said)
  return (said === undefined && !isOver) || text.length < length
    ? undefined
    : { body: text.slice(0, length), length }
}
