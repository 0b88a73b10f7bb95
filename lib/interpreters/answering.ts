/** Answers to a source: what became of each delivery, counted, told, and settled as its outcome says. */
import type { Clock } from '../core/clock.js'
import { interruptionOf } from '../core/message.js'
import type { Outcome } from '../core/outcome.js'
import type { Ended, OnEvent } from '../ports/interpreter.js'
import type { Action, Delivery, Settlement, Source } from '../ports/source.js'
import { actionOf, done } from './action.js'
import { interrupt } from './reliable.js'
import { type Settler, settler } from './settler.js'
import { type Tally, count } from './tally.js'

// model

export interface Answering {
  /** Answers for a delivery, as its outcome says, and tells what nobody keeps. */
  readonly answer: (delivery: Delivery, outcome: Outcome, started: boolean) => void
  /** The same for one that was counted and told before: what its source is to do with it, unless it is lost. */
  readonly handBack: (delivery: Delivery, outcome: Outcome, started: boolean) => Action | undefined
  /** Is it somebody else's by now? */
  readonly isLost: (delivery: Delivery) => boolean
  /** What is being settled; `undefined` where the source has nobody to tell. */
  readonly settling: Settler | undefined
}

export interface AnsweringNeeds {
  readonly patienceMs: number
  readonly onFailed: 'stop' | 'report' | 'park'
  readonly tally: Tally
  readonly emit: OnEvent
  /** Told of each delivery that is no longer ours, whatever became of it. */
  readonly letGo: () => void
  readonly isStopped: () => boolean
  readonly stop: (why: Ended) => void
}

// constructors

export const answering = (
  { settle, traits: { redelivers, leaseMs } }: Source,
  clock: Clock,
  { patienceMs, onFailed, tally, emit, letGo, isStopped, stop }: AnsweringNeeds
): Answering => {
  const conclude = (delivery: Delivery, action: Action, settlement: Settlement): void => {
    letGo()
    // Of what did not answer for a lease nobody knows whose it is by now.
    if (settlement === 'unknown' && leaseMs !== undefined) interrupt(delivery, 'leaseLost')
    if (settlement === 'lost') emit({ _tag: 'Lost', id: delivery.message.id })
    else if (settlement === 'unknown' || (action !== done && !redelivers)) tally.unsettled += 1
  }
  const settling = settle && settler(settle, patienceMs, clock, conclude)

  /** What a source cannot bring back it cannot give to anybody else. */
  const isLost = ({ message }: Delivery): boolean => redelivers && interruptionOf(message) === 'leaseLost'

  const handBack = (delivery: Delivery, outcome: Outcome, started: boolean): Action | undefined => {
    if (isLost(delivery)) {
      conclude(delivery, done, 'lost')
      return undefined
    }
    const action = actionOf(outcome, delivery, started, onFailed)
    if (settling === undefined) conclude(delivery, action, 'ok')
    else settling.add({ delivery, outcome, action })
    return action
  }

  const answer = (delivery: Delivery, outcome: Outcome, started: boolean): void => {
    count(tally, outcome)
    const action = handBack(delivery, outcome, started)
    if (action === undefined || outcome._tag === 'Acked') return
    const { id, trace } = delivery.message
    if (outcome._tag === 'DeadLettered' && trace.storedIn !== undefined) tally.storedIn.add(trace.storedIn)
    if (outcome._tag === 'Failed' && action._tag === 'Release' && !isStopped()) {
      stop({ _tag: 'Stopped', id, failure: outcome.failure })
    } else if (outcome._tag === 'Failed' || (outcome._tag === 'Nacked' && !redelivers)) {
      emit({ _tag: 'Reported', id, outcome })
    }
  }

  return { answer, handBack, isLost, settling }
}
