import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type * as telling from '../../lib/otel.js'
import type { Resource } from '../../lib/ports/resource.js'
import type * as storing from '../../lib/sqlite.js'
import { inEmptyFolder, repository } from '../support/program.js'

/** Inside the repository, so that packages are found from it. */
const bundling = async (
  entry: string,
  format: 'esm' | 'cjs',
  use: (outfile: string) => Promise<void>
): Promise<void> => {
  mkdirSync(join(repository, '.cache'), { recursive: true })
  const folder = mkdtempSync(join(repository, '.cache', 'bundled 100%20#'))
  try {
    const outfile = join(folder, format === 'esm' ? 'program.mjs' : 'program.cjs')
    const entryPoints = [join(repository, 'lib', entry)]
    const logLevel = 'error'
    await build({
      entryPoints,
      outfile,
      format,
      logLevel,
      bundle: true,
      platform: 'node',
      packages: 'external'
    })
    await use(outfile)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const bundled = suite('a program that is one file')

for (const format of ['esm', 'cjs'] as const) {
  bundled(`is refused what needs a thread, before anything is made, and told what to do: ${format}`, () =>
    inEmptyFolder((cwd) =>
      bundling('sqlite.ts', format, async (outfile) => {
        const { sqliteDlq, sqliteIdempotency } = (await import(pathToFileURL(outfile).href)) as typeof storing
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
              `there is no ${dirname(outfile)}/${name}/sqlite-worker.js, which its thread runs: where missive-ts is bundled, leave it out of the bundle`
            )
        }
        assert.equal(readdirSync(cwd), [])
      })
    )
  )

  bundled(`finds the API of OpenTelemetry: ${format}`, () =>
    bundling('otel.ts', format, async (outfile) => {
      const { metricsOf, withTracing } = (await import(pathToFileURL(outfile).href)) as typeof telling
      assert.not.throws(() => withTracing())
      assert.not.throws(() => metricsOf())
    })
  )
}

bundled.run()
