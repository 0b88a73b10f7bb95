/** missive-ts/testing: values for testing processors, and laws for what users write. Needs no test framework. */
export type { StoreLaw, StoreLawOptions } from './testing/store-laws.js'
export { storeLaws } from './testing/store-laws.js'
export type { Broker, Sent, SourceBench, SourcePromise, SourcePromises } from './testing/source-bench.js'
export type { LawLeftOut, SourceLaw, SourceLawOptions } from './testing/source-laws.js'
export { lawsLeftOut, sourceLaws } from './testing/source-laws.js'
export type { IdempotencyLaw, IdempotencyLawOptions } from './testing/idempotency-laws.js'
export { idempotencyLaws } from './testing/idempotency-laws.js'
export type { VirtualClock, VirtualClockOptions } from './testing/virtual-clock.js'
export { seededRandom, virtualClock } from './testing/virtual-clock.js'
export type { When } from './testing/when.js'
export { every, nth, randomly } from './testing/when.js'
export type { FaultOptions } from './testing/faults.js'
export {
  crashing,
  delaying,
  duplicating,
  failing,
  flakyDlq,
  injectedFault,
  shuffled,
  throwing
} from './testing/faults.js'
export { outcomes } from './testing/outcomes.js'
