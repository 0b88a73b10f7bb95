/** Outcomes and failures, as attributes of spans and metrics. */
import type { Attributes } from '@opentelemetry/api'
import type { Captured } from '../core/captured.js'
import type { Failure } from '../core/failure.js'
import type { Message } from '../core/message.js'
import type { Outcome } from '../core/outcome.js'
import * as names from './semconv.js'

/** The failure of an outcome that has one, stored or not. */
export const failureOf = (outcome: Outcome): Failure | undefined =>
  outcome._tag === 'Failed' || outcome._tag === 'DeadLettered' ? outcome.failure : undefined

/** Which outcome, and of what kind the failure is: tags alone, so no text of anybody's. */
export const told = (outcome: Outcome): Attributes => {
  const failure = failureOf(outcome)
  return {
    [names.outcome]: outcome._tag,
    ...(failure !== undefined && { [names.errorType]: failure._tag })
  }
}

/** The route that took the message, by its label in the program. */
export const routeOf = ({ trace }: Message): Attributes =>
  trace.route === undefined ? {} : { [names.route]: trace.route }

/** What was thrown, if that is why. */
export const thrownOf = (failure: Failure): Captured | undefined => {
  switch (failure._tag) {
    case 'Defect':
      return failure
    case 'HookFailed':
      return failure.error
    case 'DlqUnavailable':
      return thrownOf(failure.failure)
    default:
      return undefined
  }
}
