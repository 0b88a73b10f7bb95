/** What becomes of messages where one matcher is all there is. */
import { pipe } from 'fp-ts/lib/function.js'
import type { Failure } from '../../lib/core/failure.js'
import { type Format, json } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import type { Json } from '../../lib/core/json.js'
import { type MessageFields, message } from '../../lib/core/message.js'
import { type Outcome, ackWith, failed } from '../../lib/core/outcome.js'
import { receive } from '../../lib/core/pipeline.js'
import type { Processor } from '../../lib/core/processor.js'
import { right } from '../../lib/core/result.js'
import type { Matching } from '../../lib/matchers/matching.js'
import { route } from '../../lib/matchers/route.js'

/** Acks what the matcher takes with what its handler is given. */
export const accepting = (matching: Matching<Json>, format: Format<Json> = json): Processor =>
  pipe(receive(format), handle(route(matching, async (input: unknown) => ackWith({ reply: input }))))

/** What becomes of a body when this is the one matcher. */
export const offer = (
  matching: Matching<Json>,
  body: unknown,
  fields: MessageFields = {}
): Promise<Outcome> => accepting(matching, () => right(body as Json))(message('', fields))()

export const took = (reply: unknown): Outcome => ackWith({ reply })

export const tagOf = async (outcome: Promise<Outcome>): Promise<string> => {
  const settled = await outcome
  return settled._tag === 'Failed' ? settled.failure._tag : settled._tag
}

export const failureOf = async (outcome: Promise<Outcome>): Promise<Failure | undefined> => {
  const settled = await outcome
  return settled._tag === 'Failed' ? settled.failure : undefined
}

export const missed = (label: string, reason: string): Outcome =>
  failed({ _tag: 'NoMatch', routes: [{ route: label, reason }] })
