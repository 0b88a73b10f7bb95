/** Suites that need a Redis. */
import { type Test, suite } from 'uvu'

/** A suite as uvu's; with `MISSIVE_SKIP_REDIS=1` its tests are skipped, its hooks too, and it says how many. */
export const redisSuite = (name: string): Test =>
  process.env.MISSIVE_SKIP_REDIS === '1' ? skipped(name) : suite(name)

const skipped = (name: string): Test => {
  const made = suite(name)
  let tests = 0
  const skipTest = (): void => {
    tests += 1
    made.skip()
  }
  const noHook = Object.assign(() => undefined, { each: () => undefined })
  return Object.assign(skipTest, {
    only: skipTest,
    skip: () => made.skip(),
    before: noHook,
    after: noHook,
    run: () => {
      console.log(`no Redis wanted: ${tests} tests skipped`)
      made.run()
    }
  })
}
