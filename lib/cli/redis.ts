/** Queues in Redis, as they are named on a command line: `redis://host:6379/0#name`. */
import { type Io, Stop } from './io.js'

/** What the command line need not have, where others could read it. */
export const redisHelp = `
A queue in Redis is redis://host:6379/0 (rediss:// for TLS), with #name behind it unless its name is missive:dlq.
MISSIVE_REDIS_USER and MISSIVE_REDIS_PASSWORD are who to be there, as far as the URL does not say.`

export const isRedis = (queue: string): boolean => /^rediss?:\/\//i.test(queue)

/** The server and the queue that a URL means; what the environment has of credentials is put into it. */
export const redisOf = (queue: string, env: Io['env']): { readonly url: string; readonly name?: string } => {
  const url = readable(queue)
  const { MISSIVE_REDIS_USER: user = '', MISSIVE_REDIS_PASSWORD: password = '' } = env
  if (url.password === '') {
    if (url.username === '') url.username = encodeURIComponent(user)
    url.password = encodeURIComponent(password)
  }
  const name = nameIn(url)
  url.hash = ''
  return { url: url.href, ...(name !== '' && { name }) }
}

// helpers

/** What cannot be read is not shown: there may be a password in it. */
const readable = (queue: string): URL => {
  try {
    return new URL(queue)
  } catch {
    throw new Stop(2, 'the URL of the queue cannot be read; give one like redis://host:6379/0#name')
  }
}

const nameIn = ({ hash }: URL): string => {
  try {
    return decodeURIComponent(hash.slice(1))
  } catch {
    throw new Stop(2, 'the name behind # cannot be read; a % in it is %25')
  }
}
