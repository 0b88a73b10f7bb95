import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { flawOf } from '../../lib/sqlite/driver.js'
import { inFolder } from '../support/letters.js'

const older = { node: '20.20.2', napi: '9' }
const newer = { node: '24.21.0', napi: '10' }

const symbol = '_ZN4node28RemoveEnvironmentCleanupHookEPN2v87IsolateEPFvPvES3_'

/** Of a package of that version, with a binary that has this among its bytes. */
const flawIn = async (version: string, binary: string | undefined, versions: typeof older) => {
  let flaw: string | undefined
  await inFolder(async (folder) => {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ version }))
    if (binary !== undefined) {
      const path = join(folder, 'build', 'Release', 'better_sqlite3.node')
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, Buffer.concat([Buffer.from([0x7f, 0, 0xff]), Buffer.from(`\0${binary}\0`)]))
    }
    flaw = flawOf(folder, versions)
  })
  return flaw
}

const flaws = suite('flawOf')

flaws('refuses what wants a newer Node-API than there is', async () => {
  const flaw = 'better-sqlite3 13.2.0 does not run on Node 20.20.2; install better-sqlite3@12'
  assert.is(await flawIn('13.2.0', undefined, older), flaw)
  assert.is(await flawIn('13.2.0', undefined, newer), undefined)
})

flaws('refuses what was built with headers by which Node ends the process', async () => {
  const flaw = 'better-sqlite3 12.11.1 aborts when it is built for Node 24.21.0; install better-sqlite3@13'
  assert.is(await flawIn('12.11.1', symbol, newer), flaw)
  assert.is(await flawIn('12.11.1', symbol.replace('28Remove', '25Add'), newer), undefined)
  assert.is(await flawIn('12.11.1', undefined, newer), undefined)
  assert.is(await flawIn('13.2.0', symbol, newer), undefined)
  // Node 20 and 22 have no such headers, so nobody waits there for the binary to be searched.
  assert.is(await flawIn('12.11.1', symbol, older), undefined)
})

flaws.run()
