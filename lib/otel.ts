/** missive-ts/otel: spans and metrics by OpenTelemetry. Needs @opentelemetry/api. */
export type { TracingOptions } from './otel/tracing.js'
export { withTracing } from './otel/tracing.js'
export type { MetricsOptions } from './otel/metrics.js'
export { withMetrics } from './otel/metrics.js'
export type { RunMetrics, RunMetricsOptions } from './otel/run-metrics.js'
export { metricsOf } from './otel/run-metrics.js'
