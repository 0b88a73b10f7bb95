/** Handlers that gather messages: each route that has one gets one of its own. */
import type { BatchLimits } from './processor.js'
import type { Handler } from './route.js'

// constructors

/** A handler that `gather` makes anew for each route. */
export const gatheredBy = <A, C>(batch: BatchLimits, gather: () => Handler<A, C>): Handler<A, C> => {
  const owner = gather()
  const plan: Plan = { owner, batch, gather }
  return Object.assign(owner, { [planOf]: plan })
}

// readers

/**
 * What a route calls, and how that gathers. A handler that gathers does so for each route apart, whatever it is used
 * in besides; one that a user wrapped is called as what it is.
 */
export const gatheringOf = (
  handler: Handler<any, any>
): { readonly handler: Handler<any, any>; readonly batch: BatchLimits | undefined } => {
  const plan = (handler as { readonly [planOf]?: Plan })[planOf]
  return plan?.owner === handler
    ? { handler: plan.gather(), batch: plan.batch }
    : { handler, batch: undefined }
}

// helpers

interface Plan {
  readonly owner: Handler<any, any>
  readonly batch: BatchLimits
  readonly gather: () => Handler<any, any>
}

/** A registered symbol, as another copy of this module may have made the handler. */
const planOf: unique symbol = Symbol.for('missive-ts/batched') as never
