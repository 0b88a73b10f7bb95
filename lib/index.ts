/** missive-ts: all that is pure, and the combinators that ask the time. Drivers have subpaths of their own. */

// messages and formats
export type { Interruption, Message, MessageFields, Trace } from './core/message.js'
export { amend, interruptionOf, message } from './core/message.js'
export type { Format } from './core/format.js'
export { bytes, json, text } from './core/format.js'
export type { Json } from './core/json.js'

// matchers and routes
export type { BodyMatcher, InputOf, MatcherOf, Matching } from './matchers/matching.js'
export type { KeyMatcher } from './matchers/keyed.js'
export type { Match, Matcher } from './core/matcher.js'
export { and, named, not, or } from './matchers/composed.js'
export { byField, byHeader } from './matchers/keyed.js'
export type { Key, Keys, Scalar } from './core/key.js'
export type { Handler, Route } from './core/route.js'
export { otherwise, route } from './matchers/route.js'
export type { BatchHandler, BatchItem } from './combinators/batch.js'

// pipelines and processors
export type { Acquired, Context, Hook, Pipeline } from './core/pipeline.js'
export { hook, receive } from './core/pipeline.js'
export { handle } from './core/handle.js'
export type { HookAcquire, HookRelease, PipelineHook, ReleaseInfo } from './core/hook.js'
export type {
  BatchLimits,
  DescribedRoute,
  Description,
  Processor,
  Selection,
  Settled,
  Unsettled
} from './core/processor.js'
export { combinator } from './core/processor.js'
export { combine } from './combinators/combine.js'
export type { App } from './ports/app.js'
export { processOne } from './ports/app.js'
export { batched, health, withDedupe, withDlq, withLogging, withRetry, withTimeout } from './timed.js'
export { withMaxDeliveries } from './combinators/deliveries.js'
export type { LogFields, LogLevel, Logger, LoggingOptions } from './combinators/logging.js'
export type { SensitivePath } from './core/masked.js'
export { redacted } from './matchers/masking.js'
export { sensitive } from './matchers/sensitive.js'
export type { RetryOptions } from './combinators/retry.js'
export { isTransient } from './combinators/retry.js'
export type { RetryPolicy, RetryStatus } from './combinators/retry-policy.js'
export {
  bothPolicies,
  capDelay,
  constantDelay,
  exponentialBackoff,
  exponentialDelay,
  fullJitter,
  limitAttempts,
  limitTime
} from './combinators/retry-policy.js'
export type {
  Attempt,
  DeadLetter,
  Dlq,
  DlqError,
  Lease,
  LetterIdentity,
  LetterState,
  StoredLetter
} from './core/letter.js'
export { explain, renderExplanation } from './combinators/explain.js'
export type { Explanation } from './combinators/explain.js'

// verdicts, outcomes and failures
export type { TagCases } from './core/match.js'
export type { Acked, DeadLettered, Failed, Nacked, Outcome, Released, Verdict } from './core/outcome.js'
export {
  ack,
  ackWith,
  deadLettered,
  failed,
  matchOutcome,
  matchVerdict,
  nack,
  released
} from './core/outcome.js'
export type { Captured } from './core/captured.js'
export type {
  Defect,
  DlqUnavailable,
  Failure,
  HookFailed,
  Issue,
  Malformed,
  Miss,
  MultipleMatches,
  NoMatch,
  Rejected,
  TimedOut,
  TooManyDeliveries
} from './core/failure.js'
export {
  defect,
  dlqUnavailable,
  hookFailed,
  malformed,
  matchFailure,
  multipleMatches,
  noMatch,
  rejected,
  timedOut,
  tooManyDeliveries
} from './core/failure.js'
export { failureToJson } from './failures/to-json.js'
export { publicMessage, renderFailure } from './failures/render.js'

// what was done already
export type { DedupeOptions } from './combinators/dedupe.js'
export type {
  IdempotencyClaim,
  IdempotencyError,
  IdempotencyHold,
  IdempotencyState,
  IdempotencyStore
} from './ports/idempotency.js'
export type { MemoryIdempotencyOptions } from './idempotency/memory.js'
export { memoryIdempotency } from './idempotency/memory.js'

// resources, sources and interpreters
export type { Opened, ResourceError } from './ports/resource.js'
export { Resource, resourceError } from './ports/resource.js'
export type {
  Action,
  Delivery,
  Input,
  OpenSource,
  Pulled,
  Settle,
  Settlement,
  Source,
  SourceError,
  SourceGauges,
  SourceLimits,
  Traits
} from './ports/source.js'
export type { Origin } from './core/message.js'
export { fromOrigin, interruption } from './core/message.js'
export { Interruptible } from './ports/interruptible.js'
export type {
  Ended,
  Event,
  Gauges,
  InFlight,
  Interpreter,
  OnEvent,
  Progress,
  Report
} from './ports/interpreter.js'
export { exitCode } from './ports/interpreter.js'
export { renderEvent, renderReport } from './ports/rendering.js'
export { telling } from './combinators/observers.js'
export type { Health, HealthStatus } from './combinators/health.js'
export type { Gate, OpenGate } from './combinators/gate.js'
export { circuitBreaker, rateLimit } from './combinators/gate.js'
export type { Clock } from './core/clock.js'
