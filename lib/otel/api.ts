/** Loading the API of OpenTelemetry, which is there only if the user installed it. */
import { createRequire } from 'node:module'
import type * as Api from '@opentelemetry/api'
import { capture, hush } from '../core/captured.js'
import { here } from '../here.js'

/** Names what makes spans and metrics. */
export const scope = 'missive-ts'

/**
 * On whose behalf it is loaded: `asker`. Node has one copy of it for modules and CommonJS, and what is global in it
 * is so in all copies.
 *
 * @throws Error if it is not installed
 */
export const loadApi = (asker: string): typeof Api => {
  try {
    return createRequire(here)('@opentelemetry/api') as typeof Api
  } catch (thrown) {
    const why = capture(thrown).message.split('\n')[0]
    throw new Error(
      `${asker}: @opentelemetry/api cannot be loaded (${why}); install it: npm install @opentelemetry/api`,
      { cause: thrown }
    )
  }
}

/** What is asked, or `undefined` if that throws. */
export type Quietly = <A>(ask: () => A) => A | undefined

/**
 * Nothing that only watches may change what becomes of a message: what is thrown goes to the API's own log, which is
 * shown to whoever has set a `DiagLogger`.
 */
export const quietlyFor =
  (asker: string, { diag }: Pick<typeof Api, 'diag'>): Quietly =>
  (ask) => {
    try {
      const given = ask()
      if (given instanceof Promise) hush(given)
      return given
    } catch (thrown) {
      complain(asker, thrown, diag)
      return undefined
    }
  }

// helpers

const complain = (asker: string, thrown: unknown, diag: Api.DiagAPI): void => {
  try {
    const { name, message } = capture(thrown)
    diag.error(`${asker}: ${name}: ${message}`)
  } catch {
    // there is nowhere left to report it to
  }
}
