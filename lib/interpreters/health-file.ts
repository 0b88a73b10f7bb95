/** Health of a run as a file, for probes that are commands. */
import { renameSync, writeFileSync } from 'node:fs'
import type { Health } from '../combinators/health.js'
import type { OnEvent } from '../ports/interpreter.js'

/**
 * Keeps the health of a run in a small file, written anew with everything that the run tells, at least every 5 s.
 * `missive health FILE` reads it, and exits with 0 if the run is live and ready. A file that cannot be written makes
 * the probe fail, and nothing else.
 *
 * @example
 * const file = join(mkdtempSync(join(tmpdir(), 'missive-')), 'health.json')
 * const onEvent = healthFile(file, health())
 * onEvent({ _tag: 'Ready', inFlight: () => [] })
 * assert.is(JSON.parse(readFileSync(file, 'utf8')).isReady, true)
 *
 * @since 0.1.0
 */
export const healthFile =
  (path: string, { onEvent, status }: Health): OnEvent =>
  (event) => {
    onEvent(event)
    const { isLive, isReady, reason, gauges } = status()
    const next = `${path}.${process.pid}`
    writeFileSync(next, `${JSON.stringify({ at: Date.now(), isLive, isReady, reason, gauges })}\n`)
    // Whoever reads it finds the old one or the new one, whole.
    renameSync(next, path)
  }
