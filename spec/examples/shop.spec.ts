import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inEmptyFolder, repository, run, typescript } from '../support/program.js'

/** The commands of a console, each with what it prints. */
interface Step {
  readonly command: string
  readonly output: string
}

const stepsOf = (console: string): readonly Step[] =>
  console
    .split(/^\$ /m)
    .slice(1)
    .map((step) => {
      const [command = '', ...lines] = step.split('\n')
      return { command, output: lines.join('\n').trim() }
    })

/** The consoles of one chapter of the README. */
const walk: readonly Step[] = Array.from(
  (
    /^## The morning after\n([\s\S]*?)^## /m.exec(readFileSync(join(repository, 'README.md'), 'utf8'))?.[1] ??
    ''
  ).matchAll(/^```console\n([\s\S]*?)^```$/gm),
  ([, console = '']) => stepsOf(console)
).flat()

/** What npm would find in the folder of a user, from this repository's sources. */
const npx = `npx() {
  local name=$1; shift
  case $name in
    missive) node --import "$TYPESCRIPT" "$REPOSITORY/lib/cli/main.ts" "$@" ;;
    tsx) node --import "$TYPESCRIPT" "$@" ;;
  esac
}`

/** Without what is another each time: the run's part of ids, keys, which are made of ids, and times. */
const settled = (text: string): string =>
  text
    .replace(/\b[0-9a-f]{12}(?=:\d)/g, 'RUN')
    .replace(/\b(?=[0-9a-f]*\d)[0-9a-f]{10}(?:[0-9a-f]{30})?\b/g, 'KEY')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/\b\d+ ms\b/g, 'MS')
    .replace(/just now|\d+ (?:s|min|h|d) ago/g, 'AGO')
    .replace(/[ \t]+/g, ' ')
    .replace(/ $/gm, '')
    .trim()

const shop = suite('the morning after, in the README')

shop('goes as it is printed there', () =>
  inEmptyFolder(async (folder) => {
    assert.ok(walk.length >= 8, `${walk.length} steps`)
    cpSync(join(repository, 'examples', 'shop'), folder, { recursive: true })
    symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    const keys = new Map<string, string>()
    for (const { command, output } of walk) {
      // A key that was printed in the README stands for the one that was printed in its place here.
      const own = command.replace(/\b[0-9a-f]{10}\b/g, (key) => keys.get(key) ?? key)
      const { stdout, stderr } = await run('bash', ['-c', `${npx}\n{ ${own}\n} 2>&1`], {
        cwd: folder,
        env: {
          TYPESCRIPT: typescript,
          REPOSITORY: repository,
          TSX_TSCONFIG_PATH: join(repository, 'tsconfig.json'),
          NO_COLOR: '1'
        }
      })
      const printed = stdout.replaceAll(folder, '/home/you/shop')
      assert.is(settled(printed), settled(output), `$ ${command}\n${printed}${stderr}`)
      const [here, there] = [printed, output].map(
        (text) => text.match(/\b(?=[0-9a-f]*\d)[0-9a-f]{10}\b/g) ?? []
      )
      there?.forEach((key, index) => keys.set(key, here?.[index] ?? key))
    }
  })
)

shop.run()
