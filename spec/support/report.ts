/** The report of a run in which all went well. */
import type { Report } from '../../lib/ports/interpreter.js'

export const drained: Report = {
  received: 3,
  acked: 2,
  nacked: 0,
  failed: 0,
  deadLettered: 1,
  released: 0,
  unsettled: 0,
  unreadBytes: 0,
  durationMs: 12,
  storedIn: [],
  ended: { _tag: 'Drained' }
}
