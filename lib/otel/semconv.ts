/**
 * Names of the semantic conventions for messaging, version 1.44.0, copied as they are in development there:
 * https://github.com/open-telemetry/semantic-conventions/tree/v1.44.0/docs/messaging. What begins with `missive` is ours.
 */

// attributes

export const system = 'messaging.system'
export const operationName = 'messaging.operation.name'
export const operationType = 'messaging.operation.type'
export const destinationName = 'messaging.destination.name'
/** Stands for a name of which there may be any number. */
export const destinationTemplate = 'messaging.destination.template'
export const consumerGroup = 'messaging.consumer.group.name'
export const clientId = 'messaging.client.id'
export const messageId = 'messaging.message.id'
export const serverAddress = 'server.address'
export const serverPort = 'server.port'
export const errorType = 'error.type'
export const statusCode = 'http.response.status_code'

export const route = 'missive.route'
export const outcome = 'missive.outcome'
/** How many times a handler was started for the message, over all its deliveries. */
export const deliveryCount = 'missive.delivery_count'
/** The number of the attempt, within a delivery, with which the span began. */
export const attempt = 'missive.attempt'
/** How many attempts of the delivery had failed when the span ended, and were followed by another one. */
export const failedAttempts = 'missive.failed_attempts'
/** The key of the letter that is replayed. */
export const letterKey = 'missive.letter.key'
export const event = 'missive.event'

// values

export const process = 'process'

// metrics

export const consumedMessages = 'messaging.client.consumed.messages'
export const processDuration = 'messaging.process.duration'
/** In seconds. */
export const durationBuckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
