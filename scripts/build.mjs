// Builds dist: ES modules, and CommonJS from a copy of lib beside a package.json that says so.
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
const copy = join(root, '.cache', 'commonjs')

const compile = (project) =>
  execFileSync(process.execPath, [tsc, '-p', project], { stdio: 'inherit', cwd: root })
const write = (file, value) => writeFileSync(file, `${JSON.stringify(value)}\n`)

rmSync(join(root, 'dist'), { recursive: true, force: true })
compile(join(root, 'tsconfig.build.json'))
chmodSync(join(root, 'dist', 'esm', 'cli', 'main.js'), 0o755)

rmSync(copy, { recursive: true, force: true })
mkdirSync(copy, { recursive: true })
cpSync(join(root, 'lib'), join(copy, 'lib'), { recursive: true })
// A CommonJS module has no import.meta.
writeFileSync(
  join(copy, 'lib', 'here.ts'),
  "import { pathToFileURL } from 'node:url'\n\nexport const here: string = pathToFileURL(__filename).href\n"
)
write(join(copy, 'package.json'), { type: 'commonjs' })
write(join(copy, 'tsconfig.json'), {
  extends: '../../tsconfig.build.json',
  include: ['lib'],
  // Nothing imports the command, which is run as a module.
  exclude: ['lib/cli'],
  compilerOptions: {
    // Makes a `require` of each `import()`, which Jest refuses to CommonJS.
    module: 'commonjs',
    moduleResolution: 'bundler',
    rootDir: 'lib',
    outDir: '../../dist/cjs',
    verbatimModuleSyntax: false,
    sourceMap: false,
    declarationMap: false
  }
})
compile(copy)
write(join(root, 'dist', 'cjs', 'package.json'), { type: 'commonjs' })
