/** The queue that a command is about: a file, or a queue in Redis, that must be there. */
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { left } from '../core/result.js'
import { redisDlq } from '../dlq/redis.js'
import { sqliteDlq } from '../dlq/sqlite.js'
import { printable } from '../failures/render.js'
import type { DeadLetterStore } from '../ports/letters.js'
import type { Resource } from '../ports/resource.js'
import { using } from './answer.js'
import { type Io, Stop, say } from './io.js'
import { isRedis, redisOf } from './redis.js'

/** A queue is made only where a command offers `create` and it was asked for: whoever mistypes its path wants to know. */
export const withQueue = async <A>(
  io: Io,
  queue: string,
  use: (store: DeadLetterStore) => Promise<A>,
  offered: { readonly create?: boolean } = {}
): Promise<A> => {
  const { cwd, env } = io
  const { create = false } = offered
  const orCreate = offered.create === undefined ? '' : ', or --create to make one'
  if (isRedis(queue))
    return using(advised(redisDlq({ ...redisOf(queue, env), create, connectMs }), orCreate), 2, use)
  // It is not shown: there may be a password in it.
  if (/^[a-z][a-z0-9+.-]+:\//i.test(queue))
    throw new Stop(2, 'the URL of a queue begins with redis:// or rediss://; give one, or the path of a file')
  const file = sqliteDlq(resolve(cwd, queue), { create })
  return using(advised(patient(io, queue, file), orCreate), 2, use)
}

/** Is this a file of the queue itself? */
export const isOfQueue = (path: string, location: string): boolean =>
  ['', '-wal', '-shm'].some((suffix) => isSameFile(path, `${location}${suffix}`))

// helpers

/** Somebody waits for the answer. */
const connectMs = 5_000

/** Says what is waited for, where that takes longer than anybody expects. */
const patient = <A>({ stderr }: Io, queue: string, { open }: Resource<A>): Resource<A> => ({
  open: async () => {
    const text = printable(`waiting for ${queue}: another process may hold it locked`)
    const timer = setTimeout(() => void say(stderr, text).catch(() => undefined), quietMs)
    try {
      return await open()
    } finally {
      clearTimeout(timer)
    }
  }
})

const quietMs = 2_000

/** Says where there is no queue yet what makes one. */
const advised = <A>({ open }: Resource<A>, orCreate: string): Resource<A> => ({
  open: async () => {
    const opened = await open()
    return opened._tag === 'Left' &&
      /there is no queue called|does not exist; give the path of a queue|is empty, and no queue/.test(
        opened.left.message
      )
      ? left({ ...opened.left, message: `${opened.left.message}${orCreate}` })
      : opened
  }
})

const isSameFile = (one: string, other: string): boolean => {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }))
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino
}
