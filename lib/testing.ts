/** missive-ts/testing: laws for what users write themselves. Needs no test framework. */
export type { StoreLaw } from './testing/store-laws.js'
export { storeLaws } from './testing/store-laws.js'
export type { Broker, Sent, SourceBench, SourcePromise, SourcePromises } from './testing/source-bench.js'
export type { LawLeftOut, SourceLaw, SourceLawOptions } from './testing/source-laws.js'
export { lawsLeftOut, sourceLaws } from './testing/source-laws.js'
export type { IdempotencyLaw, IdempotencyLawOptions } from './testing/idempotency-laws.js'
export { idempotencyLaws } from './testing/idempotency-laws.js'
