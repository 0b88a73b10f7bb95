/** Apps: a processor, or a resource of one, which is what programs are made of. */
import type { Task } from 'fp-ts/lib/Task.js'
import { defect } from '../core/failure.js'
import type { Message } from '../core/message.js'
import { type Outcome, failed } from '../core/outcome.js'
import type { Processor } from '../core/processor.js'
import { Resource, isResource } from './resource.js'

// model

/** What an interpreter or the command runs: a processor, or a resource that opens what it needs. */
export type App = Processor | Resource<Processor>

// readers

/** A processor as a resource that needs no closing; a resource as it is. */
export const toResource = (app: App): Resource<Processor> => (isResource(app) ? app : Resource.of(app))

/**
 * Gives one message to an app: what the processor needs is opened before and closed after. If that cannot be
 * opened or closed the outcome is `Failed(Defect)`.
 *
 * @example
 * const app = Resource.of(pipe(receive(text), handle(otherwise(async () => ack))))
 * assert.equal(await processOne(app)(message('Hello'))(), ack)
 *
 * @since 0.1.0
 */
export const processOne =
  (app: App) =>
  (message: Message): Task<Outcome> =>
  async () => {
    const used = await Resource.use((processor: Processor) => processor(message))(toResource(app))()
    return used._tag === 'Right'
      ? used.right
      : failed(defect(used.left.resource, { name: used.left._tag, message: used.left.message }))
  }
