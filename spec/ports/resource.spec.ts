import * as fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { left, right } from '../../lib/core/result.js'
import {
  Resource,
  type Resource as ResourceType,
  closeProblem,
  isResource,
  resourceError
} from '../../lib/ports/resource.js'
import { virtualClock } from '../support/clock.js'

const boom = new RangeError('boom')
const said = (name: string) => left(resourceError(name, 'RangeError: boom'))

/** A resource that notes what becomes of it. */
const noted = (log: string[], name: string): ResourceType<string> =>
  Resource.make(
    name,
    async () => {
      log.push(`open ${name}`)
      return right(name)
    },
    async (value) => void log.push(`close ${value}`)
  )

/** Opens it and closes it again; gives what opening and closing gave. */
const openAndClose = async (resource: ResourceType<unknown>): Promise<readonly unknown[]> => {
  const opened = await resource.open()
  if (opened._tag === 'Left') return [opened]
  return [right(opened.right.value), await opened.right.close()]
}

const making = suite('Resource.make')

making('opens and closes', async () => {
  const log: string[] = []
  assert.equal(await openAndClose(noted(log, 'db')), [right('db'), right(undefined)])
  assert.equal(log, ['open db', 'close db'])
})

making('opens nothing before it is asked to, and anew each time', async () => {
  const log: string[] = []
  const resource = noted(log, 'db')
  assert.equal(log, [])
  await openAndClose(resource)
  await openAndClose(resource)
  assert.equal(log, ['open db', 'close db', 'open db', 'close db'])
})

making('closes once, however often and at once it is asked to', async () => {
  const log: string[] = []
  const opened = await noted(log, 'db').open()
  if (opened._tag === 'Left') throw new Error('it opens')
  const { close } = opened.right
  assert.equal(await Promise.all([close(), close()]), [right(undefined), right(undefined)])
  assert.equal(await close(), right(undefined))
  assert.equal(log, ['open db', 'close db'])
})

making('gives the error of its own, or makes one of what is thrown', async () => {
  const full = left(resourceError('db', 'the disk is full'))
  const unused = async () => assert.unreachable()
  const of = (acquire: () => Promise<never>) => Resource.make('db', acquire, unused)
  assert.equal(await of(async () => full as never).open(), full)
  assert.equal(await of(async () => Promise.reject(boom)).open(), said('db'))
  assert.equal(
    await of(() => {
      throw boom
    }).open(),
    said('db')
  )
})

making('makes an error of what is thrown when it closes', async () => {
  const releases = [
    async () => Promise.reject(boom),
    () => {
      throw boom
    }
  ]
  for (const release of releases)
    assert.equal(await openAndClose(Resource.make('db', async () => right(1), release)), [
      right(1),
      said('db')
    ])
})

making.run()

const constant = suite('Resource.of')

constant('needs no closing', async () =>
  assert.equal(await openAndClose(Resource.of(3)), [right(3), right(undefined)])
)

constant.run()

const mapping = suite('Resource.map')

mapping('changes the value alone', async () => {
  const log: string[] = []
  const resource = pipe(
    noted(log, 'db'),
    Resource.map((name) => name.toUpperCase())
  )
  assert.equal(await openAndClose(resource), [right('DB'), right(undefined)])
  assert.equal(log, ['open db', 'close db'])
})

mapping('closes the resource where the function throws', async () => {
  const log: string[] = []
  const resource = pipe(
    noted(log, 'db'),
    Resource.map(() => {
      throw boom
    })
  )
  assert.equal(await resource.open(), said('resource'))
  assert.equal(log, ['open db', 'close db'])
})

mapping.run()

const chaining = suite('Resource.flatMap')

chaining('opens one after the other, and closes in reverse', async () => {
  const log: string[] = []
  const resource = pipe(
    noted(log, 'db'),
    Resource.flatMap((db) => noted(log, `${db}.queue`))
  )
  assert.equal(await openAndClose(resource), [right('db.queue'), right(undefined)])
  assert.equal(log, ['open db', 'open db.queue', 'close db.queue', 'close db'])
})

chaining('closes what is open where the next cannot be', async () => {
  const ways: readonly (() => ResourceType<never>)[] = [
    () => ({ open: async () => said('queue') }),
    () => ({ open: async () => Promise.reject(boom) }),
    () => ({
      open: () => {
        throw boom
      }
    }),
    () => {
      throw boom
    }
  ]
  for (const next of ways) {
    const log: string[] = []
    const opened = await pipe(noted(log, 'db'), Resource.flatMap(next)).open()
    assert.equal([opened._tag, log], ['Left', ['open db', 'close db']])
  }
})

chaining('opens no next where the first cannot be', async () => {
  const first = Resource.make(
    'db',
    async () => Promise.reject(boom),
    async () => undefined
  )
  const resource = pipe(
    first,
    Resource.flatMap(() => assert.unreachable() as never)
  )
  assert.equal(await resource.open(), said('db'))
})

chaining('closes the first though the second does not close, and says so', async () => {
  const log: string[] = []
  const stubborn = Resource.make(
    'queue',
    async () => right(1),
    async () => Promise.reject(boom)
  )
  const resource = pipe(
    noted(log, 'db'),
    Resource.flatMap(() => stubborn)
  )
  assert.equal(await openAndClose(resource), [right(1), said('queue')])
  assert.equal(log, ['open db', 'close db'])
})

chaining.run()

// the law

type Way = 'well' | 'left' | 'throws' | 'rejects'

const acting = (way: Way, name: string): Promise<any> => {
  if (way === 'throws') throw boom
  if (way === 'rejects') return Promise.reject(boom)
  return Promise.resolve(way === 'left' ? said(name) : right(name))
}

const aWay = fc.constantFrom<Way>('well', 'well', 'well', 'left', 'throws', 'rejects')
const aPlan = fc.record({ acquire: aWay, release: fc.constantFrom<Way>('well', 'well', 'throws', 'rejects') })

/** Whatever fails where: what was opened is closed once, in reverse, and the first error is told. */
const putTogether = suite('Resource.all, Resource.use')

putTogether('close everything that was opened once, in reverse, whatever fails where', () =>
  fc.assert(
    fc.asyncProperty(fc.array(aPlan, { maxLength: 6 }), aWay, async (plans, using) => {
      const log: string[] = []
      const resources = plans.map(({ acquire, release }, index) => {
        const name = `r${index}`
        return [
          name,
          Resource.make(
            name,
            () => {
              log.push(`open ${name}`)
              return acting(acquire, name)
            },
            (value: string) => {
              log.push(`close ${value}`)
              return acting(release, name).then(() => undefined)
            }
          )
        ] as const
      })
      const used = await pipe(
        Resource.all(Object.fromEntries(resources)),
        Resource.use((values) => () => {
          log.push(`use ${Object.values(values).join(' ')}`)
          return acting(using, 'use').then(() => 'used')
        })
      )()

      const names = plans.map((_, index) => `r${index}`)
      const broken = plans.findIndex(({ acquire }) => acquire !== 'well')
      const opened = broken === -1 ? names : names.slice(0, broken)
      const expected = [
        ...names.slice(0, broken === -1 ? names.length : broken + 1).map((name) => `open ${name}`),
        ...(broken === -1 ? [`use ${names.join(' ')}`] : []),
        ...opened.toReversed().map((name) => `close ${name}`)
      ]
      assert.equal(log, expected)
      const unclosed = opened.findLast((_, index) => plans[index]?.release !== 'well')
      if (broken !== -1) assert.equal(used, said(`r${broken}`))
      else if (using === 'throws' || using === 'rejects') assert.equal(used, said('resource'))
      else assert.equal(used, unclosed === undefined ? right('used') : said(unclosed))
    }),
    { numRuns: 300 }
  )
)

putTogether('give the values by their names', async () => {
  const resource = Resource.all({ db: Resource.of(1), queue: Resource.of('q') })
  assert.equal(
    await pipe(
      resource,
      Resource.use(({ db, queue }) => async () => [db + 1, queue])
    )(),
    right([2, 'q'])
  )
  assert.equal(await openAndClose(Resource.all({})), [right({}), right(undefined)])
})

putTogether('closes before it gives what was made', async () => {
  const log: string[] = []
  await pipe(
    noted(log, 'db'),
    Resource.use(() => async () => log.push('used'))
  )()
  assert.equal(log, ['open db', 'used', 'close db'])
})

putTogether('is not run for a resource that cannot be opened', async () => {
  const used = pipe(
    { open: async () => said('db') },
    Resource.use(() => assert.unreachable() as never)
  )
  assert.equal(await used(), said('db'))
})

putTogether('closes where the function throws before there is a Task', async () => {
  const log: string[] = []
  const used = pipe(
    noted(log, 'db'),
    Resource.use(() => {
      throw boom
    })
  )
  assert.equal([await used(), log], [said('resource'), ['open db', 'close db']])
})

putTogether.run()

const guarding = suite('isResource')

guarding('knows what can be opened', () => {
  assert.equal(
    [Resource.of(1), { open: () => 1 }, {}, { open: 1 }, null, undefined, () => 1, 'open'].map(isResource),
    [true, true, false, false, false, false, false, false]
  )
})

guarding.run()

const closing = suite('closeProblem')

closing('says what went wrong, or that it takes too long, and else nothing', async () => {
  const clock = virtualClock()
  const problem = (close: () => Promise<any>) => closeProblem(close, 1_000, clock, 'too late')
  assert.is(await problem(async () => right(undefined)), undefined)
  assert.is(await problem(async () => left(resourceError('db', 'the disk is full'))), 'the disk is full')
  assert.is(await problem(() => Promise.reject(boom)), 'boom')
  assert.is(
    await problem(() => {
      throw boom
    }),
    'boom'
  )
  const late = problem(() => new Promise(() => undefined))
  await clock.advance(1_000)
  assert.is(await late, 'too late')
  assert.equal(clock.waiting(), [])
})

closing.run()
