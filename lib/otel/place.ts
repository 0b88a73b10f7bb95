/** Where messages come from, in the words of the conventions. */
import type { Attributes } from '@opentelemetry/api'
import type { Message } from '../core/message.js'
import { httpRequestOf, placeIn } from '../http/request.js'
import { streamEntryOf } from '../redis/entry.js'
import { publicationOf } from '../redis/publication.js'
import * as names from './semconv.js'

// readers

/** What many messages have in common, so that it may stand in metrics; with what the user says of it. */
export const placeOf = (message: Message, said: Attributes | undefined): Attributes => ({
  [names.operationName]: names.process,
  [names.operationType]: names.process,
  ...knownPlace(message),
  ...said
})

/** What is this message's own. No header is here but what names the message or its channel, and no payload. */
export const ownOf = (message: Message): Attributes => {
  const { letter } = message
  const entry = streamEntryOf(message)
  const publication = publicationOf(message)
  return {
    [names.messageId]: message.id,
    [names.deliveryCount]: message.deliveryCount,
    [names.attempt]: message.trace.attempts.length + 1,
    ...(letter !== undefined && { [names.letterKey]: letter.key }),
    ...(entry !== undefined && { [names.clientId]: entry.consumer }),
    ...(publication !== undefined && { [names.destinationName]: publication.channel })
  }
}

/** `process`, and where it comes from, where that has few names. */
export const spanNameOf = (place: Attributes): string => {
  const { [names.operationName]: operation, [names.destinationName]: name } = place
  const { [names.destinationTemplate]: destination = name } = place
  return destination === undefined ? String(operation) : `${String(operation)} ${String(destination)}`
}

// helpers

const knownPlace = (message: Message): Attributes => {
  const { letter, source } = message
  if (letter !== undefined) return { [names.system]: 'missive', [names.destinationName]: 'dead letters' }

  const entry = streamEntryOf(message)
  if (entry !== undefined)
    return {
      [names.system]: 'redis',
      [names.destinationName]: entry.stream,
      [names.consumerGroup]: entry.group,
      ...serverOf(entry.server)
    }

  const publication = publicationOf(message)
  if (publication !== undefined) {
    const { server, channel, pattern } = publication
    const destination =
      pattern === undefined ? { [names.destinationName]: channel } : { [names.destinationTemplate]: pattern }
    return { [names.system]: 'redis', ...destination, ...serverOf(server) }
  }

  const request = httpRequestOf(message)
  if (request !== undefined) {
    // A sender may ask for any path, and some have a secret in it.
    const listener = placeIn(source, request)
    return { [names.system]: 'http', ...(listener !== '' && { [names.destinationName]: listener }) }
  }

  return { [names.system]: source === 'stdin' ? 'stdin' : '_OTHER', [names.destinationName]: source }
}

/** Of one server, which is written like `localhost:6379/0`; the nodes of a cluster have no address in common. */
const serverOf = (server: string): Attributes => {
  const [, address, port] = /^([^,]+):(\d+)\/\d+$/.exec(server) ?? []
  return address === undefined ? {} : { [names.serverAddress]: address, [names.serverPort]: Number(port) }
}
