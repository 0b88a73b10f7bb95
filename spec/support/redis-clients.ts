/** Clients of ioredis that a user may have. */
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'

/** By what is said of them; each connects to this URL. */
export const clients: readonly (readonly [name: string, make: (url: string) => Redis | Redis5])[] = [
  ['5', (url) => new Redis5(url)],
  ['6', (url) => new Redis(url)],
  ['6 by RESP3', (url) => new Redis(url, { protocol: 3 })],
  ['6 by RESP2', (url) => new Redis(url, { protocol: 2 })]
]
