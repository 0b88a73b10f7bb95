/** Publications: what lies under a message that came from Pub/Sub. */
import type { Message } from '../core/message.js'

/** Where a message was published, and by what it was subscribed to. */
export interface Publication {
  readonly _tag: 'Publication'
  /** The server, without credentials. */
  readonly server: string
  readonly channel: string
  /** The pattern that the channel matches; `undefined` where it was subscribed to by its name. */
  readonly pattern: string | undefined
}

/**
 * Where a message was published, if it came from Redis Pub/Sub.
 *
 * @example
 * assert.is(publicationOf(message('Hello')), undefined)
 *
 * @since 0.1.0
 */
export const publicationOf = ({ raw }: Message): Publication | undefined =>
  typeof raw === 'object' && raw !== null && (raw as Partial<Publication>)._tag === 'Publication'
    ? (raw as Publication)
    : undefined
