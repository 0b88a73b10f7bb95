import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Resource } from '../../lib/core/resource.js'
import type * as bundle from '../../lib/sqlite.js'
import { inEmptyFolder, repository } from '../support/program.js'

const bundled = suite('a program that is one file')

bundled('is refused what needs a thread, before anything is made, and told what to do', () =>
  inEmptyFolder(async (cwd) => {
    // Inside the repository, so that packages are found from it.
    mkdirSync(join(repository, '.cache'), { recursive: true })
    const folder = mkdtempSync(join(repository, '.cache', 'bundled-'))
    try {
      const outfile = join(folder, 'program.js')
      const entryPoints = [join(repository, 'lib', 'sqlite.ts')]
      await build({
        entryPoints,
        outfile,
        bundle: true,
        platform: 'node',
        format: 'esm',
        packages: 'external'
      })
      const { sqliteDlq, sqliteIdempotency } = (await import(outfile)) as typeof bundle
      const resources: Readonly<Record<string, Resource<unknown>>> = {
        dlq: sqliteDlq(join(cwd, 'a.db')),
        idempotency: sqliteIdempotency(join(cwd, 'b.db'))
      }
      for (const [name, { open }] of Object.entries(resources)) {
        const opened = await open()
        assert.is(opened._tag, 'Left')
        if (opened._tag === 'Left')
          assert.is(
            opened.left.message,
            `there is no ${folder}/${name}/sqlite-worker.js, which its thread runs: where missive-ts is bundled, leave it out of the bundle`
          )
      }
      assert.equal(readdirSync(cwd), [])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
)

bundled.run()
