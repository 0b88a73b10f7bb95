/** The package as its users get it: built from a copy, packed, and unpacked where they have installed it. */
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { type Ended, repository, run } from './program.js'

export interface Packed {
  readonly tarball: string
  /** Paths in the tarball. */
  readonly files: readonly string[]
  /** Those of them that Node may run as they are. */
  readonly executables: readonly string[]
  /** The repository as it was when it was packed. */
  readonly copy: string
  /** Makes a folder of a user who has installed it with these packages beside it. */
  readonly installed: (name: string, packages: readonly string[], from?: string) => Promise<string>
}

export const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
  readonly version: string
  readonly exports: Readonly<Record<string, unknown>>
  readonly bin: { readonly missive: string }
}
export const subpaths = Object.keys(manifest.exports).filter((subpath) => !subpath.endsWith('.json'))
export const specifiers = subpaths.map((subpath) => `missive-ts${subpath.slice(1)}`)

/** What is installed with it, without being asked for. */
export const needed = ['fp-ts', 'io-ts', '@standard-schema/spec', 'commander']

export const succeeded = async (running: Promise<Ended>): Promise<string> => {
  const { code, stdout, stderr } = await running
  if (code !== 0) throw new Error(`ended with ${code}: ${stdout}${stderr}`)
  return stdout
}

const notCopied = /^(?:node_modules|dist|\.git|\.cache|bench[\\/]data)$|\.db(?:-\w+)?$|\.tgz$/

/** Built and packed from a copy, so that nobody's `dist` changes under them, and nothing stale is packed. */
export const packedIn = async (folder: string): Promise<Packed> => {
  const copy = join(folder, 'copy')
  cpSync(repository, copy, {
    recursive: true,
    filter: (path) => !notCopied.test(relative(repository, path))
  })
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'))
  await succeeded(run('npm', ['run', '-s', 'build'], { cwd: copy }))
  const pack = ['pack', '--json', '--ignore-scripts', '--offline', '--pack-destination', folder]
  const [packed] = JSON.parse(await succeeded(run('npm', pack, { cwd: copy }))) as readonly {
    readonly filename: string
    readonly files: readonly { readonly path: string; readonly mode: number }[]
  }[]
  if (packed === undefined) throw new Error('npm packed nothing')
  const tarball = join(folder, basename(packed.filename))

  const installed = async (
    name: string,
    packages: readonly string[],
    from = join(repository, 'node_modules')
  ): Promise<string> => {
    const modules = join(folder, name, 'node_modules')
    const unpacked = join(modules, 'missive-ts')
    mkdirSync(unpacked, { recursive: true })
    await succeeded(run('tar', ['-xzf', tarball, '--strip-components=1'], { cwd: unpacked }))
    for (const dependency of packages) {
      mkdirSync(dirname(join(modules, dependency)), { recursive: true })
      symlinkSync(join(from, dependency), join(modules, dependency))
    }
    return join(folder, name)
  }
  return {
    tarball,
    files: packed.files.map(({ path }) => path),
    executables: packed.files.flatMap(({ path, mode }) => ((mode & 0o111) === 0 ? [] : [path])),
    copy,
    installed
  }
}
