import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hookFailed, rejected } from '../../lib/core/failure.js'
import { json } from '../../lib/core/format.js'
import { handle } from '../../lib/core/handle.js'
import { type PipelineHook, type ReleaseInfo, refuseNamesake, withHooks } from '../../lib/core/hook.js'
import { type Message, message } from '../../lib/core/message.js'
import { type Outcome, type Verdict, ack, failed, nack } from '../../lib/core/outcome.js'
import { left, right } from '../../lib/core/result.js'
import { otherwise } from '../../lib/matchers/route.js'

/** What is the same on every machine: data without stacks. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, field) => (key === 'stack' ? undefined : field)))

const boom = new RangeError('boom')
const noEither = new TypeError('gave something that is no Either')

/** Each way in which a hook can give a value, or its release nothing. */
const goodWays: Readonly<Record<string, (value: unknown) => unknown>> = {
  'a promise': async (value) => value,
  'a Task of Right': (value) => async () => right(value),
  'a value, as code without types may': (value) => value
}

/** Each way in which it can fail, and the failure that this is. */
const badWays: Readonly<
  Record<string, { readonly act: () => unknown; readonly left?: string; readonly thrown?: Error }>
> = {
  'gives Left': { act: () => async () => left(rejected('no')), left: 'no' },
  'its Promise gives Left': { act: async () => left(rejected('no')), left: 'no' },
  'its Promise gives a verdict': { act: async () => failed(rejected('no')), left: 'no' },
  throws: {
    act: () => {
      throw boom
    },
    thrown: boom
  },
  rejects: { act: async () => Promise.reject(boom), thrown: boom },
  'its Task rejects': { act: () => async () => Promise.reject(boom), thrown: boom },
  'its Task throws': {
    act: () => () => {
      throw boom
    },
    thrown: boom
  },
  'its Task gives no Either': { act: () => async () => 'Right', thrown: noEither }
}

const failureOf = (way: string, name: string, phase: 'acquire' | 'release') => {
  const { left: code, thrown } = badWays[way] ?? {}
  return code === undefined ? hookFailed(name, phase, thrown) : rejected(code)
}

// the law

interface Plan {
  readonly acquire: string
  /** None: the hook has no release. */
  readonly release: string | undefined
}

const verdicts: Readonly<Record<string, Verdict>> = {
  ack,
  nack: nack({ afterMs: 5 }),
  failed: failed(rejected('late'))
}

const handlers: Readonly<Record<string, () => unknown>> = {
  ack: async () => ack,
  nack: async () => verdicts.nack,
  failed: () => async () => verdicts.failed,
  throws: () => {
    throw boom
  },
  rejects: async () => Promise.reject(boom),
  'no verdict': async () => undefined
}

/** What the handler's answer is to the innermost hook. */
const handled = (handler: string): Promise<Outcome> =>
  handle(otherwise(handlers[handler] as never))({ format: json, hooks: [] })(message('1'))()

/** What is to happen, told without the code that does it. */
const expected = async (plans: readonly Plan[], handler: string): Promise<unknown> => {
  const log: unknown[] = []
  const inner = async (index: number): Promise<Outcome> => {
    const plan = plans[index]
    if (plan === undefined) {
      log.push('handler')
      return handled(handler)
    }
    const name = `h${index}`
    log.push(`acquire ${name}`)
    if (plan.acquire in badWays) return failed(failureOf(plan.acquire, name, 'acquire'))
    const outcome = await inner(index + 1)
    if (plan.release === undefined) return outcome
    log.push([`release ${name}`, `value of ${name}`, plain(outcome), { abandoned: false }])
    return plan.release in badWays && outcome._tag === 'Acked'
      ? failed(failureOf(plan.release, name, 'release'))
      : outcome
  }
  const outcome = plain(await inner(0))
  return { outcome, log }
}

const actual = async (plans: readonly Plan[], handler: string): Promise<unknown> => {
  const log: unknown[] = []
  const act = (way: string, value: unknown): unknown => (goodWays[way] ?? badWays[way]?.act)?.(value)
  const hooks = plans.map(({ acquire, release }, index): PipelineHook => {
    const name = `h${index}`
    return {
      name,
      acquire: () => {
        log.push(`acquire ${name}`)
        return act(acquire, `value of ${name}`) as never
      },
      release:
        release === undefined
          ? undefined
          : (value: unknown, outcome: Outcome, info: ReleaseInfo) => {
              log.push([`release ${name}`, value, plain(outcome), info])
              return act(release, undefined) as never
            }
    }
  })
  const run = () => {
    log.push('handler')
    return handlers[handler]?.()
  }
  const outcome = plain(await handle(otherwise(run as never))({ format: json, hooks })(message('1'))())
  return { outcome, log }
}

const aWay = fc.constantFrom(...Object.keys(goodWays), ...Object.keys(goodWays), ...Object.keys(badWays))
const aPlan = fc.record({ acquire: aWay, release: fc.option(aWay, { nil: undefined }) })

const laws = suite('withHooks')

laws('acquires in order and releases in reverse, once each, whatever fails where', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(aPlan, { maxLength: 5 }),
      fc.constantFrom(...Object.keys(handlers)),
      async (plans, handler) => assert.equal(await actual(plans, handler), await expected(plans, handler))
    ),
    { numRuns: 500 }
  )
)

laws('does the same for each way in which the only hook can fail', async () => {
  for (const way of [...Object.keys(goodWays), ...Object.keys(badWays)])
    for (const handler of Object.keys(handlers))
      for (const plan of [
        { acquire: way, release: 'a promise' },
        { acquire: 'a promise', release: way }
      ])
        assert.equal(await actual([plan], handler), await expected([plan], handler), `${way}, ${handler}`)
})

// cases

const context: { readonly message: Message } = { message: message('1') }
const never = () => false

laws('hands a Left of acquire on as it is', async () => {
  const failure = rejected('unknown-tenant', { tenant: 'a' })
  const hook: PipelineHook = { name: 'tenant', acquire: () => async () => left(failure), release: undefined }
  assert.equal(await withHooks([hook], context, async () => ack, never), failed(failure))
})

laws('replaces Acked alone when a release fails, and outer releases see the new outcome', async () => {
  const seen: unknown[] = []
  const noting = (name: string, release: () => unknown): PipelineHook => ({
    name,
    acquire: async () => name,
    release: (_, outcome) => {
      seen.push([name, outcome._tag === 'Failed' ? outcome.failure._tag : outcome._tag])
      return release() as never
    }
  })
  const failing = () => async () => left(rejected('not committed'))
  const hooks = [noting('outer', failing), noting('tx', failing), noting('inner', async () => undefined)]
  assert.equal(await withHooks(hooks, context, async () => ack, never), failed(rejected('not committed')))
  assert.equal(await withHooks(hooks, context, async () => nack(), never), nack())
  assert.equal(seen, [
    ['inner', 'Acked'],
    ['tx', 'Acked'],
    ['outer', 'Rejected'],
    ['inner', 'Nacked'],
    ['tx', 'Nacked'],
    ['outer', 'Nacked']
  ])
})

laws('waits for one release before it begins the next', async () => {
  const log: string[] = []
  const slow = (name: string): PipelineHook => ({
    name,
    acquire: async () => {
      await new Promise((resolve) => void setImmediate(resolve))
      log.push(`acquired ${name}`)
    },
    release: async () => {
      log.push(`releasing ${name}`)
      await new Promise((resolve) => void setImmediate(resolve))
      log.push(`released ${name}`)
    }
  })
  await withHooks([slow('a'), slow('b')], context, async () => ack, never)
  assert.equal(log, ['acquired a', 'acquired b', 'releasing b', 'released b', 'releasing a', 'released a'])
})

laws('gives each hook the values of those before it', async () => {
  const seen: unknown[] = []
  const note = (context: object) =>
    seen.push(Object.fromEntries(Object.entries(context).filter(([name]) => name !== 'message')))
  const hook = (name: string): PipelineHook => ({
    name,
    acquire: async (context) => {
      note(context)
      return name.toUpperCase()
    },
    release: undefined
  })
  const use = async (context: object) => {
    note(context)
    return ack
  }
  await withHooks([hook('a'), hook('b')], context, use, never)
  assert.equal(seen, [{}, { a: 'A' }, { a: 'A', b: 'B' }])
})

laws('tells releases that the handler was given up', async () => {
  const seen: ReleaseInfo[] = []
  let isAbandoned = false
  const hook: PipelineHook = {
    name: 'tx',
    acquire: async () => 1,
    release: async (_, __, info) => void seen.push(info)
  }
  const use = async () => {
    isAbandoned = true
    return ack
  }
  await withHooks([hook], context, use, () => isAbandoned)
  assert.equal(seen, [{ abandoned: true }])
})

laws.run()

const names = suite('refuseNamesake')

names("refuses a name taken twice, and the message's own", () => {
  const hook = (name: string): PipelineHook => ({ name, acquire: async () => 1, release: undefined })
  const refused =
    (...words: readonly string[]) =>
    (error: unknown): boolean =>
      error instanceof TypeError && words.every((word) => error.message.includes(word))
  assert.throws(() => refuseNamesake([], 'message'), refused("'message'"))
  assert.throws(() => refuseNamesake([hook('a'), hook('b')], 'a'), refused('hook 1', 'hook 3', "'a'"))
  assert.not.throws(() => refuseNamesake([hook('a'), hook('b')], 'c'))
})

names.run()
